"""The process that reads one uploaded file and ends.

    python -m ...child KIND CPU_SECONDS MEMORY_BYTES FILE_BYTES [PAGE ...]

The file is its standard input. Its standard output is lines of JSON: `{"done": 3, "total": 9}` while it goes, and last
`{"extracted": {...}}`, `{"refused": {"message", "resolution", "code"}}` or `{"broken": "PdfReadError at pdf.py:71"}`.
Asked for pages, it answers how they look: `{"picture": "<base64 of a JPEG>"}` for each, and last `{"shown": 2}`.
"""

import base64
import json
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict, replace
from io import BytesIO
from typing import Any, BinaryIO

from PIL import Image

from apps.common.errors import InvalidInput
from apps.contributions.formats.documents.base import Extracted, clean, require_length
from apps.contributions.formats.documents.kinds import FileKind
from apps.contributions.formats.documents.limits import limit_this_process
from apps.contributions.formats.documents.readers import BY_KIND

MAX_SHOWN_SIDE = 2_048  # pixels
OUT_OF_MEMORY = {
    "message": "Reading the file took more memory than one file may.",
    "resolution": "Upload it in parts, or with its pictures scaled down.",
    "code": "out_of_memory",
}


def main(kind: str, cpu_seconds: str, memory_bytes: str, file_bytes: str, *pages: str) -> None:
    limit_this_process(cpu_seconds=int(cpu_seconds), memory_bytes=int(memory_bytes), file_bytes=int(file_bytes))
    with own_output() as output:
        _tell(output, _outcome(FileKind(kind), [int(page) for page in pages], output))


def _outcome(kind: FileKind, pages: Sequence[int], output: BinaryIO) -> dict[str, Any]:
    """What came of it. A library may raise anything at all over a file made to break it."""
    try:
        return {"shown": _show(kind, pages, output)} if pages else {"extracted": asdict(_read(kind, output))}
    except InvalidInput as refusal:
        return {"refused": {"message": refusal.message, "resolution": refusal.resolution, "code": refusal.code}}
    except MemoryError:
        return {"refused": OUT_OF_MEMORY}
    except Exception as error:
        return {"broken": _describe(error)}


def _read(kind: FileKind, output: BinaryIO) -> Extracted:
    data = sys.stdin.buffer.read()
    extracted = BY_KIND[kind].read(
        data, kind=kind, report=lambda done, total: _tell(output, {"done": done, "total": total})
    )
    text = clean(extracted.text).strip("\n")
    require_length(len(text))
    return replace(extracted, text=text)


def _show(kind: FileKind, pages: Sequence[int], output: BinaryIO) -> int:
    shown = 0
    for image in BY_KIND[kind].show(sys.stdin.buffer.read(), kind=kind, pages=pages):
        shown += 1
        _tell(output, {"picture": base64.b64encode(_jpeg(image)).decode()})
    return shown


def _jpeg(image: Image.Image) -> bytes:
    """The pixels alone, no larger than vision models look at: a camera's place and time stay here."""
    image.thumbnail((MAX_SHOWN_SIDE, MAX_SHOWN_SIDE))
    file = BytesIO()
    image.save(file, "JPEG", quality=85, exif=b"")
    return file.getvalue()


def own_output() -> BinaryIO:
    """Standard output for the lines alone: what a library prints goes where errors go."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return output


def _tell(output: BinaryIO, line: dict[str, Any]) -> None:
    output.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    output.flush()


def _describe(error: Exception) -> str:
    """Kind and place of an error and never its message, which may quote the file."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {os.path.basename(last.filename)}:{last.lineno}"


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Plain text: UTF-8, UTF-16 and UTF-32 with a byte order mark, else Windows-1252 (which Latin-1 is part of)."""

from collections.abc import Iterator, Sequence

from PIL import Image

from apps.contributions.formats.documents.base import Extracted, Report, clean, require_length
from apps.contributions.formats.documents.kinds import FileKind, decode


class Text:
    name = "text"
    kinds = frozenset({FileKind.TEXT})

    def read(self, data: bytes, *, kind: FileKind, report: Report) -> Extracted:
        text, codec = decode(data)
        require_length(len(text))
        report(1, 1)
        return Extracted(text=text.lstrip("\ufeff"), pages=1, warnings=tuple(_warnings(text, codec)))

    def show(self, data: bytes, *, kind: FileKind, pages: Sequence[int]) -> Iterator[Image.Image]:
        yield from ()  # nobody needs to look at it


def _warnings(text: str, codec: str) -> list[str]:
    warnings = []
    if codec == "windows-1252":
        warnings.append("The file is not UTF-8. It was read as Windows-1252 (Western European): check its accents.")
    if broken := text.count("\ufffd"):
        warnings.append(f"{broken:,} characters could not be decoded.")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    if removed := len(lines) - len(clean(lines)):
        warnings.append(f"{removed:,} characters that no database stores (NUL) were left out.")
    return warnings

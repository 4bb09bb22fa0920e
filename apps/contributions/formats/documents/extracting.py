"""The text of an uploaded file, read by a child process that may use little and knows nothing.

The child gets the file as its standard input, limits on time, memory and temporary files, none of our environment but
where programs lie, and a folder for temporary files that goes when it ends. It reads no settings and opens no database.
"""

import base64
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

from pydantic import TypeAdapter, ValidationError

from apps.common.errors import InvalidInput, TooLarge
from apps.contributions.formats.documents.base import MAX_CHARACTERS, MAX_FILE_BYTES, MAX_SHOWN, Extracted, Report
from apps.contributions.formats.documents.kinds import FileKind, require_readable, sniff
from apps.contributions.formats.documents.limits import LIMITS, Limits

CHILD = "apps.contributions.formats.documents.child"
PROJECT = Path(__file__).resolve().parents[4]
PASSED_ON = ("PATH", "TESSDATA_PREFIX")  # where programs and tesseract's languages lie: nothing else of the environment
# Tesseract's threads hinder one another; those of numpy, which comes along where it is installed, take address space.
ONE_THREAD = {"OMP_THREAD_LIMIT": "1", "OPENBLAS_NUM_THREADS": "1"}
MAX_LINE_BYTES = 8 * MAX_CHARACTERS  # more than any text within its limit takes as JSON
EXTRACTED = TypeAdapter(Extracted)
OUTCOMES = {"extracted", "shown", "refused", "broken"}

logger = logging.getLogger(__name__)


def extract(
    source: bytes | Path | BinaryIO, *, on_progress: Report = lambda done, total: None, limits: Limits = LIMITS
) -> Extracted:
    """The text of a file of any readable kind. InvalidInput and TooLarge say what to do about others.

    `on_progress(done, total)` is called after each page. What it raises ends the child and comes out here.
    """
    with _child(source, limits) as child:
        outcome = child.listen(lambda line: on_progress(int(line["done"]), int(line["total"])))
    with suppress(KeyError, ValidationError):
        return EXTRACTED.validate_python(outcome["extracted"])
    raise _refusal(outcome, child)


def show_pages(source: bytes | Path | BinaryIO, *, pages: Sequence[int], limits: Limits = LIMITS) -> list[bytes]:
    """JPEGs of at most MAX_SHOWN pages of a PDF or of a picture (its page 1), for a model that reads pictures.

    Whoever sends them away sends personal data: ask first. Raises as `extract` does.
    """
    if not 0 < len(pages) <= MAX_SHOWN:
        raise ValueError(f"between 1 and {MAX_SHOWN} pages at a time")
    pictures: list[bytes] = []
    with _child(source, limits, pages) as child:
        outcome = child.listen(lambda line: pictures.append(base64.b64decode(line["picture"])))
    if "shown" not in outcome:
        raise _refusal(outcome, child)
    return pictures


@contextmanager
def _child(source: bytes | Path | BinaryIO, limits: Limits, pages: Sequence[int] = ()) -> Iterator["_Child"]:
    """A child that reads the source, once it is known to be of a readable kind."""
    with _opened(source) as file:
        _require_size(file)
        kind = sniff(file)
        require_readable(kind)
        with tempfile.TemporaryDirectory() as scratch:
            yield _Child(kind, file, scratch, limits, pages)


@contextmanager
def _opened(source: bytes | Path | BinaryIO) -> Iterator[BinaryIO]:
    """The source as a file of the system, which a child can have as its input. A copy never has a name."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as copy:
        copy.write(source if isinstance(source, bytes) else _from_its_beginning(source))
        yield copy


def _from_its_beginning(file: BinaryIO) -> bytes:
    """Whoever stored it may have read it before. One byte beyond the limit is enough to refuse it."""
    file.seek(0)
    return file.read(MAX_FILE_BYTES + 1)


def _require_size(file: BinaryIO) -> None:
    if file.seek(0, os.SEEK_END) > MAX_FILE_BYTES:
        raise TooLarge(f"The file has more than {MAX_FILE_BYTES:,} bytes.", resolution="Upload it in parts.")


class _Child:
    """One run of the child process, from its start to its end; whatever it started ends with it."""

    def __init__(self, kind: FileKind, file: BinaryIO, scratch: str, limits: Limits, pages: Sequence[int]) -> None:
        self.kind = kind
        self._limits = limits
        self.out_of_time = False
        numbers = (limits.cpu_seconds, limits.memory_bytes, limits.file_bytes, *pages)
        self._process = subprocess.Popen(  # noqa: S603  our own program; the file's name is no part of the command
            [sys.executable, "-m", CHILD, kind, *map(str, numbers)],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=PROJECT,
            env=_bare_environment(scratch),
            start_new_session=True,  # so that tesseract, which it starts, can be ended with it
        )

    def listen(self, on_line: Callable[[dict[str, Any]], None]) -> Mapping[str, Any]:
        """What the child says last, or nothing if it ends without that; what it says before is handed on."""
        timer = threading.Timer(self._limits.seconds, self._stop_late)
        timer.start()
        try:
            for line in self._lines():
                if OUTCOMES & set(line):
                    return line
                on_line(line)
            return {}
        finally:
            timer.cancel()
            timer.join()  # it must not signal a process that was waited for, whose number may be another's by then
            self._stop()
            self._process.wait()
            self._output.close()

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None  # noqa: S101  it was asked for
        return self._process.stdout

    def _lines(self) -> Iterator[dict[str, Any]]:
        with suppress(ValueError):  # no JSON: it went mad, and says no more
            while line := self._output.readline(MAX_LINE_BYTES):
                yield json.loads(line)

    def _stop_late(self) -> None:
        self.out_of_time = True
        self._stop()

    def _stop(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _bare_environment(scratch: str) -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**passed_on, **ONE_THREAD, "TMPDIR": scratch}


def _refusal(outcome: Mapping[str, Any], child: _Child) -> InvalidInput:
    if "refused" in outcome:
        refused = {name: str(outcome["refused"].get(name, "")) for name in ("message", "resolution", "code")}
        return InvalidInput(refused["message"], resolution=refused["resolution"], code=refused["code"])
    if child.out_of_time or child.returncode == -signal.SIGXCPU:
        return InvalidInput(
            "Reading the file took longer than one file may take.", resolution="Upload it in parts.", code="out_of_time"
        )
    why = outcome.get("broken", f"exit status {child.returncode}")
    logger.warning("a %s file was not read: %s", child.kind, why)
    return InvalidInput(
        f"The file begins like {child.kind.spoken} and cannot be read as that: it is broken or cut short.",
        resolution="Open it in another program, save a copy and upload that.",
        code="broken_file",
    )

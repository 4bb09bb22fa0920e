"""What reading an uploaded document is. One file per kind beside this one; `readers.READERS` lists them.

Only the child process (`child.py`) imports the readers and the libraries they stand on: a web process never holds a
parser that a stranger's file could break.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from apps.common.errors import InvalidInput
from apps.common.safe_json import UNUSABLE_TEXT
from apps.contributions.formats.documents.kinds import FileKind

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_FILE_BYTES = 50_000_000
MAX_PAGES = 500
MAX_PIXELS = 40_000_000  # of a picture, by its header: a telephone's photo has 12 to 24 million
MAX_SHOWN = 50  # pages rendered at a time for somebody else to read
MAX_CHARACTERS = 5_000_000  # of text in one document

Report = Callable[[int, int], None]  # pages done, pages in all


@dataclass(frozen=True)
class Extracted:
    """The text of a document. It holds no NUL and no half of a surrogate pair, and its lines end in ``\\n``."""

    text: str
    pages: int  # a text or a picture is one page
    pages_without_text: tuple[int, ...] = ()  # from 1: what is left for a recogniser that was not at hand
    recogniser: str = ""  # what read pictures, with its version; empty where nothing did
    warnings: tuple[str, ...] = ()  # sentences for the person who uploaded it


class Reader(Protocol):
    """What reads files of some kinds. InvalidInput says what a person can do about a file that cannot be read."""

    @property
    def name(self) -> str: ...

    @property
    def kinds(self) -> frozenset[FileKind]: ...

    def read(self, data: bytes, *, kind: FileKind, report: Report) -> Extracted:
        """The text of the file, as it stands there: `clean` is called on it later, by the child."""

    def show(self, data: bytes, *, kind: FileKind, pages: Sequence[int]) -> Iterator["Image"]:
        """How these pages look, counted from 1, for a recogniser elsewhere; pages that are not there are left out."""


def clean(text: str) -> str:
    """The text as every database stores it: no NUL, no half of a surrogate pair, one kind of line end."""
    return UNUSABLE_TEXT.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n"))


def require_length(characters: int) -> None:
    if characters > MAX_CHARACTERS:
        raise InvalidInput(
            f"The file holds more than {MAX_CHARACTERS:,} characters of text.",
            resolution="Upload it in parts.",
            code="too_much_text",
        )

"""PDF: its text where it has some; pages that hold none are rendered and recognised, where tesseract is installed."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from io import BytesIO
from math import sqrt

import pypdf
import pypdfium2
from PIL import Image
from pypdf.errors import DependencyError, LimitReachedError, PdfReadError
from pypdf.generic import DictionaryObject

from apps.common.errors import InvalidInput
from apps.contributions.formats.documents import recognition
from apps.contributions.formats.documents.base import MAX_PAGES, Extracted, Report, require_length
from apps.contributions.formats.documents.kinds import FileKind

RENDER_SCALE = 300 / 72  # tesseract reads best at 300 dots per inch; a PDF counts in 72nds
MAX_RENDERED_PIXELS = 12_000_000  # A4 at that scale has 8.7 million


class Pdf:
    name = "pdf"
    kinds = frozenset({FileKind.PDF})

    def read(self, data: bytes, *, kind: FileKind, report: Report) -> Extracted:
        document = _Document(data)
        texts: list[str] = []
        for text in document.texts():
            texts.append(text)
            require_length(sum(map(len, texts)))
            report(len(texts), document.page_count)
        without = tuple(number for number, text in enumerate(texts, start=1) if not text)
        warnings = recognition.describe_pages_without_text(len(without), document.recogniser) if without else ""
        return Extracted(
            text="\n".join(texts),
            pages=len(texts),
            pages_without_text=without,
            recogniser=document.recogniser.name if document.recogniser else "",
            warnings=(warnings,) if warnings else (),
        )

    def show(self, data: bytes, *, kind: FileKind, pages: Sequence[int]) -> Iterator[Image.Image]:
        document = _Document(data)
        for number in pages:
            if 0 < number <= document.page_count:
                yield document.look(number - 1)


class _Document:
    """One file, opened by pypdf for its words and, once a page has none, by PDFium for its looks."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.recogniser: recognition.Tesseract | None = None
        self._reader = pypdf.PdfReader(BytesIO(data))
        if self._reader.is_encrypted and not _opens_without_password(self._reader):
            raise InvalidInput(
                "The PDF is protected by a password.", resolution="Save a copy without one.", code="encrypted_pdf"
            )
        self.page_count = self._count_pages()

    def texts(self) -> Iterator[str]:
        """The text of each page, empty where there is none to be had."""
        for index, page in enumerate(self._reader.pages):
            yield _words(page) or self._recognise(index)

    def _count_pages(self) -> int:
        """By what the file says of itself first, since counting 10,000 pages takes long; then by what is there."""
        tree = self._reader.root_object["/Pages"]
        if not isinstance(tree, DictionaryObject):
            raise PdfReadError("no page tree")
        _require_few(int(tree.get("/Count", 0)))
        count = len(self._reader.pages)
        _require_few(count)
        if not count:
            raise PdfReadError("no pages")
        return count

    def look(self, index: int) -> Image.Image:
        return _render(self._pictures[index])

    def _recognise(self, index: int) -> str:
        self.recogniser = recognition.installed()
        return self.recogniser.read(self.look(index)) if self.recogniser else ""

    @cached_property
    def _pictures(self) -> pypdfium2.PdfDocument:
        return pypdfium2.PdfDocument(self._data)


def _opens_without_password(reader: pypdf.PdfReader) -> bool:
    """Many PDFs are encrypted only to forbid printing, with nothing as the password for reading."""
    try:
        return bool(reader.decrypt(""))
    except (DependencyError, NotImplementedError):  # a way of encrypting that is not known here
        return False


def _require_few(pages: int) -> None:
    if pages > MAX_PAGES:
        raise InvalidInput(
            f"The PDF has {pages:,} pages; {MAX_PAGES} are the most.",
            resolution="Split it and upload the parts.",
            code="too_many_pages",
        )


def _words(page: pypdf.PageObject) -> str:
    try:
        return page.extract_text().strip()
    except LimitReachedError as error:
        raise InvalidInput(
            f"A page of the PDF unpacks to far more than it should ({error}).",
            resolution="Print it into a new PDF and upload that.",
            code="decompression_bomb",
        ) from None


def _render(page: pypdfium2.PdfPage) -> Image.Image:
    """A page in grey: at the best scale, or the largest that a page of any size may have."""
    width, height = page.get_size()
    scale = min(RENDER_SCALE, sqrt(MAX_RENDERED_PIXELS / max(1.0, width * height)))
    image: Image.Image = page.render(scale=scale, grayscale=True).to_pil()
    return image

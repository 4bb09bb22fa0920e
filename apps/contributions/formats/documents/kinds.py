"""What a file is, by what it begins with and never by its name or by what its sender says it is."""

import re
from enum import StrEnum
from typing import BinaryIO

from apps.common.errors import InvalidInput

HEAD_BYTES = 8_192
TAIL_BYTES = 65_536  # where a zip file lists what it holds
PLAIN_CONTROLS = frozenset(b"\t\n\r\f")
MARKUP = re.compile(  # https://mimesniff.spec.whatwg.org, 7.1: what makes browsers take a text for a page
    r"<(!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|meta|link|img|object|embed)"
    r"[\s/>]",
    re.IGNORECASE,
)
COMMENTS = re.compile(r"(\s|<!--.*?-->|<\?.*?\?>|<!doctype (?!html)[^>]*>)*", re.IGNORECASE | re.DOTALL)
SVG = re.compile(r"<([\w.-]+:)?svg[\s/>]", re.IGNORECASE)


class FileKind(StrEnum):
    TEXT = "text"
    PDF = "pdf"
    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    GIF = "gif"
    TIFF = "tiff"
    # What is known and refused:
    EMPTY = "empty"
    HTML = "html"
    SVG = "svg"
    XML = "xml"
    OFFICE = "office"  # Word, LibreOffice, Excel, RTF
    ARCHIVE = "archive"
    HEIC = "heic"
    UNKNOWN = "unknown"

    @classmethod
    def readable(cls) -> set["FileKind"]:
        return {cls.TEXT, cls.PDF, *cls.pictures()}

    @classmethod
    def pictures(cls) -> set["FileKind"]:
        return {cls.PNG, cls.JPEG, cls.WEBP, cls.GIF, cls.TIFF}

    @property
    def spoken(self) -> str:
        """The kind in the middle of a sentence."""
        return "text" if self is FileKind.TEXT else self.name

    @property
    def media_type(self) -> str:
        """What a stored file of a readable kind is served as: always as an attachment, with `nosniff`."""
        if self in FileKind.pictures():
            return f"image/{self.value}"
        return {"text": "text/plain; charset=utf-8", "pdf": "application/pdf"}.get(self, "application/octet-stream")


STARTS = (
    (b"%PDF-", FileKind.PDF),
    (b"\x89PNG\r\n\x1a\n", FileKind.PNG),
    (b"\xff\xd8\xff", FileKind.JPEG),
    (b"GIF87a", FileKind.GIF),
    (b"GIF89a", FileKind.GIF),
    (b"II*\x00", FileKind.TIFF),
    (b"MM\x00*", FileKind.TIFF),
    (b"{\\rtf", FileKind.OFFICE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileKind.OFFICE),  # Word and Excel before 2007
    (b"\x1f\x8b", FileKind.ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", FileKind.ARCHIVE),
    (b"Rar!\x1a\x07", FileKind.ARCHIVE),
    (b"BZh", FileKind.ARCHIVE),
    (b"\xfd7zXZ\x00", FileKind.ARCHIVE),
    (b"\x28\xb5\x2f\xfd", FileKind.ARCHIVE),
)
ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
OFFICE_PARTS = (b"word/", b"xl/", b"ppt/", b"mimetypeapplication/vnd.oasis")
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif")

# Which byte order mark stands for which codec: the longer ones first, since UTF-32's begins as UTF-16's does.
BYTE_ORDER_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

REFUSALS = {
    FileKind.EMPTY: ("The file is empty, or begins with nothing but blanks.", "Upload a text, a PDF or a picture."),
    FileKind.HTML: (
        "The file is a web page (HTML), whatever its name says.",
        "Save its text as plain text, or the page as PDF. From Telegram, export as JSON.",
    ),
    FileKind.SVG: (
        "The file is an SVG drawing, whatever its name says: it can carry scripts and is not read.",
        "Save it as PNG.",
    ),
    FileKind.XML: ("The file is XML.", "Save its text as plain text."),
    FileKind.OFFICE: (
        "The file is of a word processor or a spreadsheet.",
        "Save it as PDF or as plain text (in Word: File, Save as, PDF) and upload that.",
    ),
    FileKind.ARCHIVE: ("The file is an archive (zip or alike).", "Unpack it and upload the files inside."),
    FileKind.HEIC: ("The picture is HEIC or AVIF.", "Save it as JPEG or PNG, or take a screenshot of it."),
    FileKind.UNKNOWN: (
        "The file is neither text nor PDF nor a picture.",
        "Upload text, PDF, PNG, JPEG, WebP, GIF or TIFF.",
    ),
}


def sniff(file: BinaryIO) -> FileKind:
    """What the file is, from its first and, for an archive, last bytes. Leaves the file at its beginning."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    kind = _kind_of_zip(file, head) if head.startswith(ZIP_STARTS) else _kind_of_head(head)
    file.seek(0)
    return kind


def require_readable(kind: FileKind) -> None:
    """InvalidInput, with what to do instead, where nothing here reads such a file."""
    if kind in REFUSALS:
        message, resolution = REFUSALS[kind]
        raise InvalidInput(message, resolution=resolution, code=f"{kind}_file")


def decode(data: bytes) -> tuple[str, str]:
    """A text and what it was decoded as: by its byte order mark, else UTF-8, else Windows-1252.

    Windows-1252 reads any byte as some character, and is what editors mean by Latin-1 and "ANSI".
    """
    for mark, codec in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(codec, errors="replace"), codec.removesuffix("-sig")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace"), "windows-1252"


def _kind_of_zip(file: BinaryIO, head: bytes) -> FileKind:
    """An office document is a zip file too, and tells by the names inside. Nothing is unpacked to learn that."""
    file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
    names = head + file.read(TAIL_BYTES)
    return FileKind.OFFICE if any(part in names for part in OFFICE_PARTS) else FileKind.ARCHIVE


def _kind_of_head(head: bytes) -> FileKind:
    if not head.strip():
        return FileKind.EMPTY
    for start, kind in STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return FileKind.WEBP
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS:
        return FileKind.HEIC
    return _kind_of_text(head)


def _kind_of_text(head: bytes) -> FileKind:
    if not _is_text(head):
        return FileKind.UNKNOWN
    start = decode(head)[0].lstrip("\ufeff")
    first_element = start[COMMENTS.match(start).end() :]  # type: ignore[union-attr]  # it matches nothing, too
    if SVG.match(first_element):
        return FileKind.SVG
    if MARKUP.match(first_element) or first_element.startswith("<!--"):  # a comment that does not end here
        return FileKind.HTML
    return FileKind.XML if start.lstrip().lower().startswith(("<?xml", "<!doctype")) else FileKind.TEXT


def _is_text(head: bytes) -> bool:
    """Whether fewer than one byte in a hundred is a control character that no text has."""
    if head.startswith(tuple(mark for mark, _ in BYTE_ORDER_MARKS)):
        return True
    controls = sum(byte < 32 and byte not in PLAIN_CONTROLS for byte in head)
    return controls * 100 <= len(head)

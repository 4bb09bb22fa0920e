import io

import pytest

from apps.common.errors import InvalidInput
from apps.contributions.formats.documents import FileKind, require_readable, sniff
from tests.contributions.formats.files import encoded, pdf_of, picture, zip_of

WORD = zip_of({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w:document/>"})
PICTURE = picture("Hello", size=(40, 30))

READABLE = [
    (b"Anna: hello", FileKind.TEXT),
    ("Grüße".encode(), FileKind.TEXT),
    ("Grüße".encode("latin-1"), FileKind.TEXT),
    ("Grüße".encode("utf-16"), FileKind.TEXT),
    ("Grüße".encode("utf-8-sig"), FileKind.TEXT),
    ("Grüße".encode("utf-32"), FileKind.TEXT),
    (b"hello " * 100 + b"\x00", FileKind.TEXT),
    (b'{"turns": []}', FileKind.TEXT),
    (b"<Media omitted>\n", FileKind.TEXT),
    (b"<!channel> hello", FileKind.TEXT),
    (b"<Anna> hello\n<Ben> hi", FileKind.TEXT),
    ("é".encode() * 4096 + "é".encode(), FileKind.TEXT),
    ("xé".encode() * 4096, FileKind.TEXT),  # the head ends in the middle of a character
    (pdf_of(["Hello"]), FileKind.PDF),
    (encoded(PICTURE, "PNG"), FileKind.PNG),
    (encoded(PICTURE, "JPEG"), FileKind.JPEG),
    (encoded(PICTURE, "WEBP"), FileKind.WEBP),
    (encoded(PICTURE, "GIF"), FileKind.GIF),
    (encoded(PICTURE, "TIFF"), FileKind.TIFF),
]

REFUSED = [
    (b"", FileKind.EMPTY),
    (b" \n\t\r\n", FileKind.EMPTY),
    (b" " * 10_000 + b"<html>", FileKind.EMPTY),
    (b"<!DOCTYPE html><p>x", FileKind.HTML),
    (b"\n\n  <HTML><script>alert(1)</script>", FileKind.HTML),
    (b"<script>alert(1)</script>", FileKind.HTML),
    (b"<img src=x onerror=alert(1)>", FileKind.HTML),
    (b"<!-- a comment --><body onload=alert(1)>", FileKind.HTML),
    (b"<!-- a comment that never ends", FileKind.HTML),
    ("<html><script>alert(1)</script>".encode("utf-16"), FileKind.HTML),
    (b"\xef\xbb\xbf<html>", FileKind.HTML),
    (b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>', FileKind.HTML),
    (b"<html>%PDF-1.4", FileKind.HTML),  # a polyglot: what it begins with is what it is
    (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', FileKind.SVG),
    (b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg width="1"/>', FileKind.SVG),
    (b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd"><svg/>', FileKind.SVG),
    (b'<?xml version="1.0"?><s:svg xmlns:s="http://www.w3.org/2000/svg"/>', FileKind.SVG),
    (b'<?xml version="1.0"?><chat/>', FileKind.XML),
    (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>', FileKind.XML),
    (WORD, FileKind.OFFICE),
    (b"{\\rtf1 hello}", FileKind.OFFICE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, FileKind.OFFICE),
    (zip_of({"_chat.txt": b"hello"}), FileKind.ARCHIVE),
    (zip_of({"bomb.txt": b"0" * 10_000_000}), FileKind.ARCHIVE),
    (zip_of({}), FileKind.ARCHIVE),
    (b"\x1f\x8b\x08\x00", FileKind.ARCHIVE),
    (b"\0\0\0\x18ftypheic\0\0\0\0", FileKind.HEIC),
    (b"\x7fELF\x02\x01\x01" + b"\0" * 100, FileKind.UNKNOWN),
    (b"MZ\x90\x00\x03\x00\x00\x00", FileKind.UNKNOWN),
    (bytes(range(256)), FileKind.UNKNOWN),
    ("no mark at its beginning".encode("utf-16-le"), FileKind.UNKNOWN),
    (b"\0" * 20_000, FileKind.UNKNOWN),
]


@pytest.mark.parametrize(("data", "kind"), READABLE)
def test_what_can_be_read_is_known_by_how_it_begins(data: bytes, kind: FileKind) -> None:
    assert sniff(io.BytesIO(data)) is kind
    require_readable(kind)


@pytest.mark.parametrize(("data", "kind"), REFUSED)
def test_what_cannot_be_read_is_refused_with_a_way_out(data: bytes, kind: FileKind) -> None:
    assert sniff(io.BytesIO(data)) is kind
    with pytest.raises(InvalidInput) as caught:
        require_readable(kind)
    assert caught.value.code == f"{kind.value}_file"
    assert caught.value.resolution


def test_every_kind_is_either_readable_or_refused() -> None:
    seen = {kind for _, kind in READABLE}, {kind for _, kind in REFUSED}
    assert seen == (FileKind.readable(), set(FileKind) - FileKind.readable())


def test_sniffing_leaves_the_file_at_its_beginning() -> None:
    file = io.BytesIO(WORD)
    file.seek(7)
    sniff(file)
    assert file.tell() == 0


def test_stored_files_are_served_as_what_they_are_and_never_as_a_page() -> None:
    served = {kind: kind.media_type for kind in FileKind}
    assert {kind: served.pop(kind) for kind in FileKind.readable()} == {
        FileKind.TEXT: "text/plain; charset=utf-8",
        FileKind.PDF: "application/pdf",
        FileKind.PNG: "image/png",
        FileKind.JPEG: "image/jpeg",
        FileKind.WEBP: "image/webp",
        FileKind.GIF: "image/gif",
        FileKind.TIFF: "image/tiff",
    }
    assert set(served.values()) == {"application/octet-stream"}

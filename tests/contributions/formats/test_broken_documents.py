"""Files that are broken, or made to break what reads them: each is refused in words, and nothing stays behind."""

import io
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import pypdf
import pytest
from PIL import Image
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject

from apps.common.errors import FlywheelError, InvalidInput, TooLarge
from apps.contributions.formats.documents import Limits, extract, show_pages
from tests.contributions.formats.files import (
    encoded,
    encrypted_pdf,
    flate_bomb,
    pdf_of,
    pdf_of_repeated_page,
    pdf_with_contents,
    picture,
    png_by_header,
    written,
    zip_of,
)


def _refusal(data: bytes, **how: Any) -> FlywheelError:
    with pytest.raises(FlywheelError) as caught:
        extract(data, **how)
    assert caught.value.resolution
    return caught.value


def test_what_is_no_document_is_refused_before_anything_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.contributions.formats.documents.extracting.CHILD", "none.such")
    named_png = b"<html><script>alert(1)</script></html>"
    bomb = zip_of({"bomb": b"\0" * 50_000_000})
    codes = [_refusal(data).code for data in (b"", named_png, b"<svg/>", bomb, b"\x7fELF\0\0\0\0")]
    assert codes == ["empty_file", "html_file", "svg_file", "archive_file", "unknown_file"]


def test_a_file_of_too_many_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(50_000_001)  # holds nothing, says it does
    with pytest.raises(TooLarge) as caught:
        extract(path)
    assert str(caught.value) == "The file has more than 50,000,000 bytes. Upload it in parts."
    with path.open("rb") as file, pytest.raises(TooLarge):
        extract(file)


def test_more_pages_than_the_limit_are_refused_by_what_the_file_says_of_itself() -> None:
    progress: list[int] = []
    error = _refusal(pdf_of_repeated_page(10_000), on_progress=lambda done, total: progress.append(done))
    assert (error.code, error.message) == ("too_many_pages", "The PDF has 10,000 pages; 500 are the most.")
    assert progress == []  # refused before the first page


@pytest.mark.parametrize(("pages", "said", "told"), [(501, 1, 501), (1, 10_000, 10_000)], ids=["too-few", "too-many"])
def test_a_file_that_lies_about_its_pages_is_refused(pages: int, said: int, told: int) -> None:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf_of_repeated_page(pages)))
    tree = writer.root_object["/Pages"]
    assert isinstance(tree, DictionaryObject)
    tree[NameObject("/Count")] = NumberObject(said)
    assert _refusal(written(writer)).message == f"The PDF has {told:,} pages; 500 are the most."


def test_the_last_page_within_the_limit_is_read() -> None:
    assert extract(pdf_of_repeated_page(500)).pages == 500


def test_a_tree_of_pages_that_counts_each_page_a_million_times_is_refused() -> None:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf_of(["hello"])))
    inner = writer.root_object.raw_get("/Pages")
    for _ in range(6):
        node = DictionaryObject({NameObject("/Type"): NameObject("/Pages"), NameObject("/Count"): NumberObject(1)})
        node[NameObject("/Kids")] = ArrayObject([inner] * 10)
        inner = writer._add_object(node)
    writer.root_object[NameObject("/Pages")] = inner
    assert _refusal(written(writer)).code in {"too_many_pages", "broken_file"}


def test_a_pdf_behind_a_password_is_refused() -> None:
    error = _refusal(encrypted_pdf(to_open="secret"))
    assert (error.code, str(error)) == (
        "encrypted_pdf",
        "The PDF is protected by a password. Save a copy without one.",
    )


def test_what_cannot_be_read_cannot_be_shown() -> None:
    for data, code in [(b"<svg/>", "svg_file"), (pdf_of(["hello"])[:300], "broken_file")]:
        with pytest.raises(InvalidInput) as caught:
            show_pages(data, pages=[1])
        assert caught.value.code == code


def test_a_page_that_unpacks_without_end_is_refused() -> None:
    bomb = flate_bomb(200)
    assert len(bomb) < 1_000_000
    assert _refusal(bomb).code == "decompression_bomb"


@pytest.mark.parametrize(
    "data",
    [
        pdf_of(["hello"] * 20)[:900],
        b"%PDF-1.7",
        b"%PDF-1.7\n" + b"\xff" * 5_000,
        b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>",
        b"%PDF-1.7\n" + b"[" * 50_000,
        encoded(picture("hello"), "PNG")[:300],
        encoded(picture("hello"), "JPEG")[:100],
        b"GIF89a/*<script>alert(1)</script>*/",
        b"\x89PNG\r\n\x1a\n<html>",
        b"RIFF\0\0\0\0WEBP<html>",
        b"II*\x00\xff\xff\xff\xff",
    ],
    ids=["cut", "start", "noise", "no-pages", "deep", "png", "jpeg", "gif-script", "png-html", "webp-html", "tiff"],
)
def test_what_is_cut_short_or_only_begins_like_a_document_is_broken(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="apps.contributions.formats.documents.extracting"):
        error = _refusal(data)
    assert error.code == "broken_file"
    assert "broken or cut short" in error.message
    assert len(caplog.messages) == 1  # whoever runs the house can see where it broke


def test_a_picture_of_too_many_pixels_is_refused_by_its_header() -> None:
    error = _refusal(png_by_header(10_000, 10_000))
    assert (error.code, error.message) == (
        "too_many_pixels",
        "The picture has more than 40,000,000 pixels (more than twice that).",
    )
    assert _refusal(png_by_header(8_000, 5_001)).message == (
        "The picture has more than 40,000,000 pixels (8,000 × 5,001)."
    )


def test_a_hundred_million_real_pixels_are_refused_too() -> None:
    solid = encoded(Image.new("1", (10_000, 10_000)), "PNG")
    assert len(solid) < 100_000
    assert _refusal(solid).code == "too_many_pixels"


def test_reading_takes_no_more_time_than_it_may() -> None:
    error = _refusal(pdf_of(["hello"]), limits=Limits(seconds=0.001))
    assert (error.code, error.resolution) == ("out_of_time", "Upload it in parts.")


def test_reading_takes_no_more_computing_than_it_may() -> None:
    busy = pdf_with_contents(b"BT /F1 12 Tf (hello) Tj ET " * 200_000)
    assert _refusal(busy, limits=Limits(cpu_seconds=1)).code == "out_of_time"


def test_reading_takes_no_more_memory_than_it_may() -> None:
    assert _refusal(b"hello " * 8_000_000, limits=Limits(memory_bytes=100_000_000)).code == "out_of_memory"


def test_text_longer_than_the_limit_is_refused() -> None:
    error = _refusal(b"hello" * 1_000_001)
    assert (error.code, error.message) == ("too_much_text", "The file holds more than 5,000,000 characters of text.")
    assert len(extract(b"hello" * 1_000_000).text) == 5_000_000


def test_what_progress_raises_ends_the_child_and_comes_out() -> None:
    class Cancelled(Exception):
        pass

    def cancel(_done: int, _total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        extract(pdf_of(["hello"] * 3), on_progress=cancel)


@pytest.mark.parametrize("limits", [Limits(), Limits(seconds=0.001)], ids=["in-time", "out-of-time"])
def test_nothing_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: Limits) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = len(os.listdir("/dev/fd"))
    with pytest.raises(InvalidInput):
        extract(encrypted_pdf(to_open="secret"), limits=limits)
    assert list(tmp_path.iterdir()) == []
    assert len(os.listdir("/dev/fd")) == before

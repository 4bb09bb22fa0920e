"""Text out of real files, with what this machine has for reading them."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from apps.contributions.formats.documents import Extracted, Limits, extract, show_pages
from tests.contributions.formats.files import (
    encoded,
    encrypted_pdf,
    pdf_of,
    pdf_with_contents,
    picture,
    scanned_pdf,
)

INSTALL = "to have pictures read, install tesseract or let your organization allow the provider's vision model."
WITH_TESSERACT = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed here")


@pytest.fixture
def without_tesseract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


def _words(extracted: Extracted) -> list[str]:
    return extracted.text.split()


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_is_read_by_its_byte_order_mark_or_as_utf_8(codec: str) -> None:
    assert extract("Anna: Grüße, 你好 🎈\r\nBen: ok\r".encode(codec)) == Extracted(
        "Anna: Grüße, 你好 🎈\nBen: ok", pages=1
    )


def test_other_text_is_read_as_windows_1252_and_says_so() -> None:
    extracted = extract("Anna: Grüße – 5 €".encode("cp1252"))
    assert extracted.text == "Anna: Grüße – 5 €"
    assert extracted.warnings == (
        "The file is not UTF-8. It was read as Windows-1252 (Western European): check its accents.",
    )


def test_nul_characters_and_halves_of_pairs_are_left_out_and_counted() -> None:
    assert extract(b"hello" * 100 + b"\x00 you\x00").warnings == (
        "2 characters that no database stores (NUL) were left out.",
    )
    half_a_pair = "\ufeffhi ".encode("utf-16-le") + b"\x3d\xd8" + " there".encode("utf-16-le")
    assert extract(half_a_pair) == Extracted(
        "hi \ufffd there", pages=1, warnings=("1 characters could not be decoded.",)
    )


def test_the_source_may_be_bytes_a_path_or_an_open_file(tmp_path: Path) -> None:
    path = tmp_path / "name.exe"
    path.write_bytes(b"hello")
    read_before = io.BytesIO(b"hello")
    read_before.read()
    assert [extract(source) for source in (b"hello", path, read_before)] == [Extracted("hello", pages=1)] * 3


def test_a_pdf_gives_the_text_of_its_pages_in_their_order_and_tells_how_far_it_is() -> None:
    progress: list[tuple[int, int]] = []
    extracted = extract(
        pdf_of(["Anna: hello\nBen: hi", "Anna: bye"]), on_progress=lambda done, total: progress.append((done, total))
    )
    assert extracted == Extracted("Anna: hello\nBen: hi\nAnna: bye", pages=2)
    assert progress == [(1, 2), (2, 2)]


def test_a_pdf_encrypted_against_printing_alone_is_read() -> None:
    assert extract(encrypted_pdf(to_open="")).text == "Only for those who know the word."


@pytest.mark.usefixtures("without_tesseract")
def test_pages_without_text_are_named_where_nothing_can_read_pictures() -> None:
    extracted = extract(pdf_of(["one", "", "three", ""]))
    assert extracted == Extracted(
        "one\n\nthree",
        pages=4,
        pages_without_text=(2, 4),
        warnings=(f"2 pages hold no text, only pictures or nothing; {INSTALL}",),
    )


@pytest.mark.usefixtures("without_tesseract")
@pytest.mark.parametrize(
    "data", [scanned_pdf("Anna: hello"), encoded(picture("Anna: hello"), "PNG")], ids=["pdf", "png"]
)
def test_a_scan_gives_no_text_and_says_what_to_do_where_nothing_can_read_pictures(data: bytes) -> None:
    assert extract(data) == Extracted(
        "",
        pages=1,
        pages_without_text=(1,),
        warnings=(f"1 page holds no text, only pictures or nothing; {INSTALL}",),
    )


@WITH_TESSERACT
def test_a_scan_is_recognised() -> None:
    extracted = extract(scanned_pdf("the order is ready"))
    assert _words(extracted) == ["the", "order", "is", "ready"]
    assert (extracted.pages, extracted.pages_without_text, extracted.warnings) == (1, (), ())
    assert extracted.recogniser.startswith("tesseract ")


@WITH_TESSERACT
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF"])
def test_every_kind_of_picture_is_recognised(file_format: str) -> None:
    assert _words(extract(encoded(picture("the order is ready"), file_format))) == ["the", "order", "is", "ready"]


@WITH_TESSERACT
def test_a_picture_is_turned_as_the_camera_was_held() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it a quarter clockwise to see it
    lying = picture("the order is ready", size=(900, 900)).transpose(Image.Transpose.ROTATE_90)
    assert _words(extract(encoded(lying, "JPEG", exif=exif))) == ["the", "order", "is", "ready"]


@WITH_TESSERACT
def test_only_the_first_picture_of_several_is_read_and_that_is_said() -> None:
    first, second = picture("the order is ready"), picture("something else")
    extracted = extract(encoded(first, "TIFF", save_all=True, append_images=[second]))
    assert _words(extracted) == ["the", "order", "is", "ready"]
    assert extracted.warnings == ("Only the first of its pictures was read.",)


@WITH_TESSERACT
def test_black_on_transparent_is_read_as_on_white() -> None:
    shown = picture("the order is ready").convert("RGBA")
    shown.putalpha(shown.convert("L").point(lambda grey: 255 - grey))
    assert _words(extract(encoded(shown, "PNG"))) == ["the", "order", "is", "ready"]


@WITH_TESSERACT
def test_a_blank_page_that_was_looked_at_says_so() -> None:
    extracted = extract(encoded(Image.new("L", (400, 300), 255), "PNG"))
    assert (extracted.text, extracted.pages_without_text) == ("", (1,))
    assert extracted.warnings == (f"1 page holds no text that {extracted.recogniser} could read.",)


@WITH_TESSERACT
def test_a_page_of_any_size_is_rendered_within_the_limit_of_pixels() -> None:
    poster = pdf_with_contents(b"", size=14_400)  # five metres: 3,600 million pixels at 300 dots per inch
    assert extract(poster).pages_without_text == (1,)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
@pytest.mark.usefixtures("without_tesseract")
def test_pictures_of_every_mode_are_decoded(mode: str) -> None:
    assert extract(encoded(Image.new(mode, (20, 10)), "PNG")).pages == 1


def test_pages_are_shown_to_a_model_as_pixels_alone() -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera that knows where it was"
    photo = encoded(picture("hello", size=(4_000, 1_000)), "JPEG", exif=exif)
    shown = [Image.open(io.BytesIO(page)) for page in show_pages(photo, pages=[1, 2])]
    assert [(page.format, page.size, dict(page.getexif())) for page in shown] == [("JPEG", (2_048, 512), {})]
    document = pdf_of(["one", "", "three"])
    assert len(show_pages(document, pages=[1, 3, 4, 0, -1])) == 2
    assert show_pages(document, pages=[2]) != show_pages(document, pages=[1])
    assert show_pages(b"text needs no eyes", pages=[1]) == []
    with pytest.raises(ValueError, match="between 1 and 50 pages"):
        show_pages(document, pages=range(1, 52))


def test_what_a_library_prints_is_no_part_of_what_the_child_says() -> None:
    program = (
        "import os, apps.contributions.formats.documents.child as child\n"
        "with child.own_output() as output:\n"
        "    os.write(1, b'noise of a library')\n"
        "    output.write(b'ours')\n"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"ours"  # noqa: S603


def test_the_child_is_told_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A tesseract that writes down what it sees stands for any program that the child starts or is taken over by."""
    seen = _spy(tmp_path, monkeypatch, "/usr/bin/env")
    monkeypatch.setenv("SECRET_KEY", "hidden")
    monkeypatch.setenv("DATABASE_URL", "postgres://hidden")
    assert "SECRET_KEY" in os.environ
    extract(encoded(picture("hello"), "PNG"))
    names = {line.partition("=")[0] for line in seen.read_text().splitlines()}
    assert names - {"PWD", "SHLVL", "_", "LC_CTYPE"} == {
        "PATH",
        "TMPDIR",
        "OMP_THREAD_LIMIT",
        "OPENBLAS_NUM_THREADS",
    }


def test_what_the_child_starts_writes_no_files_larger_than_it_may(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    writing = "/usr/bin/head -c 3000000 /dev/zero > $TMPDIR/x; /usr/bin/stat -c %s $TMPDIR/x"
    seen = _spy(tmp_path, monkeypatch, writing)
    extract(encoded(picture("hello"), "PNG"), limits=Limits(file_bytes=1_000_000))
    assert seen.read_text() == "1000000\n"


def _spy(folder: Path, monkeypatch: pytest.MonkeyPatch, commands: str) -> Path:
    """Put a program in tesseract's place that keeps what these commands print, and fails."""
    program = folder / "tesseract"
    program.write_text(f"#!/bin/sh\n{{ {commands}; }} > {folder / 'seen'}\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder / "seen"

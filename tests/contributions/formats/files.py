"""Files that people upload, and files that people upload to break things: real ones, made on the spot."""

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence

import pypdf
from PIL import Image, ImageDraw, ImageFont
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, StreamObject
from reportlab.pdfgen.canvas import Canvas


def pdf_of(pages: Sequence[str]) -> bytes:
    """A PDF with one line of text on each page; an empty text makes an empty page."""
    file = io.BytesIO()
    canvas = Canvas(file)
    for text in pages:
        for number, line in enumerate(text.splitlines()):
            canvas.drawString(60, 780 - 14 * number, line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def scanned_pdf(text: str) -> bytes:
    """A PDF whose only page is a picture of the text."""
    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.drawInlineImage(picture(text), 40, 500, width=500, height=170)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def picture(text: str, *, size: tuple[int, int] = (900, 300)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    font = ImageFont.load_default(size=48)
    ImageDraw.Draw(image).text((30, 100), text, fill="black", font=font)
    return image


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def pdf_of_repeated_page(count: int) -> bytes:
    writer = pypdf.PdfWriter()
    page = pypdf.PdfReader(io.BytesIO(pdf_of(["The same on every page."]))).pages[0]
    for _ in range(count):
        writer.add_page(page)
    return written(writer)


def written(writer: pypdf.PdfWriter) -> bytes:
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def encrypted_pdf(*, to_open: str) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf_of(["Only for those who know the word."])))
    writer.encrypt(user_password=to_open, owner_password="for printing", algorithm="AES-256")
    return written(writer)


def flate_bomb(megabytes: int) -> bytes:
    """A page whose contents take a kilobyte for each megabyte that they unpack to."""
    packer = zlib.compressobj(9)
    bomb = StreamObject()
    bomb._data = b"".join(packer.compress(b"q Q " * 250_000) for _ in range(megabytes)) + packer.flush()
    bomb[NameObject("/Filter")] = NameObject("/FlateDecode")
    return _pdf_with_stream(bomb, size=200)


def pdf_with_contents(contents: bytes, *, size: float = 200) -> bytes:
    """A page of that many points each way, and what is to be drawn on it with the font F1."""
    stream = DecodedStreamObject()
    stream.set_data(contents)
    return _pdf_with_stream(stream, size=size)


def _pdf_with_stream(stream: StreamObject, *, size: float) -> bytes:
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(width=size, height=size)
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    fonts = DictionaryObject({NameObject("/F1"): font})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    page[NameObject("/Contents")] = writer._add_object(stream)
    return written(writer)


def png_by_header(width: int, height: int) -> bytes:
    """A PNG that says it is that large, and holds one line of pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + _chunk(b"IEND", b"")
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def zip_of(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()

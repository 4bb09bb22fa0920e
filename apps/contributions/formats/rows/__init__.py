"""The shapes of files that examples come in. Adding one: copy its nearest neighbour and register it here."""

from typing import BinaryIO

from apps.common.errors import InvalidInput
from apps.common.registry import Registry
from apps.contributions.formats.rows.alpaca import Alpaca
from apps.contributions.formats.rows.base import HEAD_BYTES, ImportRow, RowFormat
from apps.contributions.formats.rows.csv_rows import CsvRows, escape_formula, read_csv, write_csv
from apps.contributions.formats.rows.hf_instruction import HFInstruction
from apps.contributions.formats.rows.openai_chat import OpenAIChat

__all__ = ["ROW_FORMATS", "ImportRow", "RowFormat", "escape_formula", "read_csv", "recognise", "write_csv"]

ROW_FORMATS: Registry[RowFormat] = Registry("shape of file")
CSV = ROW_FORMATS.register(CsvRows())
ROW_FORMATS.register(OpenAIChat())
ROW_FORMATS.register(HFInstruction())
ROW_FORMATS.register(Alpaca())

OTHERS = {  # what people send by mistake, by its first bytes
    b"PK\x03\x04": "a ZIP archive, as .xlsx files are",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a gzip archive",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}
MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<svg")


def recognise(file: BinaryIO) -> RowFormat:
    """The shape of a file by its first bytes, never by its name; InvalidInput saying what it is instead.

    What is neither JSON nor anything else that is known counts as CSV, whose reader names the line that it is not.
    """
    head = file.read(HEAD_BYTES)
    file.seek(0)
    _refuse_others(head)
    if found := next((shape for shape in ROW_FORMATS if shape.recognises(head)), None):
        return found
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        raise InvalidInput(
            "The file is JSON, but in none of the shapes that are known.",
            resolution=f"Its objects need messages, or instruction and output. Shapes: {_titles()}.",
            code="unknown_shape",
        )
    return CSV


def _refuse_others(head: bytes) -> None:
    what = next((name for start, name in OTHERS.items() if head.startswith(start)), "")
    if head.lstrip()[:20].lower().startswith(MARKUP):
        what = "a web page or XML"
    if what:
        raise InvalidInput(
            f"The file is {what}.", resolution=f"Save it as text in UTF-8: {_titles()}.", code="unknown_shape"
        )


def _titles() -> str:
    return ", ".join(shape.title for shape in ROW_FORMATS)

"""CSV in (columns `text` and, if what is right is known, `category` or `answer`) and the one rule for CSV out.

A fault of the file (encoding, quoting, columns, a giant cell) refuses all of it: whatever follows would be guesswork.
A fault of one row marks that row. Cells are data: what looks like a formula is kept as the text it is, and nothing
here evaluates it.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

from apps.common.errors import InvalidInput
from apps.contributions.formats.rows.base import ImportRow

if TYPE_CHECKING:
    from _csv import Reader

NEEDED, OPTIONAL = "text", "category"
ALSO_CALLED = "answer"  # the same column in files whose right answers are texts
MAX_CELL_CHARACTERS = 100_000
MAX_LINE_BYTES = 1_000_000  # what is read before giving up on finding the end of a line
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class CsvRows:
    name = "csv_rows"
    title = "CSV with the columns text and category, or text and answer"
    extensions: tuple[str, ...] = (".csv",)

    def recognises(self, head: bytes) -> bool:
        first = head.decode("utf-8-sig", errors="ignore").partition("\n")[0].lower()
        return NEEDED in [name.strip(' "\r') for name in first.split(",")]

    def read(self, file: BinaryIO) -> Iterator[ImportRow]:
        return read_csv(file)


def read_csv(file: BinaryIO, *, both_columns: bool = False) -> Iterator[ImportRow]:
    """The rows of a UTF-8 file, byte order mark or not, one at a time; InvalidInput where it cannot be read.

    `both_columns`: the file has the two columns and no others.
    """
    reader = csv.reader(_decoded_lines(file), strict=True)
    columns = _columns(_next_cells(reader))
    if both_columns and sorted(columns) != sorted((NEEDED, OPTIONAL)):
        raise _wrong_columns(columns, f"It needs {OPTIONAL!r} and {NEEDED!r} and no others, separated by a comma.")
    found = False
    while True:
        line = reader.line_num + 1
        cells = _next_cells(reader)
        if cells is None:
            break
        if cells:  # a blank line is no row
            found = True
            yield _row(line, cells, columns)
    if not found:
        raise InvalidInput(
            "The file has a header and no rows.", resolution="Add one row per example below the header.", code="no_rows"
        )


def escape_formula(cell: str) -> str:
    """A cell for CSV that leaves the house: an apostrophe stops spreadsheets from evaluating it as a formula."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def _decoded_lines(file: BinaryIO) -> Iterator[str]:
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(raw) > MAX_LINE_BYTES:
            raise _too_large(number)
        yield _decode(raw, number)


def _decode(raw: bytes, number: int) -> str:
    if b"\x00" in raw:
        raise InvalidInput(
            f"Line {number} contains a NUL byte: this is not plain text, or it is UTF-16.",
            resolution="Save the file as CSV in UTF-8.",
            code="wrong_encoding",
        )
    try:
        return raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"Line {number} is not UTF-8: byte {error.start + 1} of the line is 0x{raw[error.start]:02x}.",
            resolution="Save the file as CSV in UTF-8 (in Excel: 'CSV UTF-8').",
            code="wrong_encoding",
        ) from None


def _next_cells(reader: "Reader") -> list[str] | None:
    """The next record's cells, trimmed; None at the end of the file."""
    try:
        cells = next(reader, None)
    except csv.Error as error:
        if "field limit" in str(error):
            raise _too_large(reader.line_num) from None
        raise InvalidInput(
            f"Line {reader.line_num} is not valid CSV: {error}.",
            resolution="Put cells that contain commas, quotes or line breaks in double quotes; double a quote inside.",
            code="invalid_csv",
        ) from None
    if cells and max(map(len, cells)) > MAX_CELL_CHARACTERS:
        raise _too_large(reader.line_num)
    return None if cells is None else [cell.strip() for cell in cells]


def _too_large(line: int) -> InvalidInput:
    return InvalidInput(
        f"Line {line} holds a cell of more than {MAX_CELL_CHARACTERS:,} characters.",
        resolution="Shorten or remove it. Nothing of the file was stored.",
        code="cell_too_large",
    )


def _columns(header: list[str] | None) -> list[str]:
    if header is None:
        raise InvalidInput(
            "The file is empty.",
            resolution=f"Its first line must name the columns: {NEEDED},{OPTIONAL}.",
            code="empty_file",
        )
    columns = [name.lower() for name in header]
    if columns.count(NEEDED) != 1 or columns.count(OPTIONAL) + columns.count(ALSO_CALLED) > 1:
        raise _wrong_columns(
            header, f"It needs {NEEDED!r} once, and {OPTIONAL!r} once if the rows are coded, separated by commas."
        )
    return columns


def _wrong_columns(header: list[str], resolution: str) -> InvalidInput:
    return InvalidInput(
        f"The first line names the columns {', '.join(map(repr, header))[:300] or 'nothing'}.",
        resolution=resolution,
        code="missing_columns",
    )


def _row(line: int, cells: list[str], columns: list[str]) -> ImportRow:
    if len(cells) != len(columns):
        fault = f"It has {len(cells)} cells where the header names {len(columns)}. Put cells with commas in quotes."
        return ImportRow(line=line, text="", fault=fault)
    named = dict(zip(columns, cells, strict=True))
    return ImportRow(line=line, text=named[NEEDED], category=named.get(OPTIONAL, "") or named.get(ALSO_CALLED, ""))


def write_csv(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of a CSV file, one per row, safe to open in a spreadsheet."""
    line: list[str] = []
    writer = csv.writer(_Sink(line))
    for row in rows:
        writer.writerow([escape_formula(cell) for cell in row])
        yield line.pop()


class _Sink:
    """What csv.writer writes into: it hands each finished line over instead of collecting a file."""

    def __init__(self, line: list[str]) -> None:
        self.write = line.append

import io

import pytest

from apps.common.errors import InvalidInput
from apps.contributions.formats import ImportRow, escape_formula, read_csv, write_csv


def _read(data: bytes) -> list[ImportRow]:
    return list(read_csv(io.BytesIO(data)))


def _refusal(data: bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        _read(data)
    assert caught.value.resolution
    return caught.value


def test_rows_carry_the_line_they_begin_on() -> None:
    rows = _read(b'text,category\nfirst,a\n\n"second\nhas two lines",b\nthird,\n')
    assert rows == [
        ImportRow(2, "first", "a"),
        ImportRow(4, "second\nhas two lines", "b"),
        ImportRow(6, "third", ""),
    ]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_line_endings_and_a_missing_last_one_are_fine(ending: bytes) -> None:
    assert [row.text for row in _read(ending.join([b"text", b"one", b"two"]))] == ["one", "two"]


def test_a_byte_order_mark_other_columns_and_capitals_are_fine() -> None:
    data = "id, Category ,TEXT\n1,köln,Grüße\n".encode("utf-8-sig")
    assert _read(data) == [ImportRow(2, "Grüße", "köln")]


def test_missing_columns_are_named_with_what_was_found() -> None:
    error = _refusal(b"question;label\nx;y\n")
    assert (error.code, error.message) == ("missing_columns", "The first line names the columns 'question;label'.")
    assert "'text' once" in error.resolution


@pytest.mark.parametrize("header", [b"text,text", b"text,category,category", b"category"])
def test_columns_are_needed_once(header: bytes) -> None:
    assert _refusal(header + b"\na,b\n").code == "missing_columns"


@pytest.mark.parametrize("header", [b"text", b"text,category,source", b"text,kategorie"])
def test_both_columns_and_no_others_can_be_asked_for(header: bytes) -> None:
    (row,) = read_csv(io.BytesIO(b"\xef\xbb\xbfCategory,text\r\nnight,Go to bed\r\n"), both_columns=True)
    assert row == ImportRow(2, "Go to bed", "night")
    with pytest.raises(InvalidInput, match="It needs 'category' and 'text' and no others") as caught:
        list(read_csv(io.BytesIO(header + b"\na,b,c\n"), both_columns=True))
    assert caught.value.code == "missing_columns"


def test_wrong_encoding_names_line_and_byte() -> None:
    error = _refusal(b"text\nfine\nGr\xfc\xdfe\n")
    assert error.code == "wrong_encoding"
    assert error.message == "Line 3 is not UTF-8: byte 3 of the line is 0xfc."


@pytest.mark.parametrize("data", ["text\nx\n".encode("utf-16"), "text\nx\n".encode("utf-16-le"), b"text\na\x00b\n"])
def test_nul_bytes_and_utf_16_are_refused(data: bytes) -> None:
    assert _refusal(data).code == "wrong_encoding"


def test_an_empty_file_and_a_lonely_header_are_different_errors() -> None:
    assert _refusal(b"").code == "empty_file"
    assert _refusal(b"text,category\n").code == "no_rows"
    assert _refusal(b"text,category\n\n\n").code == "no_rows"


@pytest.mark.parametrize(
    "cell", [b"x" * 2_000_000, b"x" * 100_001, b'"' + b"xxxxxxxxx\n" * 200_000 + b'"'], ids=["line", "cell", "lines"]
)
def test_a_giant_cell_is_refused_with_the_limit(cell: bytes) -> None:
    error = _refusal(b"text\nfine\n" + cell + b"\n")
    assert error.code == "cell_too_large"
    assert "more than 100,000 characters" in error.message


def test_a_cell_at_the_limit_is_read() -> None:
    assert len(_read(b"text\n" + b"x" * 100_000)[0].text) == 100_000


def test_an_endless_line_is_not_read_to_its_end() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert 0 < size < 2_000_000
            self.given += size
            return b"x" * size

    endless = Endless()
    with pytest.raises(InvalidInput, match="Line 1 holds a cell"):
        list(read_csv(endless))  # type: ignore[arg-type]
    assert endless.given < 2_000_000


def test_broken_quotes_refuse_the_file_with_the_line() -> None:
    error = _refusal(b'text,category\nfine,a\n"broken" quote,a\n')
    assert (error.code, "Line 3 is not valid CSV" in error.message) == ("invalid_csv", True)
    assert _refusal(b'text\n"never closed\n').code == "invalid_csv"


def test_a_ragged_row_is_marked_and_the_rest_is_read() -> None:
    rows = _read(b"text,category\na\nb,x,y\nc,z\n")
    assert [bool(row.fault) for row in rows] == [True, True, False]
    assert rows[0].fault.startswith("It has 1 cells where the header names 2.")


@pytest.mark.parametrize("cell", ["=1+1", "+49 30 1234", "-5", "@SUM(A1)", '=HYPERLINK("http://evil.example")'])
def test_formulas_come_in_as_text_and_leave_without_effect(cell: str) -> None:
    quoted = cell.replace('"', '""')
    assert _read(f'text\n"{quoted}"\n'.encode())[0].text == cell
    assert escape_formula(cell) == f"'{cell}"
    (line,) = write_csv([(cell, "plain")])
    assert line.lstrip('"').startswith("'")


def test_written_lines_can_be_read_again() -> None:
    lines = "".join(write_csv([("text", "category"), ('He said "no", twice\nor so', "a")]))
    assert _read(lines.encode()) == [ImportRow(2, 'He said "no", twice\nor so', "a")]

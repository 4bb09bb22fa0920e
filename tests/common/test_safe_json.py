"""JSON out of files and bodies of many values: line by line, and arrays value by value."""

import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.safe_json import MAX_LINE_BYTES, READ_BYTES, BadJson, lines_of, parse_array, parse_line


class Dripping(io.BytesIO):
    """Hands out a few bytes at a time, as a connection may; counts what it was asked for."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__(data)
        self.step = step

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self.step)


def _lines(data: bytes, *, step: int = READ_BYTES) -> list[tuple[int, bytes | None]]:
    return list(lines_of(Dripping(data, step)))


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize("last", [b"", b"\n", b"\r\n", b"\n\n"])
def test_lines_are_numbered_and_blank_ones_left_out(step: int, last: bytes) -> None:
    data = b"one\r\n\n  \ntwo\n three" + last
    assert [(number, line and line.strip()) for number, line in _lines(data, step=step)] == [
        (1, b"one"), (4, b"two"), (5, b"three"),
    ]  # fmt: skip


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line)), st.integers(1, 50))
def test_no_line_is_lost_wherever_the_pieces_end(lines: list[bytes], step: int) -> None:
    expected = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    assert _lines(b"\n".join(lines), step=step) == expected


@pytest.mark.parametrize("step", [READ_BYTES, 999])
def test_a_line_that_is_too_long_is_passed_over(step: int) -> None:
    longest, longer = b"x" * MAX_LINE_BYTES, b"x" * (MAX_LINE_BYTES + 1)
    data = b"\n".join([b"a", longest, longer, b"b", longer * 2])
    assert _lines(data, step=step) == [(1, b"a"), (2, longest), (3, None), (4, b"b"), (5, None)]


def test_an_endless_line_is_not_kept() -> None:
    class Endless:
        left = 50 * MAX_LINE_BYTES

        def read(self, size: int, /) -> bytes:
            self.left -= size
            return b"x" * size if self.left > 0 else b""

    tracemalloc.start()
    assert list(lines_of(Endless())) == [(1, None)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * MAX_LINE_BYTES


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (None, "has more than 1,000,000 bytes"),
        (b"{", "is not JSON"),
        (b"[" * 500 + b"]" * 500, "is nested more than 100 levels deep"),
        (b'{"a": "\\u0000"}', "contains a NUL character"),
        (b'"\\ud800"', "half of a surrogate pair"),
        (b"\xff", "is not UTF-8 text"),
        (b"NaN", "contains NaN"),
    ],
)
def test_why_a_line_cannot_be_read(line: bytes | None, why: str) -> None:
    with pytest.raises(BadJson, match=why):
        parse_line(line)


# --- arrays -----------------------------------------------------------------------------------------------------------


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=15,
)


@given(st.lists(VALUES, max_size=6), st.sampled_from([None, 1]))
def test_an_array_gives_its_values_one_by_one(values: list[Any], indent: int | None) -> None:
    assert [value for _, value in parse_array(json.dumps(values, indent=indent))] == values


def test_values_carry_the_line_they_begin_on() -> None:
    assert list(parse_array('\n[\n {"a":\n  1}, 2,\n\n "x" ]\n')) == [(3, {"a": 1}), (4, 2), (6, "x")]


def test_one_value_that_cannot_be_stored_does_not_spoil_the_others() -> None:
    (_, first), (_, second), (_, third) = parse_array('["\\u0000", {"a": "\\ud800"}, "fine"]')
    assert (str(first), type(second), third) == (
        "contains a NUL character or half of a surrogate pair",
        BadJson,
        "fine",
    )


@pytest.mark.parametrize(
    "text", ["", "{}", "[", "[1", "[1,", "[1,]", "[,]", "[1 2]", "[1] 2", "[1]]", "[nope]", "[" * 100_000]
)
def test_what_is_no_array_is_refused(text: str) -> None:
    with pytest.raises(BadJson):
        list(parse_array(text))

"""JSON from strangers, without the ways it can hurt further down."""

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any, NoReturn, Protocol

MAX_DEPTH = 100  # far above what anyone means, far below what exhausts the stack
UNUSABLE_TEXT = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL stores no NUL, UTF-8 has no half of a surrogate pair

MAX_LINE_BYTES = 1_000_000  # of one value in a file or body of many, one on each line
READ_BYTES = 65_536
BLANKS = re.compile(r"[ \t\n\r]*")
MAX_DIGITS = 19  # of a whole number: what 64 bits hold
TOO_DEEP = f"is nested more than {MAX_DEPTH} levels deep"
TOO_LARGE = "contains a number that is too large"


class BadJson(ValueError):
    """What is wrong, as the end of a sentence that names what was read."""


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise BadJson(TOO_LARGE)
    return int(text)


def _fraction(text: str) -> float:
    """1e400 is JSON, and Python's infinity, which is not: it could be stored and never be sent again."""
    number = float(text)
    if not isfinite(number):
        raise BadJson(TOO_LARGE)
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise BadJson(f"contains {name}, which is no JSON")


_decoder = json.JSONDecoder(parse_int=_whole, parse_float=_fraction, parse_constant=_refuse_constant)


class Readable(Protocol):
    """What can be read piece by piece: a file, the body of a request."""

    def read(self, size: int, /) -> bytes: ...


def lines_of(stream: Readable) -> Iterator[tuple[int, bytes | None]]:
    """The lines that are not blank, with their numbers from 1; None for one that is too long, which is not kept.

    Holds what was read last and the line under way, never more: the stream may be of any length.
    """
    number, rest, is_too_long = 0, b"", False
    while piece := stream.read(READ_BYTES):
        *ended, rest = (rest + piece).split(b"\n")
        for line in ended:
            number += 1
            if is_too_long or len(line) > MAX_LINE_BYTES:
                yield number, None
            elif line and not line.isspace():
                yield number, line
            is_too_long = False
        if len(rest) > MAX_LINE_BYTES:
            rest, is_too_long = b"", True
    if is_too_long or rest.strip():
        yield number + 1, None if is_too_long else rest


def parse_line(line: bytes | None) -> Any:
    """The value of one of `lines_of`; BadJson if it is none."""
    if line is None:
        raise BadJson(f"has more than {MAX_LINE_BYTES:,} bytes")
    return parse_json(line)


def parse_array(text: str) -> Iterator[tuple[int, Any]]:
    """The values of a JSON array with the lines they begin on, one at a time; for one that could not be stored again,
    BadJson in its place. BadJson is raised where the text is no array, for what follows cannot be told apart then."""
    line, seen, at, ended = 1, 0, _after(text, 0, "["), False
    if text.startswith("]", at):
        at, ended = at + 1, True
    while not ended:
        line, seen = line + text.count("\n", seen, at), at
        value, end = _decode_at(text, at)
        yield line, value
        at = BLANKS.match(text, end).end()  # type: ignore[union-attr]  # matches nothing at least
        ended = text.startswith("]", at)
        at = _after(text, at, "]" if ended else ",")
    if at < len(text):
        raise BadJson(f"is no JSON array (something follows its end, at character {at + 1})")


def _after(text: str, at: int, mark: str) -> int:
    """Where the next thing begins after `mark`, which must come now."""
    at = BLANKS.match(text, at).end()  # type: ignore[union-attr]
    if not text.startswith(mark, at):
        raise BadJson(f"is no JSON array ({mark!r} is missing at character {at + 1})")
    return BLANKS.match(text, at + 1).end()  # type: ignore[union-attr]


def _decode_at(text: str, at: int) -> tuple[Any, int]:
    try:
        value, end = _decoder.raw_decode(text, at)
        part = text[at:end]
    except json.JSONDecodeError as error:
        raise BadJson(f"is not JSON ({error.msg} at character {error.pos + 1})") from None
    except RecursionError:
        raise BadJson(TOO_DEEP) from None
    try:
        if "\\u" in part or part.count("[") + part.count("{") > MAX_DEPTH:
            _refuse_unusable(value)
    except BadJson as bad:
        return bad, end
    return value, end


def parse_json(raw: bytes) -> Any:
    """The value of a JSON text; BadJson for anything that could not be stored and written again."""
    try:
        data = _decoder.decode(raw.decode())
    except UnicodeDecodeError:
        raise BadJson("is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise BadJson(f"is not JSON ({error.msg} at character {error.pos + 1})") from None
    except RecursionError:
        raise BadJson(TOO_DEEP) from None
    # The walk sees every value; this look at the bytes spares nearly everything from it.
    if b"\\u" in raw or raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        _refuse_unusable(data)
    return data


def _refuse_unusable(data: Any) -> None:
    """BadJson for nesting too deep, NUL characters and lone surrogates, level by level."""
    level = [data]
    for _ in range(MAX_DEPTH + 1):
        if any(isinstance(value, str) and UNUSABLE_TEXT.search(value) for value in level):
            raise BadJson("contains a NUL character or half of a surrogate pair")
        level = [child for value in level for child in _children(value)]
        if not level:
            return
    raise BadJson(TOO_DEEP)


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list) else []

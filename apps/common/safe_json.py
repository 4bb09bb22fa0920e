"""JSON from strangers, without the ways it can hurt further down."""

import json
import re
from math import isfinite
from typing import Any, NoReturn

MAX_DEPTH = 100  # far above what anyone means, far below what exhausts the stack
UNUSABLE_TEXT = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL stores no NUL, UTF-8 has no half of a surrogate pair

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

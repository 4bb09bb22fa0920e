"""Reading a provider's JSON as hostile input: every value is checked, cleaned and cut before it goes anywhere."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from apps.common.errors import ProviderError

MAX_TEXT = 2000  # characters
MAX_FIELDS = 50
ID = re.compile(r"[\w.:\-]{1,100}", re.ASCII)  # what may stand in a URL path, and in our columns
MODEL_NAME = re.compile(r"[\w.:/@\-]{1,200}", re.ASCII)
LATEST = 32_503_680_000  # the year 3000, in seconds


def unusable_answer(what: str) -> ProviderError:
    """An answer that cannot be understood. Temporary: a proxy's error page today may be an answer tomorrow."""
    return ProviderError(
        f"The provider's answer could not be used: {what}.",
        temporary=True,
        code="unusable_answer",
        resolution="It is tried again. If it stays so, check that the base URL is that of an OpenAI-compatible API.",
    )


def text(value: Any, *, limit: int = MAX_TEXT) -> str:
    """`value` if it is text, without what a database cannot hold (NUL, half surrogate pairs), cut; else ''."""
    if not isinstance(value, str):
        return ""
    return value[:limit].replace("\x00", "").encode("utf-8", "replace").decode()


def whole_text(words: str) -> str:
    """A model's words, uncut, without what a database cannot hold."""
    return text(words, limit=len(words))


def identifier(value: Any, *, what: str, pattern: re.Pattern[str] = ID) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise unusable_answer(f"no {what} in it")
    return value


def whole_number(value: Any) -> int | None:
    """A count that fits a database column; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62 else None


def number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def moment(value: Any) -> datetime | None:
    """Unix seconds as a point in time."""
    seconds = number(value)
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None and 0 < seconds < LATEST else None


def day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def items(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects of a list answer."""
    data = body.get("data")
    if not isinstance(data, list):
        raise unusable_answer("a list was expected")
    return [item for item in data if isinstance(item, dict)]


def flat(value: Any) -> dict[str, str | float | int | bool]:
    """The numbers and texts directly inside an object, as plain JSON that both databases store."""
    kept: dict[str, str | float | int | bool] = {}
    for key, item in list(mapping(value).items())[:MAX_FIELDS]:
        if isinstance(item, str):
            kept[text(key, limit=100)] = text(item)
        elif isinstance(item, bool) or number(item) is not None:
            kept[text(key, limit=100)] = item
    return kept

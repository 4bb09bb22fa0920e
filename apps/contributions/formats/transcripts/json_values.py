"""JSON in a text that was uploaded: one value, or one on each line."""

from typing import Any

from apps.common.errors import InvalidInput
from apps.common.safe_json import BadJson, parse_json


class NoJson(InvalidInput):
    """It begins like JSON and is none, or holds what cannot be stored."""


def parse(text: str, *, what: str = "The file") -> Any:
    try:
        return parse_json(text.strip().encode())
    except BadJson as error:
        raise NoJson(
            f"{what} {error}.", resolution="Correct it, or export the conversations anew.", code="invalid_json"
        ) from None


def parse_lines(text: str) -> list[Any]:
    """The values of a text with one on each line; NoJson names the line that breaks it."""
    lines = enumerate(text.split("\n"), start=1)
    return [parse(line, what=f"Line {number}") for number, line in lines if line.strip()]

"""JSON objects out of a file, one on each line or all in one array: shared by the shapes that are made of them."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from apps.common.errors import InvalidInput
from apps.common.safe_json import BadJson, lines_of, parse_array, parse_line
from apps.contributions.formats.rows.base import HEAD_BYTES, ImportRow

MAX_ARRAY_BYTES = 20 * 2**20  # an array is read as a whole; lines are read one by one
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
KEY = re.compile(r'"([a-z_]{1,30})"\s*:')


class RowFault(ValueError):
    """Why one object is no row, as a sentence."""


def keys_of(head: bytes) -> set[str]:
    """The keys of a file's first object; if that is longer than what is looked at, all that are seen there."""
    text = head.decode("utf-8-sig", errors="ignore").lstrip().removeprefix("[").lstrip()
    if not text.startswith("{"):
        return set()
    try:
        return set(json.JSONDecoder().raw_decode(text)[0])
    except (ValueError, RecursionError):
        return set(KEY.findall(text))


def read_objects(file: BinaryIO, as_row: Callable[[int, Mapping[str, Any]], ImportRow]) -> Iterator[ImportRow]:
    """A row for each object, by `as_row(line, object)`, which raises RowFault for one that is none."""
    found = False
    for line, value in _values(file):
        found = True
        yield _row(line, value, as_row)
    if not found:
        raise InvalidInput("The file holds no rows.", resolution="Write one JSON object on each line.", code="no_rows")


def _row(line: int, value: Any, as_row: Callable[[int, Mapping[str, Any]], ImportRow]) -> ImportRow:
    if isinstance(value, BadJson):
        return ImportRow(line, "", fault=f"It {value}.")
    if not isinstance(value, dict):
        return ImportRow(line, "", fault="It is no JSON object.")
    try:
        return as_row(line, value)
    except RowFault as fault:
        return ImportRow(line, "", fault=str(fault))


def _values(file: BinaryIO) -> Iterator[tuple[int, Any]]:
    start = file.tell()
    head = file.read(HEAD_BYTES).removeprefix(BYTE_ORDER_MARK).lstrip()
    file.seek(start)
    yield from _array(file) if head.startswith(b"[") else _lines(file)


def _lines(file: BinaryIO) -> Iterator[tuple[int, Any]]:
    for number, line in lines_of(file):
        try:
            yield number, parse_line(line.removeprefix(BYTE_ORDER_MARK) if line and number == 1 else line)
        except BadJson as bad:
            yield number, bad


def _array(file: BinaryIO) -> Iterator[tuple[int, Any]]:
    raw = file.read(MAX_ARRAY_BYTES + 1)
    if len(raw) > MAX_ARRAY_BYTES:
        raise InvalidInput(
            f"The file is one JSON array of more than {MAX_ARRAY_BYTES // 2**20} MB.",
            resolution="Write one object on each line instead (JSONL): such a file may be of any length.",
            code="array_too_large",
        )
    try:
        yield from parse_array(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InvalidInput("The file is not UTF-8.", resolution="Save it as UTF-8.", code="wrong_encoding") from None
    except BadJson as bad:
        raise InvalidInput(f"The file {bad}.", resolution="Correct or write it anew.", code="invalid_json") from None


def text_at(found: Mapping[str, Any], key: str) -> str:
    """A text, empty if there is none; what a model is to answer in JSON may stand there as JSON."""
    value = found.get(key)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    raise RowFault(f"{key}: it is neither a text nor a JSON object.")


def metadata_at(found: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = found.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise RowFault("metadata: it is no JSON object.")
    return metadata

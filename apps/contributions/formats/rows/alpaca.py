"""Instructions as the Alpaca dataset has them: instruction, input (what it is about, often empty) and output."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from apps.contributions.formats.rows.base import ImportRow
from apps.contributions.formats.rows.objects import RowFault, keys_of, read_objects, text_at


class Alpaca:
    name = "alpaca"
    title = "Alpaca instructions (JSON or JSONL)"
    extensions: tuple[str, ...] = (".json", ".jsonl")

    def recognises(self, head: bytes) -> bool:
        keys = keys_of(head)
        return "instruction" in keys and "metadata" not in keys

    def read(self, file: BinaryIO) -> Iterator[ImportRow]:
        return read_objects(file, _row)


def _row(line: int, found: Mapping[str, Any]) -> ImportRow:
    return ImportRow(line, question_of(found), text_at(found, "output"))


def question_of(found: Mapping[str, Any]) -> str:
    """The request and, below it, what it is about."""
    parts = [text_at(found, "instruction").strip(), text_at(found, "input").strip()]
    if not parts[0]:
        raise RowFault("instruction: it is missing.")
    return "\n\n".join(part for part in parts if part)

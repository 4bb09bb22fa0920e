"""Instructions as Hugging Face datasets have them: instruction, input, output and metadata (PB4, PB5)."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from apps.contributions.formats.rows.alpaca import question_of
from apps.contributions.formats.rows.base import ImportRow
from apps.contributions.formats.rows.objects import keys_of, metadata_at, read_objects, text_at


class HFInstruction:
    name = "hf_instruction"
    title = "Hugging Face instructions with metadata (JSONL or JSON)"
    extensions: tuple[str, ...] = (".jsonl", ".json")

    def recognises(self, head: bytes) -> bool:
        return {"instruction", "metadata"} <= keys_of(head)

    def read(self, file: BinaryIO) -> Iterator[ImportRow]:
        return read_objects(file, _row)


def _row(line: int, found: Mapping[str, Any]) -> ImportRow:
    metadata = metadata_at(found)
    kind = metadata.get("example_type")
    return ImportRow(
        line,
        question_of(found),
        text_at(found, "output"),
        metadata=metadata,
        kind=kind if isinstance(kind, str) else "",
    )

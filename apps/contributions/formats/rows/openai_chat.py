"""Conversations in OpenAI's chat format, one on each line: what training files are made of."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from apps.contributions.formats.rows.base import ImportRow
from apps.contributions.formats.rows.objects import RowFault, keys_of, metadata_at, read_objects
from apps.personas.tasks.base import Turn

INSTRUCTIONS = ("system", "developer")  # how to answer is the persona's prompt to say
ROLES = (*INSTRUCTIONS, "user", "assistant")


class OpenAIChat:
    """`{"messages": [...]}`: the last answer is the right one, the question before it is asked, the rest is history."""

    name = "openai_chat"
    title = "OpenAI chat (JSONL)"
    extensions: tuple[str, ...] = (".jsonl",)

    def recognises(self, head: bytes) -> bool:
        return "messages" in keys_of(head)

    def read(self, file: BinaryIO) -> Iterator[ImportRow]:
        return read_objects(file, _row)


def _row(line: int, found: Mapping[str, Any]) -> ImportRow:
    turns = _turns(found.get("messages"))
    answer = turns.pop()["content"] if turns and turns[-1]["role"] == "assistant" else ""
    if not turns or turns[-1]["role"] != "user":
        raise RowFault("messages: the last answer follows no question of a user.")
    question = turns.pop()["content"]
    return ImportRow(line, question, answer, history=tuple(turns), metadata=metadata_at(found))


def _turns(messages: Any) -> list[Turn]:
    if not isinstance(messages, list) or not messages:
        raise RowFault("messages: it is no list of messages.")
    turns = [_turn(number, message) for number, message in enumerate(messages)]
    return [turn for turn in turns if turn["role"] not in INSTRUCTIONS]


def _turn(number: int, message: Any) -> Turn:
    role = message.get("role") if isinstance(message, dict) else None
    if role not in ROLES:
        raise RowFault(f"messages[{number}].role: it must be one of {', '.join(ROLES)}.")
    return Turn(role=str(role), content=_text(number, message.get("content")))


def _text(number: int, content: Any) -> str:
    """A text, or the protocol's list of parts if all of them are text."""
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    texts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in parts]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise RowFault(f"messages[{number}].content: it is no text; nothing else can be learnt.")
    return "".join(text for text in texts if text)

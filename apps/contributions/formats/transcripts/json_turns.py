"""Turns as JSON, in the shapes that programs write them in: one value, or one on each line.

A turn is an object that names its speaker (`speaker`, `role`, `from`, `author`, `sender` or `name`) and has a text
(`text`, `content`, `message`, `value` or `body`; OpenAI's lists of parts too). A conversation is a list of turns, or an
object that has one (`turns`, `messages`, `conversation`, `conversations` or `dialog`). A file is a conversation, a list
of them, or an object that has such a list. Lines that are turns themselves are one conversation, or one for each
`conversation_id`.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from apps.common.errors import InvalidInput
from apps.contributions.formats.transcripts.base import Conversation, LeftOut, Transcript, Turn
from apps.contributions.formats.transcripts.json_values import NoJson, parse, parse_lines

SPEAKER_KEYS = ("speaker", "role", "from", "author", "sender", "name")
TEXT_KEYS = ("text", "content", "message", "value", "body")
TURNS_KEYS = ("turns", "messages", "conversation", "conversations", "dialog")
ID_KEYS = ("conversation_id", "id")
TIME_KEYS = ("at", "timestamp", "created_at", "date")
SYSTEM_ROLES = {"system", "developer", "tool", "function"}


class JsonTurns:
    name = "json_turns"
    title = "JSON turns"
    example = '{"turns": [{"speaker": "Anna", "text": "Hello"}, {"speaker": "Ben", "text": "Hi"}]}'

    def recognises(self, text: str) -> bool:
        """By how it begins: of broken JSON people are told that it is broken, and it is read as nothing else."""
        start = text.lstrip()
        if start.startswith("{"):
            return True
        return start.startswith("[") and start[1:].lstrip()[:1] in {"{", "[", "]"}  # no WhatsApp time, no [Photo]

    def read(self, text: str) -> Transcript:
        transcript = Transcript()
        for number, (reference, turns) in enumerate(_conversations(_value(text)), start=1):
            said = tuple(_turns(turns, transcript, f"Conversation {number}"))
            if said:
                transcript.conversations.append(Conversation(reference or str(number), said))
        return transcript


def _value(text: str) -> Any:
    """One value, or the list of those on the lines."""
    try:
        return parse(text)
    except NoJson as of_the_whole:
        try:
            return parse_lines(text)
        except NoJson as of_a_line:
            first, _, rest = text.strip().partition("\n")
            raise (of_a_line if rest and _is_json(first) else of_the_whole) from None


def _is_json(text: str) -> bool:
    try:
        parse(text)
    except NoJson:
        return False
    return True


def _conversations(value: Any) -> Iterator[tuple[str, list[Any]]]:
    """The reference and the turns of each conversation in the value."""
    if isinstance(value, dict):
        yield from _of_object(value)
    elif isinstance(value, list) and any(map(_is_turn, value)):
        yield from _by_id(value)
    elif isinstance(value, list):
        for part in value:
            yield from _conversations(part)
    else:
        raise _unknown_shape()


def _of_object(value: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    turns = next((value[key] for key in TURNS_KEYS if isinstance(value.get(key), list)), None)
    if turns is None:
        raise _unknown_shape()
    if any(map(_is_turn, turns)) or not turns:
        yield _reference(value), turns
    else:
        yield from _conversations(turns)


def _by_id(turns: list[Any]) -> Iterator[tuple[str, list[Any]]]:
    together: dict[str, list[Any]] = {}
    for turn in turns:
        together.setdefault(str(turn.get("conversation_id", "")) if isinstance(turn, dict) else "", []).append(turn)
    yield from together.items()


def _reference(value: dict[str, Any]) -> str:
    return next((str(value[key]) for key in ID_KEYS if isinstance(value.get(key), str | int)), "")


def _turns(turns: Iterable[Any], transcript: Transcript, place: str) -> Iterator[Turn]:
    for number, turn in enumerate(turns, start=1):
        if not _is_turn(turn):
            raise InvalidInput(
                f"{place}, turn {number}: it names no speaker or has no text.",
                resolution=f"Give it one of {', '.join(SPEAKER_KEYS)} and one of {', '.join(TEXT_KEYS)}.",
                code="invalid_turn",
            )
        speaker, text = _speaker(turn), _text(turn).strip()
        if speaker.lower() in SYSTEM_ROLES:
            transcript.left_out[LeftOut.SYSTEM] += 1
        elif not text:
            transcript.left_out[LeftOut.EMPTY] += 1
        else:
            yield Turn(speaker, text, _time(turn))


def _is_turn(value: Any) -> bool:
    return isinstance(value, dict) and bool(_speaker(value)) and any(key in value for key in TEXT_KEYS)


def _speaker(turn: dict[str, Any]) -> str:
    for key in SPEAKER_KEYS:
        value = turn.get(key)
        if isinstance(value, dict):  # {"author": {"role": "user"}}
            value = value.get("role") or value.get("name")
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def _text(turn: dict[str, Any]) -> str:
    return _words(next((turn[key] for key in TEXT_KEYS if turn.get(key)), ""))


def _words(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(filter(None, map(_words, value)))
    if isinstance(value, dict):
        return _words(value.get("text", ""))
    return value if isinstance(value, str) else ""


def _time(turn: dict[str, Any]) -> datetime | None:
    written = next((turn[key] for key in TIME_KEYS if isinstance(turn.get(key), str)), "")
    try:
        return datetime.fromisoformat(written).replace(tzinfo=None)
    except ValueError:
        return None


def _unknown_shape() -> InvalidInput:
    return InvalidInput(
        "The JSON holds no conversations of a shape that is known here.",
        resolution=f"Write each as {JsonTurns.example}, one per line or in a list.",
        code="no_conversation",
    )

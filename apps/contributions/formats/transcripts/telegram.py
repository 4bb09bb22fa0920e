"""A chat from Telegram: `result.json` as Telegram Desktop exports it, or messages copied from its window.

    Anna, [12.03.24 18:45]
    See you at eight

An export holds one chat or all of them; silences longer than `stamps.GAP` part the conversations of each.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from apps.contributions.formats.transcripts.base import LeftOut, Transcript, Turn
from apps.contributions.formats.transcripts.json_values import NoJson, parse
from apps.contributions.formats.transcripts.stamps import DATE, TIME, begin_messages, conversations_of, read_stamps

LOOKED_AT = 200  # messages of each chat
HEADER = re.compile(rf"([^\[\]\n]{{1,64}}), \[({DATE}),? ({TIME})\]:?\s*$")
MEDIA_LINE = re.compile(r"\[ [^\[\]]{1,40} \]$")  # [ Photo ], [ Sticker ]
ABOUT_LINE = re.compile(  # what it answers, where it comes from: on the lines above the words
    r"\[(In reply to|Forwarded from|Als Antwort auf|Weitergeleitet (aus|von)|En respuesta a|Reenviado de|En réponse à"
    r"|Transféré (de|depuis)|In risposta a|Inoltrato da|Em resposta a|Encaminhado de|В ответ на|Переслано от) ?.*\]$"
)
PLAIN_MEMBERS = {  # of a message that is words alone
    *("id", "type", "date", "date_unixtime", "edited", "edited_unixtime", "from", "from_id"),
    *("text", "text_entities", "reply_to_message_id"),
}


class TelegramExport:
    name = "telegram_export"
    title = "Telegram export (result.json)"
    example = '{"messages": [{"type": "message", "date": "2024-03-12T18:45:00", "from": "Anna", "text": "Hello"}]}'

    def recognises(self, text: str) -> bool:
        if not text.lstrip().startswith("{") or '"messages"' not in text:
            return False
        try:
            chats = list(_chats(parse(text)))
        except NoJson:
            return False
        messages = [message for chat in chats for message in islice(_messages(chat), LOOKED_AT)]
        return any(message.get("type") in ("message", "service") and "date" in message for message in messages)

    def read(self, text: str) -> Transcript:
        transcript = Transcript()
        for number, chat in enumerate(_chats(parse(text)), start=1):
            turns = list(_turns(_messages(chat), transcript))
            transcript.conversations.extend(conversations_of(turns, prefix=f"{chat.get('id', number)}:"))
        return transcript


class TelegramCopy:
    name = "telegram_copy"
    title = "Messages copied from Telegram"
    example = "Anna, [12.03.24 18:45]\nSee you at eight"

    def recognises(self, text: str) -> bool:
        return begin_messages(text, HEADER.match)

    def read(self, text: str) -> Transcript:
        transcript = Transcript()
        messages: list[tuple[re.Match[str], list[str]]] = []
        for line in text.split("\n"):
            if header := HEADER.match(line):
                messages.append((header, []))
            elif messages:
                messages[-1][1].append(line)
            elif line.strip():
                transcript.left_out[LeftOut.BEFORE_FIRST_SPEAKER] += 1
        times = read_stamps([(header[2], header[3]) for header, _ in messages])
        turns = []
        for (header, lines), at in zip(messages, times, strict=True):
            if said := _said(lines):
                turns.append(Turn(header[1].strip(), said, at))
            else:
                transcript.left_out[LeftOut.MEDIA if any(map(MEDIA_LINE.match, lines)) else LeftOut.EMPTY] += 1
        transcript.conversations.extend(conversations_of(turns))
        return transcript


def _said(lines: list[str]) -> str:
    return "\n".join(line for line in lines if not MEDIA_LINE.match(line) and not ABOUT_LINE.match(line)).strip()


def _chats(value: Any) -> Iterator[dict[str, Any]]:
    """The chats of an export of one, or of all (`chats` and `left_chats`, each with a `list`)."""
    if isinstance(value.get("messages"), list):
        yield value
    for part in ("chats", "left_chats"):
        section = value.get(part)
        if isinstance(section, dict):
            yield from _objects(section.get("list"))


def _messages(chat: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return _objects(chat.get("messages"))


def _objects(listed: Any) -> Iterator[dict[str, Any]]:
    return (one for one in listed if isinstance(one, dict)) if isinstance(listed, list) else iter(())


def _turns(messages: Iterable[dict[str, Any]], transcript: Transcript) -> Iterator[Turn]:
    for message in messages:
        if message.get("type") != "message":
            transcript.left_out[LeftOut.NOTICE] += 1
        elif said := _text(message.get("text")).strip():
            yield Turn(_speaker(message), said, _time(message.get("date")))
        else:
            transcript.left_out[LeftOut.EMPTY if set(message) <= PLAIN_MEMBERS else LeftOut.MEDIA] += 1


def _speaker(message: dict[str, Any]) -> str:
    """The name; of a deleted account there is only the id."""
    return str(message.get("from") or message.get("from_id") or "Deleted account")


def _text(text: Any) -> str:
    """A text, or a list of texts and of parts that have one: links, bold words, names."""
    if isinstance(text, list):
        return "".join(map(_text, text))
    if isinstance(text, dict):
        return _text(text.get("text", ""))
    return text if isinstance(text, str) else ""


def _time(written: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(written)).replace(tzinfo=None)
    except ValueError:
        return None

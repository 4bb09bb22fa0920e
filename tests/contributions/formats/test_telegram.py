import json
from datetime import datetime
from typing import Any

import pytest

from apps.contributions.formats.transcripts import Conversation, LeftOut, Turn
from apps.contributions.formats.transcripts.telegram import TelegramCopy, TelegramExport


def _message(speaker: str | None, text: Any, minute: int = 0, **others: Any) -> dict[str, Any]:
    return {
        "id": minute,
        "type": "message",
        "date": f"2024-03-12T18:{minute:02}:00",
        "date_unixtime": "1710265500",
        "from": speaker,
        "from_id": "user7",
        "text": text,
        "text_entities": [],
        **others,
    }


CHAT: dict[str, Any] = {
    "name": "Anna",
    "type": "personal_chat",
    "id": 4711,
    "messages": [
        {"id": 1, "type": "service", "date": "2024-03-12T18:00:00", "actor": "Anna", "action": "create_group"},
        _message("Anna", "Are you coming?", 1),
        _message("Ben", ["Yes, see ", {"type": "link", "text": "http://example.com"}, " for ", "the place"], 2),
        _message("Ben", "", 3, photo="photos/1.jpg"),
        _message("Ben", "", 4),
        _message("Ben", "What a view", 5, photo="photos/2.jpg"),
        _message(None, "I left", 6),
    ],
}
SAID = (
    Turn("Anna", "Are you coming?", datetime(2024, 3, 12, 18, 1)),
    Turn("Ben", "Yes, see http://example.com for the place", datetime(2024, 3, 12, 18, 2)),
    Turn("Ben", "What a view", datetime(2024, 3, 12, 18, 5)),
    Turn("user7", "I left", datetime(2024, 3, 12, 18, 6)),
)

COPY = """\
Anna, [12.03.24 18:45]
Are you coming?
It is at eight.

Ben, [12.03.24 18:46]
[In reply to Anna]
Yes, gladly

Ben, [12.03.24 18:47]
[ Photo ]

Ben, [12.03.24 18:48]
"""


def test_the_export_of_one_chat() -> None:
    transcript = TelegramExport().read(json.dumps(CHAT))
    assert transcript.conversations == [Conversation("4711:2024-03-12T18:01:00", SAID)]
    assert transcript.left_out == {LeftOut.NOTICE: 1, LeftOut.MEDIA: 1, LeftOut.EMPTY: 1}


def test_the_export_of_all_chats_keeps_them_apart() -> None:
    other = {"id": 12, "name": None, "messages": [_message("Cleo", "Hello", 1)]}
    everything = {"about": "…", "chats": {"list": [CHAT, other, {"id": 13}]}, "left_chats": {"list": [other]}}
    transcript = TelegramExport().read(json.dumps(everything))
    assert [(found.reference, len(found.turns)) for found in transcript.conversations] == [
        ("4711:2024-03-12T18:01:00", 4),
        ("12:2024-03-12T18:01:00", 1),
        ("12:2024-03-12T18:01:00", 1),
    ]


def test_a_silence_parts_conversations() -> None:
    late = _message("Ben", "Good morning") | {"date": "2024-03-13T08:00:00"}
    chat = {"id": 1, "messages": [_message("Anna", "Good night"), late]}
    assert [found.reference for found in TelegramExport().read(json.dumps(chat)).conversations] == [
        "1:2024-03-12T18:00:00",
        "1:2024-03-13T08:00:00",
    ]


def test_odd_messages_break_nothing() -> None:
    messages: list[Any] = [7, None, _message("Anna", 7), _message("Anna", [None, {"type": "x"}]), {"type": "message"}]
    odd_time = _message("Anna", "Hello") | {"date": "yesterday"}
    transcript = TelegramExport().read(json.dumps({"messages": [*messages, odd_time]}))
    assert transcript.conversations == [Conversation("1:undated", (Turn("Anna", "Hello"),))]


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        (json.dumps(CHAT), True),
        (json.dumps({"chats": {"list": [CHAT]}}), True),
        (json.dumps({"messages": [{"role": "user", "content": "hi"}]}), False),
        (json.dumps({"messages": []}), False),
        (json.dumps({"messages": 7, "chats": {"list": 7}}), False),
        (json.dumps({"chats": 7, "messages": None}), False),
        ('{"messages": ', False),
        (json.dumps([CHAT]), False),
        ("", False),
    ],
)
def test_an_export_is_recognised(text: str, ours: bool) -> None:
    assert TelegramExport().recognises(text) is ours


def test_messages_copied_from_the_window() -> None:
    transcript = TelegramCopy().read(COPY)
    assert transcript.conversations == [
        Conversation(
            "2024-03-12T18:45:00",
            (
                Turn("Anna", "Are you coming?\nIt is at eight.", datetime(2024, 3, 12, 18, 45)),
                Turn("Ben", "Yes, gladly", datetime(2024, 3, 12, 18, 46)),
            ),
        )
    ]
    assert transcript.left_out == {LeftOut.MEDIA: 1, LeftOut.EMPTY: 1}


def test_a_copy_is_recognised_by_two_messages() -> None:
    shape = TelegramCopy()
    assert [shape.recognises(text) for text in (COPY, COPY.split("\n\n")[0], "", "Anna, [sic]\nBen, [sic]")] == [
        True,
        False,
        False,
        False,
    ]


def test_what_stands_above_the_first_copied_message_is_counted() -> None:
    assert TelegramCopy().read(f"Our chat:\n{COPY}").left_out[LeftOut.BEFORE_FIRST_SPEAKER] == 1

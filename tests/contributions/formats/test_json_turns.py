import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from apps.common.errors import InvalidInput
from apps.contributions.formats.transcripts import Conversation, LeftOut, Turn, read_transcript
from apps.contributions.formats.transcripts.json_turns import JsonTurns

SAID = (Turn("Anna", "Hello"), Turn("Ben", "Hi"))
AS_WRITTEN = [{"speaker": "Anna", "text": "Hello"}, {"speaker": "Ben", "text": "Hi"}]
COFFEE = Path("/work/shared/data/conversations/coffee-orders.jsonl")


def _read(value: Any) -> list[Conversation]:
    return JsonTurns().read(json.dumps(value)).conversations


def _refusal(text: str) -> InvalidInput:
    assert JsonTurns().recognises(text)
    with pytest.raises(InvalidInput) as caught:
        JsonTurns().read(text)
    assert caught.value.resolution
    return caught.value


@pytest.mark.parametrize("speaker", ["speaker", "role", "from", "author", "sender", "name"])
@pytest.mark.parametrize("text", ["text", "content", "message", "value", "body"])
def test_a_turn_by_any_of_its_names(speaker: str, text: str) -> None:
    assert _read([{speaker: "Anna", text: "Hello"}, {speaker: "Ben", text: "Hi"}]) == [Conversation("1", SAID)]


@pytest.mark.parametrize("turns", ["turns", "messages", "conversation", "conversations", "dialog"])
def test_a_conversation_by_any_of_its_names(turns: str) -> None:
    assert _read({turns: AS_WRITTEN}) == [Conversation("1", SAID)]
    assert _read([{"id": 7, turns: AS_WRITTEN}, {turns: AS_WRITTEN}]) == [
        Conversation("7", SAID),
        Conversation("2", SAID),
    ]


def test_lists_of_conversations_in_every_wrapping() -> None:
    twice = [Conversation("1", SAID), Conversation("2", SAID)]
    assert _read([AS_WRITTEN, AS_WRITTEN]) == twice
    assert _read({"conversations": [{"turns": AS_WRITTEN}, {"turns": AS_WRITTEN}]}) == twice
    assert _read({"conversations": [AS_WRITTEN, {"messages": AS_WRITTEN}]}) == twice


def test_one_conversation_on_each_line() -> None:
    lines = "\n".join(json.dumps({"conversation_id": name, "turns": AS_WRITTEN}) for name in ("a", "b"))
    assert JsonTurns().read(f"{lines}\n\n").conversations == [Conversation("a", SAID), Conversation("b", SAID)]


def test_one_turn_on_each_line() -> None:
    lines = "\n".join(map(json.dumps, AS_WRITTEN))
    assert JsonTurns().read(lines).conversations == [Conversation("1", SAID)]
    told_apart = "\n".join(json.dumps(turn | {"conversation_id": name}) for name in (7, 8) for turn in AS_WRITTEN)
    assert JsonTurns().read(told_apart).conversations == [Conversation("7", SAID), Conversation("8", SAID)]


def test_messages_as_openai_has_them() -> None:
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {}}],
        },
        {"role": "assistant", "content": None, "tool_calls": [{"id": "x"}]},
        {"role": "tool", "content": "{}"},
        {"role": "assistant", "content": "A boat."},
    ]
    transcript = JsonTurns().read(json.dumps({"messages": messages}))
    assert transcript.conversations == [
        Conversation("1", (Turn("user", "What is this?"), Turn("assistant", "A boat.")))
    ]
    assert transcript.left_out == {LeftOut.SYSTEM: 3, LeftOut.EMPTY: 1}


def test_an_author_may_be_an_object_and_a_turn_have_a_time() -> None:
    turns = [{"author": {"role": "user"}, "text": "Hello", "timestamp": "2024-03-12T18:45:00Z"}]
    assert _read(turns) == [Conversation("1", (Turn("user", "Hello", datetime(2024, 3, 12, 18, 45)),))]
    assert _read([{"author": "x", "text": "Hello", "at": "noon"}])[0].turns[0].at is None


def test_conversations_in_which_nobody_says_anything_are_left_out() -> None:
    assert _read([{"turns": []}, {"turns": [{"speaker": "Anna", "text": " "}]}, {"turns": AS_WRITTEN}]) == [
        Conversation("3", SAID)
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"turns": [', "The file is not JSON (Expecting value at character 12)."),
        ('{"turns": []}\n{"turns": [}', "Line 2 is not JSON (Expecting value at character 12)."),
        ("[" * 2_000 + "]" * 2_000, "The file is nested more than 100 levels deep."),
        ('[{"speaker": "A", "text": "a\\u0000"}]', "The file contains a NUL character or half of a surrogate pair."),
        ('[{"speaker": "A", "text": "\\ud800"}]', "The file contains a NUL character or half of a surrogate pair."),
        ('[{"speaker": "A", "text": NaN}]', "The file contains NaN, which is no JSON."),
    ],
)
def test_json_that_is_none_is_refused_where_it_breaks(text: str, message: str) -> None:
    error = _refusal(text)
    assert (error.code, error.message) == ("invalid_json", message)


@pytest.mark.parametrize("value", [{"chats": 1}, {"turns": 7}, {"turns": [7]}, [{"a": 1}], [[7]], {"turns": {"a": 1}}])
def test_json_of_another_shape_is_refused_with_an_example(value: Any) -> None:
    error = _refusal(json.dumps(value))
    assert error.code == "no_conversation"
    assert JsonTurns.example in error.resolution


@pytest.mark.parametrize("odd", [7, "hello", {"speaker": "Anna"}, {"text": "hello"}, {"speaker": 7, "text": "x"}, None])
def test_what_is_no_turn_among_turns_is_named_by_its_place(odd: Any) -> None:
    error = _refusal(json.dumps([{"turns": AS_WRITTEN}, {"turns": [*AS_WRITTEN, odd]}]))
    assert (error.code, error.message) == (
        "invalid_turn",
        "Conversation 2, turn 3: it names no speaker or has no text.",
    )


@pytest.mark.parametrize("text", ["", "Anna: hello", "[12.03.24, 18:45:10] Anna: hello", "[Photo]", '"turns"', "7"])
def test_what_is_not_json(text: str) -> None:
    assert not JsonTurns().recognises(text)


@pytest.mark.skipif(not COFFEE.exists(), reason="the shared conversations are not on this machine")
def test_real_ordering_dialogues() -> None:
    conversations = read_transcript(COFFEE.read_text()).conversations
    assert len(conversations) == len({conversation.reference for conversation in conversations}) == 300
    assert {turn.speaker for conversation in conversations for turn in conversation.turns} == {"user", "assistant"}
    assert conversations[0].turns[0] == Turn("user", "one Chai Latte please")
    assert conversations[0].reference == "dlg-881444f3-24fc-4e54-ac61-2196f60e88fa"

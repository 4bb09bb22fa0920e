"""Every shape, written by a few lines of its own here, is told from the others and read back as the same turns."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import InvalidInput
from apps.contributions.formats.transcripts import SHAPES, Conversation, Turn, read_transcript, recognise

LETTERS = st.characters(categories=["Lu", "Ll", "Lo", "Nd"], exclude_characters="\u0e33\u0eb3")
WORDS = st.text(LETTERS, min_size=1, max_size=8)
LINES = st.lists(WORDS | st.sampled_from(["!", "🎈", "(ok)", "18:45", "–", "«x»"]), min_size=1, max_size=6).map(
    " ".join
)
TEXTS = st.lists(LINES | st.just(""), min_size=1, max_size=4).map("\n".join).map(str.strip).filter(bool)
MINUTES = st.lists(st.integers(min_value=0, max_value=470), min_size=4, max_size=8)
BEGAN = st.datetimes(min_value=datetime(2012, 1, 1), max_value=datetime(2040, 1, 1)).map(
    lambda time: time.replace(second=0, microsecond=0)
)


@st.composite
def chats(draw: st.DrawFn) -> list[Turn]:
    """Two people taking turns, each speaking at least twice, never silent for eight hours."""
    at, turns = draw(BEGAN), []
    for number, minutes in enumerate(draw(MINUTES)):
        at += timedelta(minutes=minutes)
        turns.append(Turn(("Anna", "Ben Müller")[number % 2], draw(TEXTS), at))
    return turns


def _undated(turns: list[Turn]) -> list[Turn]:
    return [Turn(turn.speaker, turn.text) for turn in turns]


def _time(turn: Turn) -> datetime:
    assert turn.at is not None
    return turn.at


def _iphone(turns: list[Turn]) -> str:
    return "\n".join(f"[{_time(turn):%d.%m.%y, %H:%M:%S}] {turn.speaker}: {turn.text}" for turn in turns)


def _iphone_in_america(turns: list[Turn]) -> str:
    return "\n".join(f"[{_time(turn):%m/%d/%y, %I:%M:%S\u202f%p}] {turn.speaker}: {turn.text}" for turn in turns)


def _android(turns: list[Turn]) -> str:
    return "\n".join(f"{_time(turn):%Y-%m-%d, %H:%M} - {turn.speaker}: {turn.text}" for turn in turns)


def _copied_from_telegram(turns: list[Turn]) -> str:
    return "\n\n".join(f"{turn.speaker}, [{_time(turn):%d.%m.%Y %H:%M}]\n{turn.text}" for turn in turns)


def _exported_from_telegram(turns: list[Turn]) -> str:
    messages = [
        {"id": number, "type": "message", "date": _time(turn).isoformat(), "from": turn.speaker, "text": [turn.text]}
        for number, turn in enumerate(turns)
    ]
    return json.dumps({"id": 1, "messages": messages})


def _named(turns: list[Turn]) -> str:
    return "\n\n".join(f"{turn.speaker}: {turn.text}" for turn in turns)


def _json(turns: list[Turn]) -> str:
    return json.dumps({"turns": [{"speaker": turn.speaker, "text": turn.text} for turn in turns]})


def _json_lines(turns: list[Turn]) -> str:
    return "\n".join(json.dumps({"role": turn.speaker, "content": turn.text}, ensure_ascii=False) for turn in turns)


DATED = [
    ("whatsapp", _iphone),
    ("whatsapp", _iphone_in_america),
    ("whatsapp", _android),
    ("telegram_copy", _copied_from_telegram),
    ("telegram_export", _exported_from_telegram),
]
UNDATED = [("named_lines", _named), ("json_turns", _json), ("json_turns", _json_lines)]


def _read(text: str, shape: str) -> list[Conversation]:
    recognised = recognise(text)
    assert recognised is not None
    assert recognised.name == shape
    transcript = read_transcript(text)
    assert transcript.left_out == {}
    return transcript.conversations


@pytest.mark.parametrize(("shape", "write"), DATED)
@given(turns=chats())
def test_turns_with_times_are_read_back(shape: str, write: Callable[[list[Turn]], str], turns: list[Turn]) -> None:
    assert [list(found.turns) for found in _read(write(turns), shape)] == [turns]


@pytest.mark.parametrize(("shape", "write"), UNDATED)
@given(turns=chats())
def test_turns_without_times_are_read_back(shape: str, write: Callable[[list[Turn]], str], turns: list[Turn]) -> None:
    assert [list(found.turns) for found in _read(write(turns), shape)] == [_undated(turns)]


def test_a_message_may_have_as_many_lines_as_a_file() -> None:
    text = "12.03.24, 18:45 - Anna: first" + "\nanother" * 200_000 + "\n12.03.24, 18:46 - Ben: last"
    turns = read_transcript(text).conversations[0].turns
    assert [len(turn.text.split("\n")) for turn in turns] == [200_001, 1]


@given(text=st.text(max_size=300))
def test_no_text_breaks_a_shape(text: str) -> None:
    for shape in SHAPES:
        assert shape.recognises(text) in {True, False}


@given(
    text=st.lists(
        st.sampled_from(["[", "]", "{", "}", ":", ",", '"', "12.03.24, 18:45", " - ", "Anna", "\n", "x", "\u200e"]),
        max_size=40,
    ).map("".join)
)
def test_text_of_its_own_parts_is_read_or_refused_in_words(text: str) -> None:
    try:
        read_transcript(text)
    except InvalidInput as error:
        assert error.resolution  # noqa: PT017  either outcome is right


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["turns", "messages", "chats", "list", "type", "date", "from", "role", "text", "content", "id"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(value=JSON)
def test_json_of_any_shape_is_read_or_refused_in_words(value: object) -> None:
    try:
        read_transcript(json.dumps(value))
    except InvalidInput as error:
        assert error.resolution  # noqa: PT017  either outcome is right


def test_every_shape_recognises_its_own_example_and_no_other_does() -> None:
    doubled = {shape.name: shape.example + "\n" + shape.example.replace("Anna", "Ben") for shape in SHAPES}
    doubled["telegram_export"] = next(shape.example for shape in SHAPES)
    doubled["named_lines"] += f"\n{doubled['named_lines']}"
    assert {name: getattr(recognise(text), "name", None) for name, text in doubled.items()} == {
        name: name for name in doubled
    }


@pytest.mark.parametrize("text", ["", "A letter. Nobody speaks in it.", "Anna: hello"])
def test_a_text_without_conversations_is_refused_with_the_shapes_there_are(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_transcript(text)
    assert caught.value.code == "no_conversation"
    assert [shape.title for shape in SHAPES if shape.title not in caught.value.resolution] == []

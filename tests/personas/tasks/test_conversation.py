"""Answering as the persona would."""

from typing import Any

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import InvalidInput
from apps.personas.tasks import PersonaFacts
from apps.personas.tasks.base import Turn
from apps.personas.tasks.conversation import Conversation

TASK = Conversation()
FACTS = PersonaFacts("Nora", identity="You run a bakery.", platform_context="A shop of avatars.")
EARLIER = [Turn(role="user", content="Hi Nora"), Turn(role="assistant", content="Morning! Bread or cake?")]
words = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=80).filter(str.strip)
turn = st.builds(
    lambda role, content: {"role": role, "content": content}, st.sampled_from(["user", "assistant"]), words
)
turns = st.lists(turn, max_size=4)


def test_the_prompt_is_the_persona_and_how_it_writes() -> None:
    prompt = TASK.system_prompt(FACTS)
    assert prompt.startswith("You are Nora. You run a bakery.\n\nYou answer messages as yourself:")
    assert prompt.endswith("Answer with the message and nothing else.")
    assert "You run a bakery" not in TASK.system_prompt(FACTS, include_persona=False)
    assert TASK.system_prompt(FACTS, include_platform_context=True).endswith("About the platform:\nA shop of avatars.")
    german = PersonaFacts("Nora", settings={"language": "German", "formality": "informal"})
    assert TASK.system_prompt(german).endswith("\n\nWrite in German. Write informally, as among friends.")


def test_settings_are_optional_and_few() -> None:
    assert TASK.clean_settings({}) == {"language": "", "formality": ""}
    assert TASK.clean_settings({"language": " German ", "formality": "formal"}) == {
        "language": "German",
        "formality": "formal",
    }
    for settings, param in (
        ({"formality": "rude"}, "formality"),
        ({"tone": "x"}, "tone"),
        ({"language": 5}, "language"),
    ):
        with pytest.raises(InvalidInput) as caught:
            TASK.clean_settings(settings)
        assert caught.value.param == param


@given(turns, words, words)
def test_what_is_written_is_read_back(history: list[dict[str, str]], message: str, answer: str) -> None:
    data = TASK.clean_input({"history": history, "message": message})
    label = TASK.clean_label({"text": answer}, FACTS)
    assert TASK.read_pair(TASK.user_message(data), TASK.assistant_message(label), TASK.history(data)) == (data, label)
    assert TASK.clean_input(data) == data
    assert TASK.parse_answer(TASK.assistant_message(label), FACTS) == label
    assert TASK.label_of_output(label, FACTS) == label
    assert TASK.compare(label, label) == 1.0


def test_the_history_is_part_of_the_input_and_not_of_the_message() -> None:
    data = TASK.clean_input({"history": EARLIER, "message": "Cake"})
    assert TASK.history(data) == EARLIER
    assert TASK.user_message(data) == "Cake"
    assert TASK.history(TASK.clean_input({"message": "Cake"})) == []


@pytest.mark.parametrize(
    ("data", "param"),
    [
        ({}, "message"),
        ({"message": " \n "}, "message"),
        ({"message": 5}, "message"),
        ({"message": "a\x00b"}, "message"),
        ({"message": "\ud800"}, "message"),
        ({"message": "x" * 20_001}, "message"),
        ({"message": "x", "text": "y"}, "text"),
        ({"message": "x", "history": "y"}, "history"),
        ({"message": "x", "history": ["y"]}, "history.0"),
        ({"message": "x", "history": [{"role": "user"}]}, "history.0.content"),
        ({"message": "x", "history": [{"role": "system", "content": "y"}]}, "history.0.role"),
        ({"message": "x", "history": [EARLIER[0], {"role": "user", "content": "\x00"}]}, "history.1.content"),
        ({"message": "x", "history": [{"role": "user", "content": "y", "weight": 1}]}, "history.0.weight"),
        ({"message": "x", "history": [EARLIER[0]] * 2_049}, "history"),
        ({"message": "x", "history": [{"role": "user", "content": "y" * 20_000}] * 11}, "history"),
    ],
)
def test_a_wrong_input_is_refused_by_the_name_of_its_field(data: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TASK.clean_input(data)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("label", "param"),
    [
        ({}, "text"),
        ({"text": " "}, "text"),
        ({"text": None}, "text"),
        ({"text": "x" * 20_001}, "text"),
        ({"text": "a", "b": 1}, "b"),
    ],
)
def test_a_wrong_label_is_refused_by_the_name_of_its_field(label: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TASK.clean_label(label, FACTS)
    assert caught.value.param == param
    assert TASK.label_of_output(label, FACTS) is None


@pytest.mark.parametrize("text", ["", "  \n ", "a\x00b", "\ud800", "x" * 20_001])
def test_an_answer_that_is_no_message_says_so(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TASK.parse_answer(text, FACTS)
    assert caught.value.code == "unparsable_answer"


def test_answers_are_compared_by_their_wording() -> None:
    assert TASK.compare({"text": "see you TOMORROW"}, {"text": "See you tomorrow"}) == 1.0
    assert TASK.compare({"text": "see you"}, {"text": "See you tomorrow, then"}) == pytest.approx(4 / 7)
    assert TASK.compare({"text": "tomorrow you see"}, {"text": "See you tomorrow"}) == pytest.approx(1 / 3)
    assert TASK.compare({"text": "no"}, {"text": "yes"}) == TASK.compare({}, {"text": "yes"}) == 0.0


def test_the_form_shows_the_models_words() -> None:
    context = {
        "prefilled": {"text": "Bread <b> & cake"},
        "persona": {"name": "Nora"},
    }
    form = render_to_string(TASK.label_template, {"part": "form", **context})
    assert ">\nBread &lt;b&gt; &amp; cake</textarea>" in form
    assert "Bread &lt;b&gt;" in render_to_string(TASK.label_template, {"part": "answer", **context})


def test_what_is_only_confirmed_equals_what_was_shown() -> None:
    assert TASK.read_form(QueryDict("text=one%0D%0Atwo")) == {"text": "one\ntwo"}
    assert TASK.read_form(QueryDict("")) == {"text": ""}


def test_what_was_typed_is_shown_again() -> None:
    context = {"part": "form", "typed": QueryDict("text=mine"), "prefilled": {"text": "theirs"}}
    form = render_to_string(TASK.label_template, context)
    assert ">\nmine</textarea>" in form

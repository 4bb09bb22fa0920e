from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import InvalidInput
from apps.personas.tasks import PersonaFacts
from apps.personas.tasks.quality import Signals
from apps.personas.tasks.roast import INTENSITY, STYLES, Roast
from apps.personas.tasks.wording import shared_wording
from tests.personas.tasks.samples import SAMPLES

TASK = Roast()
SAMPLE = SAMPLES["roast"]
FACTS = PersonaFacts("Greta", identity="You like puns.", platform_context="A forum.", settings=SAMPLE.settings)
DEFAULTS = {"style": "playful", "intensity": 2, "max_characters": 280, "avoid": []}

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=80).filter(
    lambda text: text.strip() != ""
)


def test_the_system_prompt_holds_the_persona_and_its_manner() -> None:
    prompt = TASK.system_prompt(FACTS)
    assert prompt.startswith("You are Greta. You like puns.\n\nYou answer comments with a roast")
    assert prompt.endswith(
        "Understate. Say it as if it were hardly worth saying. Be gentle. Write 280 characters at most. "
        "Leave these subjects alone: football."
    )


def test_persona_and_platform_context_are_part_of_the_prompt_on_request() -> None:
    prompt = TASK.system_prompt(FACTS, include_persona=False, include_platform_context=True)
    assert "Greta" not in prompt
    assert prompt.endswith("About the platform:\nA forum.")
    assert "A forum." not in TASK.system_prompt(FACTS)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("intensity", INTENSITY)
def test_every_manner_can_be_set_and_is_said(style: str, intensity: int) -> None:
    settings = TASK.clean_settings({"style": style, "intensity": intensity})
    prompt = TASK.system_prompt(PersonaFacts("Greta", settings=settings))
    assert f"{STYLES[style]} {INTENSITY[intensity]} Write 280" in prompt


def test_settings_that_are_left_out_are_mild() -> None:
    assert TASK.clean_settings({}) == DEFAULTS
    assert TASK.clean_settings({"style": "dry", "avoid": [" politics "]}) == {
        **DEFAULTS, "style": "dry", "avoid": ["politics"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "param"),
    [
        ({"style": "cruel"}, "style"),
        ({"style": 1}, "style"),
        ({"intensity": 0}, "intensity"),
        ({"intensity": 6}, "intensity"),
        ({"intensity": True}, "intensity"),
        ({"intensity": "3"}, "intensity"),
        ({"max_characters": 19}, "max_characters"),
        ({"max_characters": 2001}, "max_characters"),
        ({"avoid": "politics"}, "avoid"),
        ({"avoid": [""]}, "avoid.0"),
        ({"avoid": ["a\x00"]}, "avoid"),
        ({"avoid": [["a"]]}, "avoid.0"),
        ({"avoid": ["a"] * 51}, "avoid"),
        ({"codes": []}, "codes"),
    ],
)
def test_wrong_settings_are_refused_by_their_name(settings: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^{param}: ") as caught:
        TASK.clean_settings(settings)
    assert caught.value.param == param
    assert "playful, dry, deadpan, theatrical, absurd" in caught.value.resolution


@pytest.mark.parametrize(
    ("data", "param"),
    [
        ({}, "text"),
        ({"text": " \n"}, "text"),
        ({"text": 5}, "text"),
        ({"text": ["a"]}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"text": "\ud800"}, "text"),
        ({"text": "x" * 5001}, "text"),
        ({"text": "a", "platform": "p" * 51}, "platform"),
        ({"text": "a", "platform": None}, "platform"),
        ({"text": "a", "platform": "\x00"}, "platform"),
        ({"text": "a", "platform": {"name": {"of": {}}}}, "platform"),
        ({"text": "a", "note": "b"}, "note"),
    ],
)
def test_a_wrong_input_is_refused_by_the_name_of_its_field(data: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TASK.clean_input(data)
    assert caught.value.param == param


def test_a_comment_may_say_where_it_was_written() -> None:
    assert TASK.clean_input({"text": " Boring. "}) == {"text": "Boring.", "platform": ""}
    assert TASK.clean_input({"text": "Boring.", "platform": "Hacker\n News "})["platform"] == "Hacker News"
    assert TASK.user_message({"text": "Boring.", "platform": ""}) == "Roast this comment:\nBoring."
    assert TASK.user_message({"text": "Boring.", "platform": "X"}) == "Roast this comment on X:\nBoring."


@pytest.mark.parametrize("data", [{}, {"text": ""}, {"text": 3}, {"text": "a\x00"}, {"text": "\ud800"}, {"joke": "a"}])
def test_a_wrong_label_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        TASK.clean_label(data, FACTS)
    assert caught.value.param == "text"


def test_a_roast_is_as_short_as_the_persona_writes() -> None:
    settings = TASK.clean_settings({"max_characters": 20})
    facts = PersonaFacts("Greta", settings=settings)
    assert TASK.clean_label({"text": "x" * 20}, facts) == {"text": "x" * 20}
    with pytest.raises(InvalidInput, match=r"^text: it has 21 characters, and Greta writes 20 at most\."):
        TASK.clean_label({"text": "x" * 21}, facts)


def test_an_answer_that_is_too_long_is_read_for_people_to_shorten_and_fills_no_form() -> None:
    long = "x" * 281
    assert TASK.parse_answer(long, FACTS) == {"text": long}
    assert TASK.label_of_output({"text": long}, FACTS) is None
    assert TASK.label_of_output({"text": "short"}, FACTS) == {"text": "short"}


@pytest.mark.parametrize("text", ["", " \n ", "a\x00b", "\ud800", "x" * 2001])
def test_an_answer_that_cannot_be_used_says_so(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TASK.parse_answer(text, FACTS)
    assert caught.value.code == "unparsable_answer"


@given(texts)
def test_what_is_taught_can_be_read_back(text: str) -> None:
    label = TASK.clean_label({"text": text}, FACTS)
    answer = TASK.parse_answer(TASK.assistant_message(label), FACTS)
    assert answer == label == TASK.label_of_output(answer, FACTS)
    assert TASK.compare(answer, label) == 1.0


@given(texts, st.one_of(st.just(""), texts.map(lambda text: text[:50])), texts)
def test_rows_are_read_back_from_what_is_put_to_models(text: str, platform: str, roast: str) -> None:
    comment = TASK.clean_input({"text": text, "platform": platform})
    label = TASK.clean_label({"text": roast}, FACTS)
    assert TASK.read_pair(TASK.user_message(comment), TASK.assistant_message(label)) == (comment, label)


def test_even_a_comment_that_looks_like_a_question_comes_back() -> None:
    comment = {"text": "Roast this comment on X:\nmine", "platform": ""}
    assert TASK.read_pair(TASK.user_message(comment)) == (comment, None)


@pytest.mark.parametrize(
    ("question", "comment"),
    [
        ("Boring.", {"text": "Boring.", "platform": ""}),
        ("Roast this comment: boring", {"text": "Roast this comment: boring", "platform": ""}),
        ("Roast this comment:\n", {"text": "Roast this comment:\n", "platform": ""}),
    ],
)
def test_a_bare_comment_is_a_question_too(question: str, comment: dict[str, str]) -> None:
    assert TASK.read_pair(question, "Ha.") == (comment, {"text": "Ha."})


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ("Nice try.", "nice TRY.", 1.0),
        ("a b c d", "a c", 2 * 2 / 6),
        ("a b", "c d", 0.0),
        ("a b", "b a", 0.5),
        ("!!!", "???", 0.0),
        ("", "", 1.0),
        ("", "a", 0.0),
    ],
)
def test_wording_is_shared_word_by_word(one: str, other: str, share: float) -> None:
    assert shared_wording(one, other) == pytest.approx(share)


@given(texts, texts)
def test_comparing_is_the_same_both_ways(one: str, other: str) -> None:
    assert TASK.compare({"text": one}, {"text": one}) == 1.0
    score = TASK.compare({"text": one}, {"text": other})
    assert score == TASK.compare({"text": other}, {"text": one})
    assert 0.0 <= score <= 1.0


@pytest.mark.parametrize(("approvals", "rejections", "goes_in"), [(3, 0, True), (2, 1, False), (3, 1, True)])
def test_a_dataset_takes_what_more_than_two_thirds_approve(approvals: int, rejections: int, goes_in: bool) -> None:
    """RT1's 0.7, on approvals of the very answer that became the label."""
    quality = TASK.quality(Signals(answer_is_accepted=True, approvals=approvals, rejections=rejections))
    assert (float(quality.score) >= 0.7) == goes_in


def test_a_form_from_a_browser_is_the_text_that_was_shown() -> None:
    assert TASK.read_form(QueryDict("text=Two%0D%0Alines")) == {"text": "Two\nlines"}
    assert TASK.read_form(QueryDict("")) == {"text": ""}

import json
from typing import Any

import pytest

from apps.common.errors import InvalidInput
from apps.personas.tasks import PersonaFacts
from apps.personas.tasks.survey_coding import SurveyCoding
from tests.factories import CODEBOOK

TASK = SurveyCoding()
FACTS = PersonaFacts(
    name="Bank coder", identity="You are brief.", platform_context="An app for banks.", settings={"codes": CODEBOOK}
)


def test_the_system_prompt_holds_the_persona_and_the_whole_codebook() -> None:
    prompt = TASK.system_prompt(FACTS)
    assert prompt.startswith("You are Bank coder. You are brief.\n\nYou code open survey answers.")
    assert prompt.endswith(
        "Codebook:\n"
        "- lost_card: Lost card. The card is lost or stolen\n"
        "- exchange_rate: Exchange rate. Asks about rates\n"
        "- top_up_failed: Top-up failed. Money did not arrive by top-up"
    )
    assert "An app for banks." not in prompt


def test_persona_and_platform_context_are_part_of_the_prompt_on_request() -> None:
    prompt = TASK.system_prompt(FACTS, include_persona=False, include_platform_context=True)
    assert "Bank coder" not in prompt
    assert "About the platform:\nAn app for banks." in prompt


def test_a_code_without_words_is_its_own_line() -> None:
    facts = PersonaFacts("C", settings={"codes": [{"code": "a"}, {"code": "b"}]})
    assert TASK.system_prompt(facts).endswith("Codebook:\n- a\n- b")


def test_messages_are_the_bare_answer_and_json() -> None:
    assert TASK.user_message({"text": "Where is it?"}) == "Where is it?"
    assert json.loads(TASK.assistant_message({"code": "lost_card"})) == {"code": "lost_card", "confidence": "high"}


def test_what_the_model_is_taught_to_say_can_be_read_back() -> None:
    answer = TASK.parse_answer(TASK.assistant_message({"code": "lost_card"}), FACTS)
    assert TASK.compare(answer, {"code": "lost_card"}) == 1.0
    assert TASK.compare(answer, {"code": "exchange_rate"}) == 0.0
    assert TASK.label_of_output(answer, FACTS) == {"code": "lost_card"}


def test_json_between_fences_is_read() -> None:
    text = '```json\n{"code": "exchange_rate", "confidence": "low"}\n```'
    assert TASK.parse_answer(text, FACTS) == {"code": "exchange_rate", "confidence": "low"}


@pytest.mark.parametrize(
    "text",
    [
        "I was not trained.",
        "",
        "[]",
        "null",
        '"lost_card"',
        '{"code": "lost_card"}',
        '{"code": "lost_card", "confidence": "certain"}',
        '{"code": ["lost_card"], "confidence": "high"}',
        '{"code": "unknown", "confidence": "high"}',
        '{"code": "lost_card", "confidence": "high", "sql": "DROP TABLE"}',
        '{"code": "\\ud800", "confidence": "high"}',
        "[" * 100_000,
        '{"code": ' + "9" * 10_000 + "}",
    ],
)
def test_an_answer_that_cannot_be_used_says_so(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TASK.parse_answer(text, FACTS)
    assert caught.value.code == "unparsable_answer"
    assert caught.value.resolution


@pytest.mark.parametrize(
    ("data", "param"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": "   "}, "text"),
        ({"text": 5}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"text": "\ud800"}, "text"),
        ({"text": "x" * 10_001}, "text"),
        ({"text": "a", "note": "b"}, "note"),
    ],
)
def test_a_wrong_input_is_refused_by_the_name_of_its_field(data: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TASK.clean_input(data)
    assert caught.value.param == param


def test_a_label_must_be_of_the_codebook() -> None:
    assert TASK.clean_label({"code": " lost_card "}, FACTS) == {"code": "lost_card"}
    with pytest.raises(InvalidInput, match=r"'lost_cart' is not in the codebook of Bank coder\."):
        TASK.clean_label({"code": "lost_cart"}, FACTS)


@pytest.mark.parametrize(
    "settings", [{}, {"codes": []}, {"codes": [{"code": "a"}]}, {"codes": [{"code": "a"}, {"code": "a"}]}, {"x": 1}]
)
def test_settings_without_a_usable_codebook_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        TASK.clean_settings(settings)

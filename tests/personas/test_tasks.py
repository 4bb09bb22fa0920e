import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from django.template.loader import get_template
from pydantic import BaseModel

from apps.common.audit import SYSTEM
from apps.common.errors import InvalidInput
from apps.contributions.enums import ExampleKind
from apps.contributions.formats import ImportRow
from apps.contributions.models import TrainingExample
from apps.contributions.services import NewLabel, import_examples, submit_labels
from apps.personas.enums import TaskName
from apps.personas.models import Persona
from apps.personas.queries import facts_of, task_of
from apps.personas.services import create_persona
from apps.personas.tasks import TASKS, PersonaFacts, Task
from apps.personas.tasks.base import Form, Schema, Text, Turn, check
from apps.personas.tasks.quality import Quality, Signals, usual_quality
from apps.personas.tasks.survey_coding import SurveyCoding
from tests.factories import CODEBOOK, NOW, BaseModelFactory, OrganizationFactory, TesterFactory

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


def test_only_tasks_that_are_real_are_offered() -> None:
    assert [task.name for task in TASKS] == ["survey_coding"]
    with pytest.raises(InvalidInput, match="Choose one of: survey_coding"):
        TASKS.get("roast")


@pytest.mark.parametrize("task", list(TASKS), ids=lambda task: task.name)
def test_a_task_is_all_there(task: Task) -> None:
    """docs/architecture.md, how to add a task: its name and its kinds can be stored, and testers have a form."""
    assert task.name in TaskName.values
    assert task.kinds
    assert set(task.kinds) <= set(ExampleKind.values)
    template = get_template(task.label_template)
    parts = {part: template.render({"part": part}).strip() for part in ("answer", "form", "guide", "")}
    assert parts[""] == ""
    assert parts["form"]


class Line(Schema):
    text: Text


class Haiku:
    """A task that nothing else knows goes the whole way from a row to an accepted label."""

    name = "haiku"
    title = "Writing haiku"
    schema_version = 1
    kinds: tuple[str, ...] = ("roast",)
    Input: type[BaseModel] = Line
    Output: type[BaseModel] = Line
    Label: type[BaseModel] = Line
    label_template = "contributions/labels/haiku.html"
    settings_help = "None."

    def clean_settings(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return dict(settings)

    def clean_input(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return check(Line, data)

    def clean_label(self, data: Mapping[str, Any], facts: PersonaFacts) -> dict[str, Any]:
        return check(Line, data)

    def system_prompt(
        self, facts: PersonaFacts, *, include_persona: bool = True, include_platform_context: bool = False
    ) -> str:
        return f"You are {facts.name}, a poet."

    def history(self, data: Mapping[str, Any]) -> list[Turn]:
        return []

    def user_message(self, data: Mapping[str, Any]) -> str:
        return f"A haiku about {data['text']}"

    def assistant_message(self, label: Mapping[str, Any]) -> str:
        return str(label["text"])

    def parse_answer(self, text: str, facts: PersonaFacts) -> dict[str, Any]:
        return {"text": text}

    def compare(self, predicted: Mapping[str, Any], true: Mapping[str, Any]) -> float:
        return float(predicted == true)

    def category(self, label: Mapping[str, Any]) -> str:
        return ""

    def label_of_output(self, output: Mapping[str, Any], facts: PersonaFacts) -> dict[str, Any] | None:
        return dict(output)

    def quality(self, signals: Signals) -> Quality:
        return usual_quality(signals)

    def read_pair(
        self, question: str, answer: str = "", history: Sequence[Turn] = ()
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        return {"text": question}, {"text": answer} if answer else None

    def read_form(self, form: Form) -> dict[str, Any]:
        return {"text": form.get("text", "")}


@pytest.mark.django_db
def test_another_task_goes_from_a_row_to_an_accepted_label(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TASKS, "_plugins", dict(TASKS._plugins))
    TASKS.register(Haiku())
    persona = create_persona(
        organization=OrganizationFactory(),
        slug="poet",
        name="Poet",
        task="haiku",
        base_model=BaseModelFactory(),
        by=SYSTEM,
    )
    import_examples(persona=persona, rows=[ImportRow(2, "autumn")], by=SYSTEM, now=NOW)
    example = TrainingExample.objects.get()
    tester = TesterFactory(organization=persona.organization)
    submit_labels(tester=tester, labels=[NewLabel(example.pk, {"text": "leaves fall"})], now=NOW)
    example.refresh_from_db()
    assert (example.kind, example.status) == ("roast", "accepted")
    task = task_of(Persona.objects.get())
    assert task.user_message(example.input) == "A haiku about autumn"
    assert task.assistant_message(example.accepted_label) == "leaves fall"
    assert task.system_prompt(facts_of(persona)) == "You are Poet, a poet."

import ast
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from django.http import QueryDict
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
from tests.factories import NOW, BaseModelFactory, OrganizationFactory, TesterFactory
from tests.forms import FormFields
from tests.personas.tasks.samples import SAMPLES, Sample

PARTS = ("question", "answer", "guide", "form")
DESK_FIELDS = {"rating"}  # the desk asks for it around each task's own form


def test_only_tasks_that_are_real_are_offered() -> None:
    assert [task.name for task in TASKS] == ["ux_test", "survey_coding", "conversation", "page_builder", "roast"]
    with pytest.raises(InvalidInput, match="Choose one of: ux_test"):
        TASKS.get("haiku")


@pytest.mark.parametrize("task", list(TASKS), ids=lambda task: task.name)
def test_a_task_is_all_there(task: Task) -> None:
    """docs/architecture.md, how to add a task: its name and its kinds can be stored, and testers have a form."""
    assert task.name in TaskName.values
    assert task.kinds
    assert set(task.kinds) <= set(ExampleKind.values)
    template = get_template(task.label_template)
    parts = {part: template.render({"part": part}).strip() for part in (*PARTS, "")}
    assert parts[""] == ""
    assert parts["form"]
    assert parts["question"].count('id="question"') == 1  # where the focus goes with each new item
    assert "data-focus" in parts["question"]


@pytest.mark.parametrize("task", list(TASKS), ids=lambda task: task.name)
def test_a_task_has_the_members_of_the_protocol_in_their_order(task: Task) -> None:
    """So that what one file says can be found in the others by place."""
    assert _members(type(task)) == _members(Task)
    assert type(task.schema_version) is int
    assert task.schema_version >= 1
    assert all((task.title, task.settings_help))


def _members(of: type) -> list[str]:
    (body,) = ast.parse(inspect.getsource(of)).body
    assert isinstance(body, ast.ClassDef)
    found: list[str] = []
    for line in body.body:
        if isinstance(line, ast.FunctionDef):
            found.append(line.name)
        elif isinstance(line, ast.AnnAssign):
            found.append(ast.unparse(line.target))
        elif isinstance(line, ast.Assign):
            found += map(ast.unparse, line.targets)
    return [name for name in found if not name.startswith("_")]


@dataclass(frozen=True)
class Sampled:
    task: Task
    sample: Sample
    facts: PersonaFacts


@pytest.fixture(params=list(TASKS), ids=lambda task: task.name)
def sampled(request: pytest.FixtureRequest) -> Sampled:
    task, sample = request.param, SAMPLES[request.param.name]
    return Sampled(task, sample, PersonaFacts("Ada <b>", settings=task.clean_settings(sample.settings)))


def test_every_task_understands_its_sample(sampled: Sampled) -> None:
    task, sample, facts = sampled.task, sampled.sample, sampled.facts
    assert task.clean_input(sample.input) == sample.input
    assert task.clean_label(sample.label, facts) == sample.label
    assert task.clean_label(task.read_form(_posted(sample.form)), facts) == sample.label
    assert task.read_pair(task.user_message(sample.input), history=task.history(sample.input))[0] == sample.input
    assert len(task.category(sample.label)) <= 100
    assert task.label_text(sample.label, facts)


def test_nothing_is_righter_than_what_the_model_is_taught(sampled: Sampled) -> None:
    task, sample, facts = sampled.task, sampled.sample, sampled.facts
    taught = task.parse_answer(task.assistant_message(sample.label), facts)
    assert task.compare(taught, sample.label) == task.compare(sample.label, sample.label) == 1.0
    assert 0.0 < task.compare(sample.output, sample.label) <= 1.0


@pytest.mark.parametrize("answered", [True, False])
def test_a_label_form_that_is_saved_untouched_says_what_it_shows(sampled: Sampled, answered: bool) -> None:
    """Rendered as the desk does, sent as a browser would. Where there is nothing to confirm, it says nothing."""
    task, sample, facts = sampled.task, sampled.sample, sampled.facts
    prefilled = task.label_of_output(sample.output, facts)
    assert prefilled is not None
    shown = {"answer": sample.output, "prefilled": prefilled} if answered else {"answer": {}, "prefilled": {}}
    item = {"example": {"input": sample.input}, "question": task.user_message(sample.input)}
    context = {**shown, **item, "settings": facts.settings, "persona": facts}
    parts = {part: get_template(task.label_template).render({**context, "part": part}) for part in PARTS}
    assert "<b>" not in "".join(parts.values())
    form = FormFields(parts["form"])
    if answered:
        assert set(sample.form) - DESK_FIELDS <= form.names
        saved = task.read_form(_posted(form.values))
        assert task.clean_label(saved, facts) == task.clean_label(prefilled, facts)
    else:
        with pytest.raises(InvalidInput):
            task.clean_label(task.read_form(_posted(form.values)), facts)


def _posted(form: Mapping[str, list[str]]) -> QueryDict:
    posted = QueryDict(mutable=True)
    for name, values in form.items():
        posted.setlist(name, values)
    return posted


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
    labels_are_written = True
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

    def agreement(self, label: Mapping[str, Any]) -> Any:
        return dict(label)

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

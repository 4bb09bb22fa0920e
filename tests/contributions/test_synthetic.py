"""Examples made from page templates (PB4)."""

import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.common.audit import SYSTEM
from apps.common.errors import InvalidInput
from apps.common.ids import content_hash
from apps.common.models import AuditEvent
from apps.contributions.models import TrainingExample
from apps.contributions.queries import SyntheticPair, find_quality_drift, synthetic_pairs
from apps.contributions.queries.synthetic import TEMPLATES
from apps.contributions.services import SyntheticResult, create_synthetic_examples
from apps.datasets.models import DatasetItem
from apps.datasets.services import build_dataset
from apps.organizations.services import add_member
from apps.personas.models import Persona
from apps.personas.tasks import TASKS, PersonaFacts
from apps.personas.tasks.page_schema import SECTION_TYPES
from tests.factories import NOW, PersonaFactory, TrainingExampleFactory, UserFactory

TASK = TASKS.get("page_builder")
FACTS = PersonaFacts("Page smith")
PAIRS = synthetic_pairs(task=TASK)
TEMPLATE_FILES = sorted(TEMPLATES.glob("*.json"))
PAGE = reverse("admin:contributions_trainingexample_create_synthetic")


def _types(page: dict[str, Any]) -> list[str]:
    return [section["type"] for section in page["sections"]]


# --- the templates ----------------------------------------------------------------------------------------------------


def test_twelve_templates_give_between_100_and_200_pairs() -> None:
    assert len(TEMPLATE_FILES) == 12
    assert len(PAIRS) == 180
    assert len({pair.key for pair in PAIRS}) == len({json.dumps(pair.input) for pair in PAIRS}) == 180
    assert len({json.dumps(pair.label) for pair in PAIRS}) == 72  # each look, and each look in another order
    assert Counter(pair.metadata["emphasis"] for pair in PAIRS) == dict.fromkeys(
        ["industry", "features", "style", "order", "edit"], 36
    )
    assert Counter(pair.kind for pair in PAIRS) == {"page_generation": 144, "section_edit": 36}


def test_the_pages_use_every_type_of_section() -> None:
    assert {kind for pair in PAIRS for kind in _types(pair.label)} == set(SECTION_TYPES)


@pytest.mark.parametrize("file", TEMPLATE_FILES, ids=lambda file: file.stem)
def test_a_template_is_a_whole_page_of_the_task(file: Path) -> None:
    template = json.loads(file.read_text(encoding="utf-8"))
    page = {"version": "1.0", "metadata": template["metadata"], "sections": template["sections"]}
    assert TASK.clean_label(page, FACTS) == page
    assert template["slug"] == file.stem
    assert set(template["words"]) == set(_types(page)) - {"hero"}
    assert len(template["variations"]) == 3


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.key)
def test_a_pair_is_read_by_the_task_and_holds_what_its_words_ask_for(pair: SyntheticPair) -> None:
    assert TASK.clean_input(pair.input) == pair.input
    assert TASK.clean_label(pair.label, FACTS) == pair.label
    assert TASK.read_pair(TASK.user_message(pair.input), TASK.assistant_message(pair.label)) == (pair.input, pair.label)
    template = json.loads((TEMPLATES / f"{pair.template}.json").read_text(encoding="utf-8"))
    asked = f"{pair.input['prompt']} {pair.input['context']}"
    words = template["words"]
    if pair.kind == "page_generation":
        assert {kind for kind, said in words.items() if said in asked} == set(_types(pair.label)) - {"hero"}
    if pair.metadata["emphasis"] == "order":
        assert words[_types(pair.label)[1]] in pair.input["prompt"]
    (variation,) = [each for each in template["variations"] if each["style"] == pair.metadata["style"]]
    assert variation["look"] in asked
    assert pair.label["metadata"]["theme"] == variation["theme"]


def test_an_edit_adds_the_one_section_that_is_asked_for() -> None:
    for pair in PAIRS:
        if pair.kind == "section_edit":
            before, after = _types(pair.input["current_page"]), _types(pair.label)
            (added,) = set(after) - set(before)
            assert [kind for kind in after if kind != added] == before
            template = json.loads((TEMPLATES / f"{pair.template}.json").read_text(encoding="utf-8"))
            above = template["words"].get(after[after.index(added) - 1], "the opening")
            assert pair.input["prompt"] == f"Add {template['words'][added]} below {above}."


def test_the_words_are_put_together_like_this() -> None:
    by_key = {pair.key: pair.input for pair in PAIRS}
    assert by_key["harbour-cafe:nordic:industry"] == {
        "prompt": "Create a landing page for a café at the old harbour of Flensburg.",
        "context": (
            "Features needed: photographs of the place, what is on the counter, opening hours and the address, an "
            "invitation to reserve the window table. Style: light and Nordic, with pale wood, grey and much air."
        ),
        "current_page": None,
    }
    assert by_key["harbour-cafe:rustic:features"]["prompt"] == (
        "Create a page for a café. Include what is on the counter, what guests say and opening hours and the address."
    )


def test_the_same_templates_always_give_the_same_pairs() -> None:
    assert synthetic_pairs(task=TASK) == PAIRS


# --- the examples -----------------------------------------------------------------------------------------------------


@pytest.fixture
def persona() -> Persona:
    made: Persona = PersonaFactory(slug="pages", task="page_builder", settings={})
    return made


def _create(persona: Persona) -> SyntheticResult:
    return create_synthetic_examples(persona=persona, by=SYSTEM, now=NOW)


@pytest.mark.django_db
def test_they_are_accepted_on_the_templates_word_and_say_what_they_are(persona: Persona) -> None:
    assert _create(persona) == SyntheticResult(created=180, known=0)
    example = TrainingExample.objects.get(client_id="synthetic:coworking:crisp:edit")
    assert (example.source, example.kind, example.status) == ("synthetic", "section_edit", "accepted")
    assert (example.accepted_by, example.accepted_at) == ("template coworking", NOW)
    assert (example.contributed_by, example.output, example.schema_version) == ("system", None, TASK.schema_version)
    assert example.metadata == {
        "template": "coworking",
        "industry": "office rental",
        "style": "crisp",
        "emphasis": "edit",
        "example_type": "section_edit",
        "source": "synthetic",
    }
    assert TrainingExample.objects.trainable().count() == 180
    assert find_quality_drift() == []
    event = AuditEvent.objects.get()
    assert (event.verb, event.data) == ("created_synthetic", {"created": 180, "known": 0})


@pytest.mark.django_db
def test_they_become_training_lines_that_are_still_pages(persona: Persona) -> None:
    """What names people and places in them is replaced on the way, as in anybody's words; a page stays a page."""
    _create(persona)
    dataset = build_dataset(persona=persona, name="Bootstrap", by=SYSTEM, now=NOW)
    lines = [json.loads(item.line)["messages"] for item in DatasetItem.objects.filter(dataset=dataset)]
    taught = [TASK.parse_answer(messages[-1]["content"], FACTS) for messages in lines]
    assert sorted(map(_outline, taught)) == sorted(_outline(pair.label) for pair in PAIRS)


def _outline(page: dict[str, Any]) -> str:
    return f"{page['metadata']['theme']} {_types(page)}"


@pytest.mark.django_db
def test_again_creates_nothing(persona: Persona) -> None:
    _create(persona)
    with CaptureQueriesContext(connection) as captured:
        assert _create(persona) == SyntheticResult(created=0, known=180)
    assert len(captured) < 10
    assert TrainingExample.objects.count() == 180
    assert _create(PersonaFactory(task="page_builder", settings={})).created == 180


@pytest.mark.django_db
def test_what_somebody_asked_in_the_same_words_is_left_alone(persona: Persona) -> None:
    TrainingExampleFactory(persona=persona, input=PAIRS[0].input, content_hash=content_hash(PAIRS[0].input))
    assert _create(persona) == SyntheticResult(created=179, known=1)


@pytest.mark.django_db
@pytest.mark.parametrize("source", ["import", "run"])
def test_they_are_marked_for_ever(persona: Persona, source: str) -> None:
    _create(persona)
    with pytest.raises(DatabaseError, match="what is synthetic stays marked as synthetic"), transaction.atomic():
        TrainingExample.objects.update(source=source)
    TrainingExample.objects.update(outcome="accepted")  # nothing else is frozen
    assert set(TrainingExample.objects.values_list("source", "outcome")) == {("synthetic", "accepted")}


@pytest.mark.django_db
def test_a_task_without_templates_says_so() -> None:
    with pytest.raises(InvalidInput, match="There are no templates for coding open survey answers") as caught:
        _create(PersonaFactory())
    assert caught.value.code == "no_templates"


@pytest.mark.django_db
def test_a_persona_that_offers_fewer_sections_gets_none(persona: Persona) -> None:
    Persona.objects.update(settings={"section_types": ["hero", "faq"]})
    persona.refresh_from_db()
    with pytest.raises(InvalidInput, match="is no type of section here"):
        _create(persona)
    assert not TrainingExample.objects.exists()


# --- the command ------------------------------------------------------------------------------------------------------


def _command(*args: object) -> str:
    out = io.StringIO()
    call_command("create_synthetic", *map(str, args), stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_the_command_creates_and_writes(persona: Persona, tmp_path: Path) -> None:
    assert _command("--persona", persona.slug) == "180 synthetic examples created, 0 known already.\n"
    file = tmp_path / "synthetic.jsonl"
    assert _command("--persona", persona.slug, "--output", file) == (
        f"180 synthetic examples written to {file}.\n0 synthetic examples created, 180 known already.\n"
    )
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 180
    assert {tuple(line) for line in lines} == {("instruction", "input", "output", "metadata")}
    assert [json.loads(line["output"]) for line in lines] == [pair.label for pair in PAIRS]
    assert lines[0]["metadata"]["example_type"] == "page_generation"
    edits = [line for line in lines if line["metadata"]["emphasis"] == "edit"]
    assert all("\nCurrent page: {" in line["input"] for line in edits)


@pytest.mark.django_db
def test_the_command_explains_what_it_cannot_do(persona: Persona, tmp_path: Path) -> None:
    coder = PersonaFactory(slug="coder")
    with pytest.raises(CommandError, match="There are no templates for coding open survey answers"):
        _command("--persona", coder.slug)
    with pytest.raises(CommandError, match="There is no persona 'nobody'"):
        _command("--persona", "nobody")
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        _command("--persona", persona.slug, "--output", tmp_path / "none" / "x.jsonl")
    assert not TrainingExample.objects.exists()


# --- the admin --------------------------------------------------------------------------------------------------------


@pytest.fixture
def sign_in(persona: Persona) -> Callable[[str], Client]:
    def as_role(role: str) -> Client:
        user = UserFactory(is_staff=True)
        add_member(organization=persona.organization, user=user, role=role, by=SYSTEM)
        client = Client()
        client.force_login(user)
        return client

    return as_role


@pytest.mark.django_db
def test_staff_create_them_from_the_list_of_examples(persona: Persona, sign_in: Callable[[str], Client]) -> None:
    staff = sign_in("manager")
    PersonaFactory(name="No templates", organization=persona.organization)
    assert PAGE in staff.get(reverse("admin:contributions_trainingexample_changelist")).content.decode()
    asked = staff.get(PAGE).content.decode()
    assert ("marked as synthetic for ever" in asked, persona.name in asked, "No templates" in asked) == (
        True,
        True,
        False,
    )
    page = staff.post(PAGE, {"persona": persona.pk}, follow=True)
    assert "180 synthetic examples created, 0 known already." in page.content.decode()
    assert page.redirect_chain[-1][0].endswith(f"?persona={persona.pk}&source=synthetic")
    assert TrainingExample.objects.filter(source="synthetic").count() == 180


@pytest.mark.django_db
def test_what_the_service_refuses_is_a_message(persona: Persona, sign_in: Callable[[str], Client]) -> None:
    Persona.objects.update(settings={"section_types": ["hero"]})
    page = sign_in("manager").post(PAGE, {"persona": persona.pk}, follow=True)
    assert "is no type of section here" in page.content.decode()


@pytest.mark.django_db
def test_only_those_who_may_write_create_and_only_for_their_own(sign_in: Callable[[str], Client]) -> None:
    stranger = PersonaFactory(task="page_builder", settings={})
    assert sign_in("viewer").post(PAGE, {"persona": stranger.pk}).status_code == 403
    assert "Select a valid choice" in sign_in("manager").post(PAGE, {"persona": stranger.pk}).content.decode()
    assert not TrainingExample.objects.exists()

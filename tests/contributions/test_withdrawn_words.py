"""Testers agree in what their task compares, and say more than that: the rest is one tester's own words."""

from typing import Any

import pytest

from apps.common import jobs
from apps.common.audit import SYSTEM
from apps.contributions.enums import ExampleStatus
from apps.contributions.models import Tester, TrainingExample
from apps.contributions.queries import count_agreeing_labels
from apps.contributions.services import resolve_example, submit_label, withdraw_tester
from apps.datasets.models import DatasetItem
from apps.personas.models import Persona
from tests.datasets.world import build, publish
from tests.factories import NOW, PersonaFactory, TesterFactory, TrainingExampleFactory
from tests.personas.tasks.samples import SAMPLES

pytestmark = pytest.mark.django_db
WORD = "ZEBRAMARKADA"


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(task="ux_test", settings={}, labels_per_example=2)
    return persona


def ask(persona: Persona) -> TrainingExample:
    example: TrainingExample = TrainingExampleFactory(
        persona=persona, kind="ux_test", input=SAMPLES["ux_test"].input, client_id="visit-1"
    )
    return example


def advise(*advice: str) -> dict[str, Any]:
    """Labels that agree, whatever they advise."""
    return {**SAMPLES["ux_test"].label, "recommendations": list(advice)}


def fill(persona: Persona) -> None:
    """As many other accepted examples as a dataset needs to be published."""
    for number in range(20):
        visit = {**SAMPLES["ux_test"].input, "url": f"https://kettles.example.com/{number}"}
        decided = {"status": ExampleStatus.ACCEPTED, "accepted_at": NOW, "accepted_by": "staff", "quality_score": 1}
        TrainingExampleFactory(persona=persona, kind="ux_test", input=visit, accepted_label=advise(), **decided)


def say(example: TrainingExample, *advice: str) -> Tester:
    """A new tester's label."""
    tester: Tester = TesterFactory(organization=example.organization)
    submit_label(tester=tester, example=example, payload=advise(*advice), now=NOW)
    return tester


def withdraw(tester: Tester) -> None:
    withdraw_tester(tester=tester, by=tester.user, now=NOW)
    jobs.drain()


def test_words_that_were_accepted_go_with_who_said_them(persona: Persona) -> None:
    example = ask(persona)
    ada, ben = say(example, WORD), say(example, "Larger letters")
    fill(persona)
    dataset = publish(build(persona))
    assert WORD in DatasetItem.objects.get(example=example).line
    withdraw(ada)
    old = TrainingExample.objects.get(pk=example.pk)
    anew = TrainingExample.objects.exclude(status=ExampleStatus.ACCEPTED).exclude(pk=old.pk).get()
    assert (old.status, old.accepted_label) == (ExampleStatus.WITHDRAWN, None)
    assert (anew.status, anew.input, anew.client_id) == (ExampleStatus.AWAITING_LABELS, example.input, "visit-1")
    assert list(DatasetItem.objects.filter(line="").values_list("example", flat=True)) == [old.pk]
    dataset.refresh_from_db()
    assert dataset.withdrawn_count == 1
    assert count_agreeing_labels(persona=persona) == {ada.pk: 1, ben.pk: 1}  # both were paid for it


def test_the_words_of_the_first_stay_when_the_second_withdraws(persona: Persona) -> None:
    example = ask(persona)
    say(example, "Larger letters")
    withdraw(say(example, WORD))
    example.refresh_from_db()
    assert (example.status, example.accepted_label) == (ExampleStatus.ACCEPTED, advise("Larger letters"))


def test_words_that_somebody_else_said_too_stay_until_they_withdraw(persona: Persona) -> None:
    Persona.objects.filter(pk=persona.pk).update(labels_per_example=3)
    persona.refresh_from_db()
    example = ask(persona)
    ada, _, cem = say(example, WORD), say(example, "Larger letters"), say(example, WORD)
    withdraw(ada)
    example.refresh_from_db()
    assert (example.status, example.accepted_label) == (ExampleStatus.ACCEPTED, advise(WORD))
    withdraw(cem)
    example.refresh_from_db()
    assert (example.status, example.accepted_label) == (ExampleStatus.WITHDRAWN, None)


def test_what_staff_said_in_other_words_stays_while_somebody_agrees(persona: Persona) -> None:
    Persona.objects.filter(pk=persona.pk).update(labels_per_example=3)
    persona.refresh_from_db()
    example = ask(persona)
    ada, ben = say(example, WORD), say(example, "Larger letters")
    resolve_example(example=example, payload=advise("Be brief"), by=SYSTEM, now=NOW)
    withdraw(ada)
    example.refresh_from_db()
    assert (example.status, example.accepted_label) == (ExampleStatus.ACCEPTED, advise("Be brief"))
    withdraw(ben)
    example.refresh_from_db()
    assert example.status == ExampleStatus.WITHDRAWN

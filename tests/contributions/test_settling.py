"""A persona that asks for fewer labels than before: what has enough of them is decided, and nothing else."""

from datetime import timedelta
from typing import Any

import pytest

from apps.common.models import AuditEvent
from apps.contributions.enums import ExampleStatus
from apps.contributions.jobs import settle_examples_with_enough_labels as job
from apps.contributions.models import Contribution, Label, Tester, TrainingExample
from apps.contributions.queries import find_contribution_drift
from apps.contributions.services import (
    NewLabel,
    lease_next_example,
    settle_examples_with_enough_labels,
    submit_label,
    submit_labels,
)
from apps.personas.models import Persona
from apps.personas.services import change_persona
from tests.factories import NOW, PersonaFactory, TesterFactory, TrainingExampleFactory, UserFactory

pytestmark = pytest.mark.django_db
LOST, RATE = {"code": "lost_card"}, {"code": "exchange_rate"}
LATER = NOW + timedelta(hours=1)


def _persona(labels: int) -> Persona:
    persona: Persona = PersonaFactory(labels_per_example=labels)
    return persona


def _testers(persona: Persona, count: int) -> list[Tester]:
    return [TesterFactory(organization=persona.organization) for _ in range(count)]


def _ask_for(persona: Persona, labels: int) -> None:
    persona.labels_per_example = labels
    change_persona(persona=persona, changed=["labels_per_example"], by=UserFactory())


def test_what_has_enough_labels_now_is_decided_and_credited() -> None:
    persona = _persona(2)
    (tester,) = _testers(persona, 1)
    labelled, unlabelled = TrainingExampleFactory.create_batch(2, persona=persona)
    submit_label(tester=tester, example=labelled, payload=LOST, now=NOW)
    _ask_for(persona, 1)

    assert settle_examples_with_enough_labels(now=LATER) == 1
    labelled.refresh_from_db()
    assert (labelled.status, labelled.accepted_label, labelled.accepted_at) == (ExampleStatus.ACCEPTED, LOST, LATER)
    assert lease_next_example(tester=tester, persona=persona, now=LATER) == unlabelled
    assert Contribution.objects.get().training_tests_completed == 1
    assert find_contribution_drift() == []
    assert AuditEvent.objects.get(verb="settled").data == {"accepted": 1, "disputed": 0}


def test_labels_that_disagree_make_a_dispute_that_is_on_nobodys_screen() -> None:
    persona = _persona(3)
    ada, ben, chloe = _testers(persona, 3)
    example = TrainingExampleFactory(persona=persona)
    submit_label(tester=ada, example=example, payload=LOST, now=NOW)
    submit_label(tester=ben, example=example, payload=RATE, now=NOW)
    lease_next_example(tester=chloe, persona=persona, now=NOW)
    _ask_for(persona, 2)

    assert settle_examples_with_enough_labels(now=NOW) == 1
    example.refresh_from_db()
    assert (example.status, example.leased_to, example.leased_until) == (ExampleStatus.DISPUTED, None, None)
    assert not Contribution.objects.exists()


def test_it_changes_nothing_where_labels_are_missing_and_nothing_the_second_time() -> None:
    few, other = _persona(3), _persona(2)
    for persona in (few, other):
        (tester,) = _testers(persona, 1)
        submit_label(tester=tester, example=TrainingExampleFactory(persona=persona), payload=LOST, now=NOW)
    assert settle_examples_with_enough_labels(now=NOW) == 0
    _ask_for(other, 1)
    job()
    before = list(TrainingExample.objects.order_by("pk").values())
    job()
    assert list(TrainingExample.objects.order_by("pk").values()) == before
    assert sorted(example["status"] for example in before) == ["accepted", "awaiting_labels"]
    assert AuditEvent.objects.filter(verb="settled").count() == 1


def test_more_than_a_batch_is_decided_in_a_bounded_number_of_queries(django_assert_max_num_queries: Any) -> None:
    persona = _persona(2)
    (tester,) = _testers(persona, 1)
    examples = TrainingExampleFactory.create_batch(620, persona=persona)
    submit_labels(tester=tester, labels=[NewLabel(example.pk, LOST) for example in examples], now=NOW)
    _ask_for(persona, 1)
    with django_assert_max_num_queries(40):
        assert settle_examples_with_enough_labels(now=NOW) == 620
    assert Contribution.objects.get().training_tests_completed == 620
    assert find_contribution_drift() == []


def test_reports_that_name_the_same_issues_agree_whatever_else_they_say() -> None:
    """UX2: nobody gives the same rating, sentiment and advice twice; the accepted label is the first that was given."""
    persona = PersonaFactory(task="ux_test", settings={}, labels_per_example=2)
    one, other = (TrainingExampleFactory(persona=persona, input=_visit(n), kind="ux_test") for n in (1, 2))
    said = {"confirmed_issues": ["The button does nothing"], "missed_issues": [], "false_positives": []}
    for tester, sentiment in ((TesterFactory(organization=persona.organization), mood) for mood in (-0.5, -0.4)):
        labels = [
            NewLabel(one.pk, {**said, "rating": 4, "sentiment": sentiment}),
            NewLabel(other.pk, {**said, "rating": 2, "sentiment": sentiment - 0.1}),
        ]
        submit_labels(tester=tester, labels=labels, now=NOW)
    accepted = TrainingExample.objects.accepted().order_by("pk")
    assert [example.accepted_label["sentiment"] for example in accepted] == [-0.5, -0.6]
    assert Label.objects.filter(agrees=True).count() == 4


def _visit(number: int) -> dict[str, str]:
    return {"url": f"https://shop.example.com/{number}", "mission": "Buy a lamp", "persona": "in a hurry"}

"""Taking back what one did last, and what a decision that is taken back leaves behind."""

from datetime import timedelta
from typing import Any

import pytest

from apps.common.audit import SYSTEM
from apps.common.errors import Conflict
from apps.common.models import AuditEvent
from apps.contributions.enums import ExampleStatus
from apps.contributions.models import Contribution, Label, Skip, Tester, TrainingExample
from apps.contributions.queries import find_contribution_drift, find_quality_drift
from apps.contributions.services import (
    lease_next_example,
    mark_gold,
    reject_example,
    reopen_example,
    report_example,
    resolve_example,
    skip_example,
    submit_label,
    undo_last,
)
from apps.datasets.models import DatasetItem, TrainingDataset
from apps.personas.models import Persona
from tests.factories import NOW, PersonaFactory, TesterFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db
LOST, RATE = {"code": "lost_card"}, {"code": "exchange_rate"}


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory()
    return persona


@pytest.fixture
def ada(persona: Persona) -> Tester:
    tester: Tester = TesterFactory(organization=persona.organization)
    return tester


@pytest.fixture
def ben(persona: Persona) -> Tester:
    tester: Tester = TesterFactory(organization=persona.organization)
    return tester


def _label(tester: Tester, example: TrainingExample, payload: dict[str, str] = LOST) -> Label:
    return submit_label(tester=tester, example=example, payload=payload, now=NOW)


def _undo(tester: Tester, example: TrainingExample, **fields: Any) -> Any:
    """Now by the clock of the rows."""
    now = max([row.updated_at for row in (*Label.objects.all(), *Skip.objects.all())], default=NOW)
    return undo_last(tester=tester, persona=example.persona, example=example, **{"now": now, **fields})


def _state(example: TrainingExample) -> tuple[Any, ...]:
    example.refresh_from_db()
    return (
        example.status, example.accepted_label, example.category, example.accepted_at, example.accepted_by,
        example.quality_score,
    )  # fmt: skip


def test_a_label_that_decided_is_taken_back_with_what_it_decided(ada: Tester, persona: Persona) -> None:
    example = TrainingExampleFactory(persona=persona)
    before = _state(example)
    _label(ada, example, RATE)
    undone = _undo(ada, example)
    assert (undone.example.pk, undone.payload) == (example.pk, RATE)
    assert _state(example)[:5] == before[:5] == (ExampleStatus.AWAITING_LABELS, None, "", None, "")
    assert example.leased_to == ada
    assert not Label.objects.exists()
    assert Contribution.objects.get().training_tests_completed == 0
    assert find_contribution_drift() == find_quality_drift() == []
    assert AuditEvent.objects.get(verb="took_back").data == {"what": "label"}
    _label(ada, example)
    assert _state(example)[1] == LOST
    assert Contribution.objects.get().training_tests_completed == 1


def test_a_label_that_waits_for_others_is_taken_back(ada: Tester, ben: Tester, persona: Persona) -> None:
    Persona.objects.update(labels_per_example=3)
    example = TrainingExampleFactory(persona=persona)
    _label(ada, example)
    _label(ben, example)
    _undo(ada, example)  # nothing was decided: that ben came later does not matter
    assert [label.tester for label in example.labels.all()] == [ben]
    assert _state(example)[0] == ExampleStatus.AWAITING_LABELS


def test_the_label_that_made_a_dispute_is_taken_back(ada: Tester, ben: Tester, persona: Persona) -> None:
    Persona.objects.update(labels_per_example=2)
    example = TrainingExampleFactory(persona=persona)
    _label(ada, example, LOST)
    _label(ben, example, RATE)
    assert _state(example)[0] == ExampleStatus.DISPUTED
    _undo(ben, example)
    assert _state(example)[0] == ExampleStatus.AWAITING_LABELS
    _label(ben, example, LOST)
    assert _state(example)[1] == LOST


def test_others_credit_is_taken_back_with_the_decision(ada: Tester, ben: Tester, persona: Persona) -> None:
    Persona.objects.update(labels_per_example=2)
    first, second = TrainingExampleFactory.create_batch(2, persona=persona)
    for example in (first, second):
        for tester in (ada, ben):
            _label(tester, example)
    _undo(ben, second)
    totals = Contribution.objects.order_by("tester_id").values_list("training_tests_completed", "contribution_weight")
    assert [(count, float(weight)) for count, weight in totals] == [(1, 0.5), (1, 0.5)]
    assert set(second.labels.values_list("agrees", flat=True)) == {None}
    assert find_contribution_drift() == find_quality_drift() == []


def _labelled_by_another(example: TrainingExample, ben: Tester) -> None:
    _label(ben, example)


def _decided_by_staff(example: TrainingExample, _: Tester) -> None:
    resolve_example(example=example, payload=RATE, by=SYSTEM, now=NOW)


def _rejected(example: TrainingExample, _: Tester) -> None:
    reject_example(example=example, by=SYSTEM, now=NOW)


def _gold(example: TrainingExample, ben: Tester) -> None:
    _label(ben, example)
    Label.objects.filter(tester=ben).delete()  # so that nothing but the mark speaks against it
    mark_gold(examples=[example], by=SYSTEM, now=NOW)


def _in_a_dataset(example: TrainingExample, ben: Tester) -> None:
    _gold(example, ben)
    TrainingExample.objects.update(is_gold=False)
    dataset = TrainingDataset.objects.create(organization=example.organization, persona=example.persona, name="d")
    DatasetItem.objects.create(
        dataset=dataset, example=example, split="train", position=0, content_hash="0" * 64, line="{}", line_sha256="0"
    )


@pytest.mark.parametrize("meanwhile", [_labelled_by_another, _decided_by_staff, _rejected, _gold, _in_a_dataset])
def test_what_others_built_on_stays(ada: Tester, ben: Tester, persona: Persona, meanwhile: Any) -> None:
    Persona.objects.update(labels_per_example=2)
    example = TrainingExampleFactory(persona=persona)
    _label(ada, example)
    meanwhile(example, ben)
    before = _state(example)
    with pytest.raises(Conflict):
        _undo(ada, example)
    assert _state(example) == before
    assert Label.objects.filter(tester=ada).exists()
    assert not AuditEvent.objects.filter(verb="took_back").exists()


def test_only_the_last_one_and_only_once(ada: Tester, persona: Persona) -> None:
    first, second = TrainingExampleFactory.create_batch(2, persona=persona)
    _label(ada, first)
    _label(ada, second)
    with pytest.raises(Conflict, match="nothing to take back"):
        _undo(ada, first)
    _undo(ada, second)
    with pytest.raises(Conflict, match="nothing to take back"):
        _undo(ada, second)
    assert [label.example for label in Label.objects.all()] == [first]
    _undo(ada, first)  # now it is the last one
    assert not Label.objects.exists()


def test_only_for_a_quarter_of_an_hour(ada: Tester, persona: Persona) -> None:
    example = TrainingExampleFactory(persona=persona)
    label = _label(ada, example)
    with pytest.raises(Conflict):
        _undo(ada, example, now=label.updated_at + timedelta(minutes=15, seconds=1))
    _undo(ada, example, now=label.updated_at + timedelta(minutes=15))


def test_nobody_takes_back_anothers_label(ada: Tester, ben: Tester, persona: Persona) -> None:
    example = TrainingExampleFactory(persona=persona)
    _label(ada, example)
    with pytest.raises(Conflict):
        _undo(ben, example)
    assert Label.objects.count() == 1


@pytest.mark.parametrize("act", [skip_example, report_example])
def test_a_skip_is_taken_back_too(ada: Tester, persona: Persona, act: Any) -> None:
    first, second = TrainingExampleFactory.create_batch(2, persona=persona)
    lease_next_example(tester=ada, persona=persona, now=NOW)
    skip = act(tester=ada, example=first, reason="other")
    now = skip.updated_at
    assert lease_next_example(tester=ada, persona=persona, now=now) == second
    assert undo_last(tester=ada, persona=persona, example=first, now=now).payload is None
    assert not Skip.objects.exists()
    assert lease_next_example(tester=ada, persona=persona, now=now) == first
    assert TrainingExample.objects.get(pk=second.pk).leased_to is None  # it went back to the queue


def test_staff_reopen_what_was_decided(ada: Tester, persona: Persona) -> None:
    """With enough labels it waits for staff: testers would only decide the same again."""
    labelled, unlabelled, rejected = TrainingExampleFactory.create_batch(3, persona=persona)
    _label(ada, labelled)
    resolve_example(example=unlabelled, payload=LOST, by=SYSTEM, now=NOW)
    reject_example(example=rejected, by=SYSTEM, now=NOW)
    statuses = [
        reopen_example(example=example, by=SYSTEM, now=NOW).status for example in (labelled, unlabelled, rejected)
    ]
    assert statuses == ["disputed", "awaiting_labels", "awaiting_labels"]
    assert Contribution.objects.get().training_tests_completed == 0
    assert find_contribution_drift() == find_quality_drift() == []
    resolve_example(example=labelled, payload=RATE, by=SYSTEM, now=NOW)
    assert [label.agrees for label in labelled.labels.all()] == [False]


def test_what_is_not_decided_is_not_reopened(persona: Persona) -> None:
    with pytest.raises(Conflict, match="no decision to take back"):
        reopen_example(example=TrainingExampleFactory(persona=persona), by=SYSTEM, now=NOW)

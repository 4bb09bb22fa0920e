from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, InvalidInput, NotAllowed, NotFound
from apps.common.models import AuditEvent
from apps.contributions.enums import ExampleStatus, TesterStatus
from apps.contributions.models import Contribution, Label, Tester, TrainingExample
from apps.contributions.queries import find_contribution_drift
from apps.contributions.services import (
    NewLabel,
    lease_next_example,
    recount_contributions,
    reject_example,
    resolve_example,
    submit_label,
    submit_labels,
)
from apps.contributions.services.decisions import agreed_hash
from apps.personas.models import Persona
from tests.factories import NOW, PersonaFactory, TesterFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db
LOST, RATE, TOP_UP = {"code": "lost_card"}, {"code": "exchange_rate"}, {"code": "top_up_failed"}


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory()
    return persona


def _example(persona: Persona, *, labels: int = 1, **fields: Any) -> TrainingExample:
    Persona.objects.filter(pk=persona.pk).update(labels_per_example=labels)
    example: TrainingExample = TrainingExampleFactory(persona=persona, **fields)
    return example


def _testers(persona: Persona, count: int) -> list[Tester]:
    return [TesterFactory(organization=persona.organization) for _ in range(count)]


def _label(tester: Tester, example: TrainingExample, payload: dict[str, str], **fields: Any) -> Label:
    return submit_label(tester=tester, example=example, payload=payload, now=NOW, **fields)


def test_one_label_is_enough_where_one_is_asked_for(persona: Persona) -> None:
    example, (tester,) = _example(persona), _testers(persona, 1)
    label = _label(tester, example, LOST, rating=4, seconds_spent=12)
    assert (label.payload, label.rating, label.seconds_spent, label.agrees) == (LOST, 4, 12, True)
    example.refresh_from_db()
    assert (example.status, example.accepted_label, example.category) == (ExampleStatus.ACCEPTED, LOST, "lost_card")
    assert (example.accepted_at, example.accepted_by) == (NOW, "agreement of testers")
    assert example.quality_score == 1
    contribution = Contribution.objects.get()
    assert (contribution.tester, contribution.training_tests_completed) == (tester, 1)
    assert AuditEvent.objects.get(verb="labelled").data == {"labels": 1, "accepted": 1, "disputed": 0}


def test_two_of_three_decide_and_the_third_is_marked(persona: Persona) -> None:
    example, testers = _example(persona, labels=3), _testers(persona, 3)
    _label(testers[0], example, LOST)
    _label(testers[1], example, LOST)
    example.refresh_from_db()
    assert (example.status, example.labels.filter(agrees=None).count()) == (ExampleStatus.AWAITING_LABELS, 2)
    _label(testers[2], example, RATE)
    example.refresh_from_db()
    assert (example.status, example.accepted_label) == (ExampleStatus.ACCEPTED, LOST)
    assert example.quality_score == Decimal("0.667")
    assert [label.agrees for label in example.labels.order_by("pk")] == [True, True, False]
    weights = Contribution.objects.order_by("tester_id").values_list("training_tests_completed", "contribution_weight")
    assert list(weights) == [(1, Decimal("0.5")), (1, Decimal("0.5"))]


@pytest.mark.parametrize("said", [[LOST, RATE], [LOST, LOST, RATE, RATE], [LOST, LOST, RATE, TOP_UP]])
def test_half_is_no_majority(persona: Persona, said: list[dict[str, str]]) -> None:
    example, testers = _example(persona, labels=len(said)), _testers(persona, len(said))
    for tester, payload in zip(testers, said, strict=True):
        _label(tester, example, payload)
    example.refresh_from_db()
    assert (example.status, example.accepted_label) == (ExampleStatus.DISPUTED, None)
    assert set(example.labels.values_list("agrees", flat=True)) == {None}
    assert not Contribution.objects.exists()


def test_the_rules_of_agreement_in_numbers() -> None:
    assert agreed_hash(["a"]) == "a"
    assert agreed_hash(["a", "b"]) is None
    assert agreed_hash(["b", "a", "b"]) == "b"


def test_a_label_can_be_changed_until_it_is_decided(persona: Persona) -> None:
    example, (ada, ben) = _example(persona, labels=2), _testers(persona, 2)
    first = _label(ada, example, RATE, rating=2)
    second = _label(ada, example, LOST)
    assert (second.pk, second.payload, second.rating) == (first.pk, LOST, None)
    _label(ben, example, LOST)
    example.refresh_from_db()
    assert example.accepted_label == LOST
    with pytest.raises(Conflict, match="is accepted") as caught:
        _label(ada, example, RATE)
    assert caught.value.code == "already_decided"
    assert example.labels.get(tester=ada).payload == LOST


@pytest.mark.parametrize(
    ("status", "consented", "code"),
    [
        (TesterStatus.INVITED, None, "consent_missing"),
        (TesterStatus.PAUSED, NOW, "tester_not_active"),
        (TesterStatus.WITHDRAWN, NOW, "tester_not_active"),
    ],
)
def test_who_may_not_label_is_refused(persona: Persona, status: TesterStatus, consented: Any, code: str) -> None:
    example = _example(persona)
    tester = TesterFactory(organization=persona.organization)
    Tester.objects.update(status=status, consented_at=consented)  # the instance in hand is out of date
    with pytest.raises(NotAllowed) as caught:
        _label(tester, example, LOST)
    assert caught.value.code == code
    assert not Label.objects.exists()


def test_a_strangers_example_is_not_found(persona: Persona) -> None:
    example = _example(persona)
    with pytest.raises(NotFound):
        _label(TesterFactory(), example, LOST)
    assert not Label.objects.exists()


@pytest.mark.parametrize("payload", [{"code": "unknown"}, {}, {"code": "lost_card", "note": "x"}, {"code": 5}])
def test_a_label_the_task_refuses_is_not_stored(persona: Persona, payload: Any) -> None:
    example, (tester,) = _example(persona), _testers(persona, 1)
    with pytest.raises(InvalidInput):
        _label(tester, example, payload)
    assert not Label.objects.exists()


@pytest.mark.parametrize("fields", [{"rating": 0}, {"rating": 6}, {"seconds_spent": -1}])
def test_numbers_out_of_range_are_refused(persona: Persona, fields: dict[str, int]) -> None:
    example, (tester,) = _example(persona), _testers(persona, 1)
    with pytest.raises(InvalidInput) as caught:
        _label(tester, example, LOST, **fields)
    assert caught.value.param in fields


def test_seconds_are_counted_from_the_lease_unless_given(persona: Persona) -> None:
    _example(persona)
    _example(persona)
    (tester,) = _testers(persona, 1)
    leased = lease_next_example(tester=tester, persona=persona, now=NOW)
    assert leased is not None
    later = NOW + timedelta(seconds=42)
    assert submit_label(tester=tester, example=leased, payload=LOST, now=later).seconds_spent == 42
    leased = lease_next_example(tester=tester, persona=persona, now=later)
    assert leased is not None
    assert submit_label(tester=tester, example=leased, payload=LOST, now=later, seconds_spent=7).seconds_spent == 7


def test_without_a_lease_a_label_is_as_welcome(persona: Persona) -> None:
    example, (tester,) = _example(persona), _testers(persona, 1)
    assert _label(tester, example, LOST).seconds_spent is None


def test_what_is_on_another_testers_screen_is_theirs_until_the_lease_ends(persona: Persona) -> None:
    example, (ada, ben) = _example(persona), _testers(persona, 2)
    assert lease_next_example(tester=ada, persona=persona, now=NOW) == example
    with pytest.raises(Conflict, match="was handed to another tester") as caught:
        _label(ben, example, LOST)
    assert caught.value.code == "leased_to_another"
    submit_label(tester=ben, example=example, payload=LOST, now=NOW + timedelta(minutes=16))
    assert Label.objects.get().tester == ben


def test_a_lease_that_ended_untaken_still_counts_for_its_tester(persona: Persona) -> None:
    (tester,) = _testers(persona, 1)
    _example(persona)
    leased = lease_next_example(tester=tester, persona=persona, now=NOW)
    assert leased is not None
    label = submit_label(tester=tester, example=leased, payload=LOST, now=NOW + timedelta(hours=2))
    assert (label.agrees, label.seconds_spent) == (True, 7200)


def test_many_labels_are_all_stored_or_none(persona: Persona) -> None:
    examples, (tester,) = [_example(persona) for _ in range(4)], _testers(persona, 1)
    labels = [NewLabel(example.pk, LOST) for example in examples]
    with pytest.raises(InvalidInput):
        submit_labels(tester=tester, labels=[*labels[:3], NewLabel(examples[3].pk, {"code": "no"})], now=NOW)
    with pytest.raises(InvalidInput, match="labelled twice"):
        submit_labels(tester=tester, labels=[*labels, labels[0]], now=NOW)
    with pytest.raises(NotFound):
        submit_labels(tester=tester, labels=[*labels, NewLabel(10**9, LOST)], now=NOW)
    assert not Label.objects.exists()
    assert submit_labels(tester=tester, labels=labels, now=NOW) == 4
    with pytest.raises(Conflict):
        submit_labels(tester=tester, labels=labels, now=NOW)
    assert (Label.objects.count(), Contribution.objects.get().training_tests_completed) == (4, 4)


def test_labels_for_several_personas_are_credited_to_each(persona: Persona) -> None:
    other = PersonaFactory(organization=persona.organization)
    (tester,) = _testers(persona, 1)
    examples = [_example(persona), _example(other), _example(other)]
    submit_labels(tester=tester, labels=[NewLabel(example.pk, LOST) for example in examples], now=NOW)
    totals = Contribution.objects.order_by("persona_id").values_list("persona", "training_tests_completed")
    assert list(totals) == [(persona.pk, 1), (other.pk, 2)]


def test_weights_add_up_to_exactly_one(persona: Persona) -> None:
    for tester in _testers(persona, 3):
        _label(tester, _example(persona), LOST)
    weights = list(Contribution.objects.order_by("tester_id").values_list("contribution_weight", flat=True))
    assert weights == [Decimal("0.33333334"), Decimal("0.33333333"), Decimal("0.33333333")]
    assert find_contribution_drift() == []


def test_drift_is_named_and_a_recount_repairs_it(persona: Persona) -> None:
    ada, ben, chloe = _testers(persona, 3)
    _label(ada, _example(persona), LOST)
    _label(ben, _example(persona), LOST)
    Contribution.objects.filter(tester=ada).update(training_tests_completed=5, contribution_weight=1)
    Contribution.objects.filter(tester=ben).delete()
    Contribution.objects.create(
        organization=persona.organization, persona=persona, tester=chloe, training_tests_completed=2, earned_micros=9
    )
    assert find_contribution_drift() == [
        f"Tester {ada.pk} has 1 agreeing labels for persona {persona.pk}, but 5 are stored as completed.",
        f"Tester {ben.pk} has 1 agreeing labels for persona {persona.pk}, but 0 are stored as completed.",
        f"Tester {chloe.pk} has 0 agreeing labels for persona {persona.pk}, but 2 are stored as completed.",
    ]
    recount_contributions(persona=persona)
    assert find_contribution_drift() == []
    assert Contribution.objects.get(tester=chloe).earned_micros == 9  # the ledger's business, untouched


def test_a_persona_that_charges_in_another_currency_keeps_its_totals(persona: Persona) -> None:
    ada, ben = _testers(persona, 2)
    for tester in (ada, ben, ben):
        _label(tester, _example(persona), LOST)
    Contribution.objects.update(earned_micros=7)
    Persona.objects.update(currency="USD")
    assert find_contribution_drift() == []
    persona.refresh_from_db()
    _label(ada, _example(persona), LOST)
    columns = ("tester", "currency", "training_tests_completed", "contribution_weight", "earned_micros")
    assert set(Contribution.objects.values_list(*columns)) == {
        (ada.pk, "EUR", 0, 0, 7),
        (ben.pk, "EUR", 0, 0, 7),
        (ada.pk, "USD", 2, Decimal("0.5"), 0),
        (ben.pk, "USD", 2, Decimal("0.5"), 0),
    }
    assert find_contribution_drift() == []
    recount_contributions(persona=persona)
    assert find_contribution_drift() == []


def test_weights_that_do_not_add_up_are_drift(persona: Persona) -> None:
    _label(_testers(persona, 1)[0], _example(persona), LOST)
    Contribution.objects.update(contribution_weight=Decimal("0.5"))
    assert "add up to 0.5" in find_contribution_drift()[0]


def test_staff_resolve_a_dispute(persona: Persona) -> None:
    example, (ada, ben) = _example(persona, labels=2), _testers(persona, 2)
    _label(ada, example, LOST)
    _label(ben, example, RATE)
    resolved = resolve_example(example=example, payload=RATE, by=SYSTEM, now=NOW)
    assert (resolved.status, resolved.accepted_label, resolved.accepted_by) == ("accepted", RATE, "system")
    assert resolved.quality_score == 1
    assert [label.agrees for label in example.labels.order_by("pk")] == [False, True]
    assert Contribution.objects.get().tester == ben
    assert find_contribution_drift() == []
    with pytest.raises(Conflict, match="is accepted"):
        resolve_example(example=example, payload=LOST, by=SYSTEM, now=NOW)
    assert Contribution.objects.get().tester == ben


def test_staff_reject_what_nobody_can_answer(persona: Persona) -> None:
    example = _example(persona)
    reject_example(example=example, by=SYSTEM, now=NOW, reason="spam")
    assert TrainingExample.objects.get().status == ExampleStatus.REJECTED
    assert AuditEvent.objects.get(verb="rejected").data == {"reason": "spam"}
    with pytest.raises(Conflict, match="is rejected"):
        reject_example(example=example, by=SYSTEM, now=NOW)
    with pytest.raises(Conflict, match="is rejected"):
        _label(_testers(persona, 1)[0], example, LOST)

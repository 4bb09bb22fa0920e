"""What happens when several do it at the same moment, on the database that is in use."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from apps.common.audit import SYSTEM
from apps.common.errors import Conflict
from apps.contributions.formats import ImportRow
from apps.contributions.models import Contribution, GoldAnswer, Label, Skip, TrainingExample
from apps.contributions.queries import find_contribution_drift
from apps.contributions.services import (
    NewLabel,
    capture_example,
    import_examples,
    lease_next_example,
    mark_gold,
    reopen_example,
    report_example,
    resolve_example,
    save_answer,
    settle_examples_with_enough_labels,
    submit_label,
    submit_labels,
    undo_last,
)
from apps.personas.models import Persona
from tests.factories import NOW, PersonaFactory, TesterFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db(transaction=True)
LOST, RATE = {"code": "lost_card"}, {"code": "exchange_rate"}


def _at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each call returned or raised; all start together."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(index: int, call: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            results[index] = call()
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_every_tester_leases_another_example() -> None:
    persona = PersonaFactory()
    TrainingExampleFactory.create_batch(8, persona=persona)
    testers = TesterFactory.create_batch(8, organization=persona.organization)
    leased = _at_once([lambda t=tester: lease_next_example(tester=t, persona=persona, now=NOW) for tester in testers])
    assert len({example.pk for example in leased}) == 8
    holders = set(TrainingExample.objects.values_list("leased_to", flat=True))
    assert holders == {tester.pk for tester in testers}


def test_labels_at_the_same_moment_are_all_counted() -> None:
    """Were each label to look for the others before they are committed, nobody would decide."""
    persona = PersonaFactory(labels_per_example=4)
    examples = TrainingExampleFactory.create_batch(5, persona=persona)
    testers = TesterFactory.create_batch(4, organization=persona.organization)
    for example in examples:
        outcome = _at_once(
            [lambda t=t, e=example: submit_label(tester=t, example=e, payload=LOST, now=NOW) for t in testers]
        )
        assert all(isinstance(label, Label) for label in outcome)
    assert TrainingExample.objects.accepted().count() == 5
    assert set(Contribution.objects.values_list("training_tests_completed", flat=True)) == {5}
    assert find_contribution_drift() == []


def test_where_one_label_decides_one_tester_wins() -> None:
    persona = PersonaFactory()
    example = TrainingExampleFactory(persona=persona)
    testers = TesterFactory.create_batch(4, organization=persona.organization)
    outcome = _at_once([lambda t=t: submit_label(tester=t, example=example, payload=LOST, now=NOW) for t in testers])
    assert sorted(type(result).__name__ for result in outcome) == ["Conflict", "Conflict", "Conflict", "Label"]
    assert Label.objects.count() == 1
    assert find_contribution_drift() == []


def test_testers_who_label_many_in_opposite_orders_do_not_block_each_other() -> None:
    persona = PersonaFactory(labels_per_example=2)
    other = PersonaFactory(organization=persona.organization, labels_per_example=2)
    examples = TrainingExampleFactory.create_batch(20, persona=persona)
    examples += TrainingExampleFactory.create_batch(20, persona=other)
    ada, ben = TesterFactory.create_batch(2, organization=persona.organization)
    forth = [NewLabel(example.pk, LOST) for example in examples]
    outcome = _at_once(
        [
            lambda: submit_labels(tester=ada, labels=forth, now=NOW),
            lambda: submit_labels(tester=ben, labels=forth[::-1], now=NOW),
        ]
    )
    assert outcome == [40, 40]
    assert TrainingExample.objects.accepted().count() == 40
    assert find_contribution_drift() == []


def test_the_same_file_imported_twice_at_once_is_stored_once() -> None:
    persona = PersonaFactory()
    rows = [ImportRow(n, f"Question {n}", "lost_card") for n in range(50)]
    results = _at_once([lambda: import_examples(persona=persona, rows=rows, by=SYSTEM, now=NOW)] * 3)
    assert sorted(result.created for result in results) == [0, 0, 50]
    assert TrainingExample.objects.count() == 50


def test_an_answer_captured_twice_at_once_is_one_example() -> None:
    persona = PersonaFactory()

    def capture() -> TrainingExample | None:
        return capture_example(
            persona=persona, kind="survey_answer", source="run", input={"text": "Lost!"}, output=None,
            response_id="resp_1", by=SYSTEM,
        )  # fmt: skip

    assert len({example.pk for example in _at_once([capture] * 4)}) == 1


def test_a_tester_and_staff_do_not_both_decide() -> None:
    persona = PersonaFactory()
    tester = TesterFactory(organization=persona.organization)
    for _ in range(5):
        example = TrainingExampleFactory(persona=persona)
        outcome = _at_once(
            [
                lambda e=example: submit_label(tester=tester, example=e, payload=LOST, now=NOW),
                lambda e=example: resolve_example(example=e, payload=RATE, by=SYSTEM, now=NOW),
            ]
        )
        assert sum(isinstance(result, Conflict) for result in outcome) == 1
        example.refresh_from_db()
        assert example.accepted_label == (LOST if isinstance(outcome[0], Label) else RATE)
    assert find_contribution_drift() == []


def test_two_sweeps_and_a_tester_at_the_same_moment_credit_once() -> None:
    persona = PersonaFactory(labels_per_example=3)
    examples = TrainingExampleFactory.create_batch(5, persona=persona)
    labels = [NewLabel(example.pk, LOST) for example in examples]
    *first, last = TesterFactory.create_batch(3, organization=persona.organization)
    for tester in first:
        submit_labels(tester=tester, labels=labels, now=NOW)
    Persona.objects.update(labels_per_example=2)

    def sweep() -> int:
        return settle_examples_with_enough_labels(now=NOW)

    results = _at_once([sweep, sweep, lambda: submit_labels(tester=last, labels=labels, now=NOW)])
    assert not [result for result in results[:2] if isinstance(result, Exception)]
    assert set(TrainingExample.objects.values_list("status", flat=True)) == {"accepted"}
    assert find_contribution_drift() == []


def test_after_a_lease_ended_one_of_two_testers_labels() -> None:
    """Who took the example over and who was too late save at the same moment: whoever is second is told, and why."""
    persona = PersonaFactory()
    ada, ben = TesterFactory.create_batch(2, organization=persona.organization)
    later = NOW + timedelta(minutes=16)
    for _ in range(5):
        example = TrainingExampleFactory(persona=persona)
        assert lease_next_example(tester=ada, persona=persona, now=NOW) == example
        assert lease_next_example(tester=ben, persona=persona, now=later) == example
        outcome = _at_once(
            [
                lambda e=example: save_answer(tester=ada, example=e, payload=LOST, now=later),
                lambda e=example: save_answer(tester=ben, example=e, payload=RATE, now=later),
            ]
        )
        late, done = outcome
        assert (type(late), done) == (Conflict, None)
        assert late.code in ("leased_to_another", "already_decided")
        assert [label.tester for label in example.labels.all()] == [ben]


def test_a_label_is_taken_back_once_or_built_on_and_never_both() -> None:
    """Ada takes her label back while ben's decides with it. Either is fine; half of each is not."""
    persona = PersonaFactory(labels_per_example=2)
    ada, ben = TesterFactory.create_batch(2, organization=persona.organization)
    for _ in range(5):
        example = TrainingExampleFactory(persona=persona)
        now = submit_label(tester=ada, example=example, payload=LOST, now=NOW).updated_at
        undone, labelled = _at_once(
            [
                lambda e=example, n=now: undo_last(tester=ada, persona=persona, example=e, now=n),
                lambda e=example: submit_label(tester=ben, example=e, payload=LOST, now=NOW),
            ]
        )
        example.refresh_from_db()
        if isinstance(undone, Conflict):
            assert (example.status, example.labels.count()) == ("accepted", 2)
        else:
            took_over = isinstance(labelled, Label)  # or found it on ada's screen again
            assert (example.status, example.labels.count()) == ("awaiting_labels", int(took_over))
        assert find_contribution_drift() == []


def test_a_decision_is_taken_back_once() -> None:
    persona = PersonaFactory()
    ada = TesterFactory(organization=persona.organization)
    example = TrainingExampleFactory(persona=persona)
    now = submit_label(tester=ada, example=example, payload=LOST, now=NOW).updated_at

    def undo() -> object:
        return undo_last(tester=ada, persona=persona, example=example, now=now)

    outcome = _at_once([undo, undo, lambda: reopen_example(example=example, by=SYSTEM, now=NOW)])
    assert sum(not isinstance(result, Conflict) for result in outcome) in (1, 2)  # staff, and then what was left
    assert find_contribution_drift() == []
    assert set(Contribution.objects.values_list("training_tests_completed", flat=True)) <= {0}


def test_the_same_said_twice_at_once_is_kept_once() -> None:
    """A double click, on a gold item and on a report."""
    persona = PersonaFactory(gold_every=1)
    ada = TesterFactory(organization=persona.organization)
    gold, broken = TrainingExampleFactory.create_batch(2, persona=persona)
    resolve_example(example=gold, payload=LOST, by=SYSTEM, now=NOW)
    mark_gold(examples=[gold], by=SYSTEM, now=NOW)
    gold.refresh_from_db()
    outcome = _at_once([lambda: save_answer(tester=ada, example=gold, payload=LOST, now=NOW)] * 3)
    assert not [result for result in outcome if result is not None and not isinstance(result, Conflict)]
    assert GoldAnswer.objects.count() == 1
    outcome = _at_once([lambda: report_example(tester=ada, example=broken, reason="broken")] * 3)
    assert {type(result) for result in outcome} == {Skip}
    assert Skip.objects.count() == 1

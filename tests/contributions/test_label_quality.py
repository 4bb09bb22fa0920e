from collections import Counter
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.audit import SYSTEM
from apps.common.intervals import wilson_interval
from apps.contributions.models import GoldAnswer, Label
from apps.contributions.queries import own_qualities, tester_qualities
from apps.contributions.queries.label_quality import median_of
from apps.contributions.services import report_example, resolve_example, skip_example, submit_label
from tests.factories import NOW, PersonaFactory, TesterFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db
LOST, RATE = {"code": "lost_card"}, {"code": "exchange_rate"}


@given(st.lists(st.integers(0, 9)))
def test_a_median_of_counted_numbers_is_that_of_the_numbers(numbers: list[int]) -> None:
    assert median_of(Counter(numbers)) == (median(numbers) if numbers else None)


def test_each_testers_numbers() -> None:
    persona = PersonaFactory(labels_per_example=9)
    ada, ben = (TesterFactory(organization=persona.organization, display_name=name) for name in ("Ada", "Ben"))
    TesterFactory(organization=persona.organization, display_name="Cem")  # has done nothing
    examples = TrainingExampleFactory.create_batch(4, persona=persona)
    for example, payload, seconds in zip(examples, [LOST, LOST, RATE, LOST], [3, 5, 100, None], strict=True):
        submit_label(tester=ada, example=example, payload=payload, seconds_spent=seconds, now=NOW)
    for example in examples[:3]:
        resolve_example(example=example, payload=LOST, by=SYSTEM, now=NOW)
    Label.objects.filter(example__in=examples[:2]).update(answer_similarity=1.0)
    Label.objects.filter(example=examples[0]).update(is_flagged=True)
    for score, example in zip((1.0, 0.5, 0.0), examples, strict=False):
        GoldAnswer.objects.create(
            organization=persona.organization, example=example, tester=ada, payload=LOST, score=score
        )
    skip_example(tester=ben, example=examples[3], reason="unclear")
    report_example(tester=ben, example=examples[0], reason="broken")

    first, second = tester_qualities(persona=persona)
    assert (first.tester, first.labels, first.decided, first.agreeing, first.agreement) == (ada, 4, 3, 2, 2 / 3)
    assert (first.screened, first.flagged, first.flagged_share, first.median_seconds) == (2, 1, 0.5, 5.0)
    assert (first.gold, first.gold_accuracy, first.gold_interval) == (3, 0.5, wilson_interval(1.5, 3))
    assert (first.skips, first.reports) == (0, 0)
    assert (second.tester, second.labels, second.skips, second.reports) == (ben, 0, 1, 1)
    assert (second.agreement, second.gold_accuracy, second.flagged_share, second.median_seconds) == (None,) * 4


def test_ones_own_numbers_are_over_all_personas_of_an_organization_and_nobody_elses() -> None:
    persona = PersonaFactory(labels_per_example=9)
    sibling = PersonaFactory(organization=persona.organization, labels_per_example=9)
    ada, ben = TesterFactory.create_batch(2, organization=persona.organization)
    elsewhere = TesterFactory(user=ada.user)
    for tester, one in [(ada, persona), (ada, sibling), (ben, persona)]:
        submit_label(tester=tester, example=TrainingExampleFactory(persona=one), payload=LOST, now=NOW)
    submit_label(
        tester=elsewhere,
        example=TrainingExampleFactory(persona=PersonaFactory(organization=elsewhere.organization)),
        payload=LOST,
        now=NOW,
    )
    found = {one.tester.pk: one.labels for one in own_qualities(testers=[ada, elsewhere])}
    assert found == {ada.pk: 2, elsewhere.pk: 1}
    assert own_qualities(testers=[]) == []


@pytest.mark.parametrize("testers", [1, 3])
def test_it_costs_the_same_for_any_number_of_testers(testers: int, django_assert_num_queries: Any) -> None:
    persona = PersonaFactory(labels_per_example=9)
    example = TrainingExampleFactory(persona=persona)
    for tester in TesterFactory.create_batch(testers, organization=persona.organization):
        submit_label(tester=tester, example=example, payload=LOST, now=NOW)
    with django_assert_num_queries(4):
        assert len(tester_qualities(persona=persona)) == testers

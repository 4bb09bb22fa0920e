from datetime import timedelta

import pytest

from apps.contributions.enums import ExampleStatus
from apps.contributions.models import TrainingExample
from apps.datasets.models import ItemCredit
from apps.payouts.models import Share
from apps.payouts.queries import explain_share, labelled_rows
from apps.payouts.queries.earnings import with_explanation
from apps.payouts.services import close_revenue_day
from apps.personas.models import Persona
from tests.factories import UserFactory
from tests.payouts import world
from tests.payouts.world import DAY, TOMORROW

pytestmark = pytest.mark.django_db


@pytest.fixture
def persona() -> Persona:
    return world.make_persona()


def share_of(tester: object) -> Share:
    close_revenue_day(day=DAY, by=UserFactory(), now=TOMORROW)
    return with_explanation(Share.objects.filter(tester=tester)).get()


def test_a_share_by_lineage_in_one_sentence(persona: Persona) -> None:
    ada, grace = (world.make_tester(persona.organization, name) for name in ("Ada", "Grace"))
    world.paid_runs(persona, 200, model=world.make_version(persona, {ada: 5, grace: 4}))
    assert explain_share(share_of(ada)) == (
        "On 20 Nov 2026, 200 paid runs of Bank question coder v1 earned €10.00; 30 % (€3.00) goes to the people whose "
        "labels trained it. You labelled 5 of its 9 training rows (weight 55.6 %), so you get €1.67."
    )


def test_rows_that_nobody_is_credited_for_are_told_apart(persona: Persona) -> None:
    ada, grace = (world.make_tester(persona.organization, name) for name in ("Ada", "Grace"))
    world.paid_runs(persona, 1, model=world.make_version(persona, {ada: 1, grace: 1, None: 2}))
    assert "You labelled 1 of the 2 that people labelled of its 4 training rows (weight 50.0 %)" in explain_share(
        share_of(ada)
    )


def test_a_share_by_contributions_never_says_that_anybody_trained_the_base_model(persona: Persona) -> None:
    ada, grace = (world.make_tester(persona.organization, name) for name in ("Ada", "Grace"))
    world.contribute(ada, persona, completed=30)
    world.contribute(grace, persona, completed=90)
    world.paid_runs(persona, 1)
    assert explain_share(share_of(ada)) == (
        "On 20 Nov 2026, 1 paid run of Bank question coder (answered by the base model) earned €0.05; 30 % (€0.015) "
        "goes to the people who label for Bank question coder. You had completed 30 of its 120 training tests (weight "
        "25.0 %), so you get €0.0038."
    )


def test_the_sentence_needs_no_query(persona: Persona, django_assert_num_queries: object) -> None:
    ada = world.make_tester(persona.organization)
    world.paid_runs(persona, 1, model=world.make_version(persona, {ada: 1}))
    share = share_of(ada)
    with django_assert_num_queries(0):  # type: ignore[operator]
        explain_share(share)


def test_the_rows_behind_a_share_by_lineage(persona: Persona) -> None:
    ada, grace = (world.make_tester(persona.organization, name) for name in ("Ada", "Grace"))
    model = world.make_version(persona, {ada: 3, grace: 2}, validation=2)
    world.paid_runs(persona, 1, model=model)
    share = share_of(ada)
    texts = [
        credit.item.example.input["text"]
        for credit in ItemCredit.objects.filter(tester=ada, item__split="train").order_by("item__position")
    ]
    rows = labelled_rows(share)
    assert [row.text for row in rows] == texts
    assert len(rows) == share.items == 3
    assert {(row.label, row.part) for row in rows} == {("Lost card", 1)}
    assert all(row.day for row in rows)
    assert [row.text for row in labelled_rows(share, offset=1, limit=1)] == texts[1:2]


def test_the_rows_behind_a_share_by_contributions_are_those_of_then(persona: Persona) -> None:
    ada = world.make_tester(persona.organization)
    world.make_version(persona, {ada: 2})  # its examples carry Ada's labels
    world.contribute(ada, persona, completed=2)
    world.paid_runs(persona, 1)
    share = share_of(ada)
    late = world.make_version(persona, {ada: 1})
    ada.labels.filter(example__dataset_items__dataset=late.training_dataset).update(
        created_at=share.created_at + timedelta(minutes=1)
    )
    assert len(labelled_rows(share)) == share.items == 2


def test_a_withdrawn_row_keeps_its_place_and_shows_nothing(persona: Persona) -> None:
    ada = world.make_tester(persona.organization)
    world.paid_runs(persona, 1, model=world.make_version(persona, {ada: 1}))
    TrainingExample.objects.update(status=ExampleStatus.WITHDRAWN, input={})
    (row,) = labelled_rows(share_of(ada))
    assert (row.text, row.label) == ("Withdrawn at its owner's request", "")


@pytest.mark.parametrize(("rows", "expected"), [(1, 4), (3, 4)])
def test_a_page_of_rows_costs_the_same_whatever_its_length(
    persona: Persona, rows: int, expected: int, django_assert_max_num_queries: object
) -> None:
    ada = world.make_tester(persona.organization)
    world.paid_runs(persona, 1, model=world.make_version(persona, {ada: rows}))
    share = share_of(ada)
    with django_assert_max_num_queries(expected):  # type: ignore[operator]
        assert len(labelled_rows(share)) == rows

"""Whatever is off in the books is found, also what only a broken database or hand could have done."""

import logging
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import F

from apps.chat.models import Response
from apps.common.guards import create_guards, drop_guards
from apps.contributions.models import Contribution
from apps.payouts import jobs
from apps.payouts.models import LedgerAccount, RevenueDay, RevenueEvent, Share, Transfer
from apps.payouts.queries import find_ledger_drift
from apps.payouts.queries.drift import find_drift
from apps.payouts.services import close_revenue_day
from tests.factories import OrganizationFactory, TrainingExampleFactory, UserFactory
from tests.payouts import world
from tests.payouts.world import DAY, TOMORROW

pytestmark = pytest.mark.django_db


@pytest.fixture
def closed() -> RevenueDay:
    persona = world.make_persona()
    ada, grace = (world.make_tester(persona.organization, name) for name in ("Ada", "Grace"))
    world.paid_runs(persona, 3, model=world.make_version(persona, {ada: 2, grace: 1}))
    (day,) = close_revenue_day(day=DAY, by=UserFactory(), now=TOMORROW)
    assert find_ledger_drift() == []
    return day


def drift_after_damage() -> list[str]:
    """What is found once the triggers, which were dropped to do the damage, are back."""
    create_guards()
    return find_ledger_drift()


@pytest.mark.usefixtures("closed")
def test_missing_triggers() -> None:
    drop_guards()
    assert "The trigger payouts_transfer_no_update is missing: run `manage.py migrate`, which creates it." in (
        find_ledger_drift()
    )
    create_guards()
    assert find_ledger_drift() == []


@pytest.mark.usefixtures("closed")
def test_an_edited_revenue_event() -> None:
    drop_guards()
    RevenueEvent.objects.filter(pk=RevenueEvent.objects.first().pk).update(amount_micros=F("amount_micros") + 1)  # type: ignore[union-attr]
    drift = drift_after_damage()
    assert [sentence.split(" ", 3)[0] for sentence in drift] == ["Revenue", "Revenue", "Bank"]


@pytest.mark.parametrize(
    "change",
    [
        {"custom_model": None},
        {"customer": "somebody else"},
        {"share_rate": 0},
        {"price_currency": "USD"},
        {"price_micros": 1},
    ],
)
def test_an_answer_that_is_not_what_was_booked(closed: RevenueDay, change: dict[str, object]) -> None:
    drop_guards()
    of_base, *of_version = world.paid_runs(closed.persona), *closed.custom_model.responses.all()
    close_revenue_day(day=DAY, by=UserFactory(), now=TOMORROW)
    assert drift_after_damage() == []
    drop_guards()
    Response.objects.filter(pk=of_version[0].pk).update(**change)
    Response.objects.filter(pk=of_base[0].pk).update(custom_model=closed.custom_model)
    assert drift_after_damage() == [
        f"Revenue event {response.revenue_event.pk} differs from its answer in price, share rate, version, customer, "
        "persona or owner."
        for response in (of_version[0], of_base[0])
    ]


@pytest.mark.usefixtures("closed")
def test_a_revenue_event_without_its_transfer() -> None:
    drop_guards()
    Transfer.objects.filter(revenue_event__isnull=False).order_by("pk")[:1].get().delete()
    (problem,) = drift_after_damage()
    assert "has no transfer of its amount" in problem


def test_an_event_that_slipped_into_a_closed_day(closed: RevenueDay) -> None:
    drop_guards()
    (response,) = world.paid_runs(closed.persona, model=closed.custom_model)
    event = RevenueEvent.objects.first()
    assert event
    event.pk, event.response = None, response
    event.save(force_insert=True)
    assert any("its events differ" in sentence for sentence in drift_after_damage())


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"pool_micros": F("pool_micros") + 1}, "the pool is not the revenue times the rate"),
        ({"total_weight": F("total_weight") + 1}, "do not add up to the total weight"),
        ({"shared_micros": F("shared_micros") - 1}, "do not add up to what was shared"),
        ({"run_count": F("run_count") + 1}, "its events differ"),
    ],
)
@pytest.mark.usefixtures("closed")
def test_an_edited_day(change: dict[str, F], finding: str) -> None:
    drop_guards()
    RevenueDay.objects.update(**change)
    assert any(finding in sentence for sentence in drift_after_damage())


@pytest.mark.usefixtures("closed")
def test_an_edited_share() -> None:
    drop_guards()
    share = Share.objects.first()
    assert share
    Share.objects.filter(pk=share.pk).update(amount_micros=F("amount_micros") - 1)
    drift = " ".join(drift_after_damage())
    assert f"Share {share.pk} has no transfer of its amount to its tester." in drift
    assert "the shares are not what the weights give" in drift


@pytest.mark.usefixtures("closed")
def test_a_transfer_to_the_wrong_tester() -> None:
    drop_guards()
    to_ada, to_grace = Transfer.objects.filter(share__isnull=False).order_by("pk")
    Transfer.objects.filter(pk=to_ada.pk).update(credit=to_grace.credit)
    assert any("to its tester" in sentence for sentence in drift_after_damage())


@pytest.mark.usefixtures("closed")
def test_a_transfer_that_crosses_a_border() -> None:
    drop_guards()
    LedgerAccount.objects.filter(kind="revenue").update(organization=OrganizationFactory())
    assert any("crosses organizations" in sentence for sentence in drift_after_damage())


@pytest.mark.usefixtures("closed")
def test_an_overdrawn_tester() -> None:
    drop_guards()
    row = Transfer.objects.filter(share__isnull=False).order_by("pk")[:1].get()
    Transfer.objects.create(
        organization=row.organization, debit=row.credit, credit=row.debit, amount_micros=row.amount_micros + 1,
        currency="EUR", purpose="correction", key="overdraft",
    )  # fmt: skip
    assert any("is overdrawn" in sentence for sentence in drift_after_damage())


@pytest.mark.usefixtures("closed")
def test_a_contribution_that_says_otherwise() -> None:
    Contribution.objects.update(earned_micros=1)
    assert len(find_ledger_drift()) == 2


@pytest.mark.usefixtures("closed")
def test_money_that_no_contribution_tells_of() -> None:
    Contribution.objects.filter(tester__display_name="Ada").delete()
    assert find_ledger_drift() == [
        "Ada for Bank question coder has no contribution in EUR; the ledger says 30000 micros."
    ]


def test_the_number_of_checks_does_not_grow_with_the_books(
    closed: RevenueDay, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(12):  # type: ignore[operator]
        find_ledger_drift()
    for number in range(3):
        world.paid_runs(closed.persona, 2, at=world.NOW.replace(day=10 + number))
        close_revenue_day(day=DAY.replace(day=10 + number), by=UserFactory(), now=TOMORROW)
    with django_assert_num_queries(12):  # type: ignore[operator]
        find_ledger_drift()


# --- the command and the nightly job ----------------------------------------------------------------------------------


def test_check_invariants_says_that_all_is_right() -> None:
    persona = world.make_persona()
    world.paid_runs(persona, 3)
    close_revenue_day(day=DAY, by=UserFactory(), now=TOMORROW)
    out = StringIO()
    call_command("check_invariants", stdout=out)
    assert out.getvalue() == "Ledger, contributions and lineage are right.\n"


@pytest.mark.usefixtures("closed")
def test_check_invariants_exits_1_and_names_what_is_off() -> None:
    Contribution.objects.update(earned_micros=1)
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("check_invariants", stdout=out)
    assert caught.value.returncode == 1
    assert "says 1 micros; the ledger differs" in out.getvalue()


@pytest.mark.usefixtures("closed")
def test_the_nightly_job_logs_an_error(caplog: pytest.LogCaptureFixture) -> None:
    Contribution.objects.update(earned_micros=1)
    with caplog.at_level(logging.ERROR):
        jobs.check_invariants()
    assert "The books are off: The contribution of" in caplog.text


def test_an_example_that_is_rated_wrongly() -> None:
    example = TrainingExampleFactory(quality_points=9, quality_score=1)
    assert find_drift() == [
        f"Example {example.pk} has 9 points and the score 1.000; 0 and 0.000 are right: "
        "`manage.py recompute_quality` repairs it."
    ]

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.chat.enums import ResponseStatus
from apps.custom_models.models import CustomModel
from apps.payouts.enums import AccountKind
from apps.payouts.models import RevenueDay, RevenueEvent, Transfer
from apps.payouts.queries import balance_of, find_ledger_drift, unclosed_days, unpulled_days
from apps.payouts.queries.weights import Weights, weights_of
from apps.payouts.services import close_finished_days, close_revenue_day, closing, pull_revenue
from apps.payouts.services import revenue as revenue_service
from apps.personas.models import Persona
from tests.factories import NOW, UserFactory
from tests.payouts import world
from tests.payouts.world import DAY, TOMORROW

pytestmark = pytest.mark.django_db


@pytest.fixture
def persona() -> Persona:
    return world.make_persona()


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revenue_service, "BATCH", 3)


def test_each_paid_answer_is_booked_once(persona: Persona) -> None:
    responses = world.paid_runs(persona, 3)
    assert pull_revenue(day=DAY) == 3
    assert pull_revenue(day=DAY) == 0
    assert set(RevenueEvent.objects.values_list("response", "amount_micros", "currency", "customer", "day")) == {
        (response.pk, world.PRICE, "EUR", "customer-1", DAY) for response in responses
    }
    assert {transfer.key for transfer in Transfer.objects.all()} == {f"revenue:{r.pk}" for r in responses}
    revenue = world.organization_account(persona.organization, AccountKind.REVENUE)
    customers = world.organization_account(persona.organization, AccountKind.CUSTOMERS)
    assert (balance_of(revenue), balance_of(customers)) == (3 * world.PRICE, -3 * world.PRICE)


@pytest.mark.parametrize(
    "fields",
    [{"price": 0}, {"is_shadow": True}, {"status": ResponseStatus.FAILED}, {"status": ResponseStatus.UNPARSED}],
)
def test_what_nobody_pays_for_is_no_revenue(persona: Persona, fields: dict[str, object]) -> None:
    world.paid_runs(persona, **fields)  # type: ignore[arg-type]
    assert pull_revenue(day=DAY) == 0
    assert unpulled_days(before=TOMORROW.date()) == []


def test_a_day_is_a_utc_day_from_its_first_moment_to_its_last(persona: Persona) -> None:
    first = datetime(2026, 11, 20, tzinfo=UTC)
    world.paid_runs(persona, at=first)
    world.paid_runs(persona, at=first + timedelta(days=1, microseconds=-1))
    world.paid_runs(persona, at=first - timedelta(microseconds=1))
    world.paid_runs(persona, at=first + timedelta(days=1))
    assert pull_revenue(day=DAY) == 2
    assert unpulled_days(before=DAY + timedelta(days=2)) == [DAY - timedelta(days=1), DAY + timedelta(days=1)]


def test_organizations_and_currencies_have_accounts_of_their_own(persona: Persona) -> None:
    other = world.make_persona()
    world.paid_runs(persona, 2)
    world.paid_runs(persona, 1, currency="USD")
    world.paid_runs(other, 4)
    assert pull_revenue(day=DAY) == 7
    balances = {
        (p.pk, currency): balance_of(world.organization_account(p.organization, AccountKind.REVENUE, currency))
        for p, currency in [(persona, "EUR"), (persona, "USD"), (other, "EUR")]
    }
    assert balances == {
        (persona.pk, "EUR"): 100_000,
        (persona.pk, "USD"): 50_000,
        (other.pk, "EUR"): 200_000,
    }
    assert find_ledger_drift() == []


@pytest.mark.usefixtures("small_batches")
def test_batches_leave_nothing_out(persona: Persona) -> None:
    world.paid_runs(persona, 10)
    assert pull_revenue(day=DAY) == 10


def test_a_late_answer_is_counted_in_the_first_open_day(persona: Persona) -> None:
    model = world.make_version(persona, {world.make_tester(persona.organization): 2})
    by = UserFactory()
    world.paid_runs(persona, 2, model=model)
    world.paid_runs(persona, 1, model=model, at=TOMORROW)
    close_revenue_day(day=DAY, by=by, now=TOMORROW)
    close_revenue_day(day=TOMORROW.date(), by=by, now=TOMORROW + timedelta(days=1))

    world.paid_runs(persona, 1, model=model)  # of a day that is closed, like the day after it
    world.paid_runs(persona, 1)  # of the base model, which has nothing closed
    assert pull_revenue(day=DAY) == 2

    day_after = DAY + timedelta(days=2)
    assert RevenueEvent.objects.get(custom_model=None).day == DAY
    assert RevenueEvent.objects.filter(custom_model=model, day=day_after).count() == 1
    close_finished_days(by=by, now=TOMORROW + timedelta(days=2))
    assert RevenueDay.objects.get(day=day_after).run_count == 1
    assert RevenueDay.objects.get(day=DAY, custom_model=model).run_count == 2
    assert unclosed_days(before=day_after + timedelta(days=1)) == []
    assert find_ledger_drift() == []


def test_missed_nights_are_caught_up(persona: Persona) -> None:
    for days in range(4):
        world.paid_runs(persona, 1 + days, at=NOW - timedelta(days=days))
    closed = close_finished_days(by=UserFactory(), now=NOW)
    assert [(day.day, day.run_count) for day in closed] == [
        (DAY - timedelta(days=3), 4),
        (DAY - timedelta(days=2), 3),
        (DAY - timedelta(days=1), 2),
    ]
    assert close_finished_days(by=UserFactory(), now=NOW) == []
    assert unpulled_days(before=DAY + timedelta(days=1)) == [DAY]


def test_what_cannot_be_closed_holds_up_nobody_else(persona: Persona, monkeypatch: pytest.MonkeyPatch) -> None:
    other = world.make_persona()
    for broken_or_not in (persona, other):
        for days in (1, 2):
            world.paid_runs(broken_or_not, 1, at=NOW - timedelta(days=days))

    def weights_with_a_fault(*, persona: Persona, custom_model: CustomModel | None) -> Weights:
        if persona != other:
            raise ValueError("lineage is damaged")
        return weights_of(persona=persona, custom_model=custom_model)

    with monkeypatch.context() as fault:
        fault.setattr(closing, "weights_of", weights_with_a_fault)
        with pytest.raises(ExceptionGroup, match="2 of 4 could not be closed") as caught:
            close_finished_days(by=UserFactory(), now=NOW)
    assert [str(error) for error in caught.value.exceptions] == ["lineage is damaged"] * 2
    assert f"persona_id={persona.pk}" in caught.value.exceptions[0].__notes__[0]
    assert set(RevenueDay.objects.values_list("persona", flat=True)) == {other.pk}

    assert {day.persona for day in close_finished_days(by=UserFactory(), now=NOW)} == {persona}
    assert find_ledger_drift() == []


@pytest.mark.usefixtures("small_batches")
@pytest.mark.django_db(transaction=True)
def test_pulls_and_closings_at_once_book_everything_once(persona: Persona) -> None:
    """Four pulls race four closings of the same day while answers keep coming in; late ones move to the next day."""
    model = world.make_version(persona, {world.make_tester(persona.organization): 2})
    by = UserFactory()
    world.paid_runs(persona, 20, model=model)

    def work(index: int) -> None:
        try:
            if index % 2:
                world.paid_runs(persona, 5, model=model)
                pull_revenue(day=DAY)
            else:
                close_revenue_day(day=DAY, by=by, now=TOMORROW)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    close_finished_days(by=by, now=TOMORROW + timedelta(days=2))
    assert RevenueEvent.objects.count() == 40
    assert sum(RevenueDay.objects.values_list("run_count", flat=True)) == 40
    assert find_ledger_drift() == []


def test_many_answers_take_few_statements(persona: Persona) -> None:
    world.paid_runs(persona, 3_000)
    with CaptureQueriesContext(connection) as statements:
        assert pull_revenue(day=DAY) == 3_000
    assert len(statements) < 200

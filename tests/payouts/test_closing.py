from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import Conflict
from apps.common.models import AuditEvent
from apps.contributions.enums import TesterStatus
from apps.contributions.models import Contribution, Tester
from apps.payouts.enums import AccountKind, ShareBasis
from apps.payouts.models import RevenueDay, RevenueEvent, Share, Transfer
from apps.payouts.queries import balance_of, find_ledger_drift
from apps.payouts.services import close_revenue_day, pull_revenue
from apps.payouts.services.closing import divide
from apps.personas.models import MAX_PRICE_MICROS, Persona
from apps.personas.services import change_persona
from tests.factories import NOW, UserFactory
from tests.payouts import world
from tests.payouts.world import DAY, TOMORROW


def close() -> list[RevenueDay]:
    return close_revenue_day(day=DAY, by=UserFactory(), now=TOMORROW)


def close_next_day() -> list[RevenueDay]:
    return close_revenue_day(day=DAY + timedelta(days=1), by=UserFactory(), now=TOMORROW + timedelta(days=1))


@pytest.fixture
def persona() -> Persona:
    return world.make_persona()


# --- the arithmetic ---------------------------------------------------------------------------------------------------


@given(
    revenue=st.integers(0, 10**13),
    rate=st.decimals(0, 1, places=4),
    weights=st.dictionaries(st.integers(1, 10**6), st.integers(0, 10**12), max_size=40),
)
def test_shares_add_up_to_the_pool_for_any_weights(revenue: int, rate: Decimal, weights: dict[int, int]) -> None:
    division = divide(revenue_micros=revenue, rate=rate, weights=weights)
    assert abs(division.pool_micros - revenue * rate) <= Decimal("0.5")
    assert 0 <= division.pool_micros <= revenue
    assert division.shared_micros == (division.pool_micros if any(weights.values()) else 0)
    total = sum(weights.values())
    for tester, amount in division.shares.items():
        assert abs(amount * total - division.pool_micros * weights[tester]) < total  # within a micro of the exact part


# --- closing ----------------------------------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


def test_a_versions_day_is_shared_by_its_training_rows(persona: Persona) -> None:
    ada, grace = (world.make_tester(persona.organization, name) for name in ("Ada", "Grace"))
    model = world.make_version(persona, {ada: 3, grace: 1, None: 2}, validation=2)
    world.paid_runs(persona, 20, model=model)
    (day,) = close()
    assert (day.run_count, day.revenue_micros, day.pool_micros, day.shared_micros) == (20, 1_000_000, 300_000, 300_000)
    assert (day.basis, day.rule, day.total_weight) == (ShareBasis.LINEAGE, "lineage-1", 4_000_000)
    assert set(day.shares.values_list("tester", "weight", "items", "amount_micros")) == {
        (ada.pk, 3_000_000, 3, 225_000),
        (grace.pk, 1_000_000, 1, 75_000),
    }
    assert set(Transfer.objects.filter(revenue_day=day).values_list("key", flat=True)) == {
        f"share:{day.pk}:{ada.pk}",
        f"share:{day.pk}:{grace.pk}",
    }
    assert balance_of(world.account_of(ada)) == 225_000
    revenue = world.organization_account(persona.organization, AccountKind.REVENUE)
    assert balance_of(revenue) == 700_000
    assert find_ledger_drift() == []


def test_a_base_models_day_is_shared_by_contributions(persona: Persona) -> None:
    ada, grace, idle = (world.make_tester(persona.organization, name) for name in ("Ada", "Grace", "Idle"))
    for tester, completed in ((ada, 2), (grace, 1), (idle, 0)):
        world.contribute(tester, persona, completed=completed)
    world.paid_runs(persona, 2)
    (day,) = close()
    assert (day.basis, day.rule, day.total_weight) == (ShareBasis.CONTRIBUTIONS, "contributions-1", 3)
    assert dict(day.shares.values_list("tester", "amount_micros")) == {ada.pk: 20_000, grace.pk: 10_000}


def test_a_version_trained_elsewhere_is_shared_by_contributions(persona: Persona) -> None:
    ada = world.make_tester(persona.organization)
    world.contribute(ada, persona, completed=5)
    model = world.make_version(persona, {})
    model.training_dataset = None
    model.save()
    world.paid_runs(persona, model=model)
    (day,) = close()
    assert (day.custom_model, day.basis, day.shared_micros) == (model, ShareBasis.CONTRIBUTIONS, 15_000)


def test_where_nobody_has_a_weight_the_pool_stays_as_balance(persona: Persona) -> None:
    world.paid_runs(persona, 2)
    (day,) = close()
    assert (day.pool_micros, day.shared_micros, day.shares.count()) == (30_000, 0, 0)
    assert balance_of(world.organization_account(persona.organization, AccountKind.REVENUE)) == 100_000
    assert find_ledger_drift() == []


def test_a_share_of_nothing_is_explained_and_moves_nothing(persona: Persona) -> None:
    ada, grace = (world.make_tester(persona.organization, name) for name in ("Ada", "Grace"))
    world.contribute(ada, persona, completed=1_000_000)
    world.contribute(grace, persona, completed=1)
    world.paid_runs(persona, price=10)
    close()
    assert Share.objects.get(tester=grace).amount_micros == 0
    assert Transfer.objects.filter(share__isnull=False).count() == 1
    assert find_ledger_drift() == []


def test_versions_and_currencies_are_closed_apart(persona: Persona) -> None:
    ada = world.make_tester(persona.organization)
    first, second = world.make_version(persona, {ada: 1}), world.make_version(persona, {ada: 2})
    for model, currency, runs in ((first, "EUR", 1), (second, "EUR", 2), (None, "EUR", 3), (first, "USD", 4)):
        world.paid_runs(persona, runs, model=model, currency=currency)
    days = {(day.custom_model, day.currency): day.run_count for day in close()}
    assert days == {(first, "EUR"): 1, (second, "EUR"): 2, (None, "EUR"): 3, (first, "USD"): 4}
    assert find_ledger_drift() == []


def test_the_rate_is_copied(persona: Persona) -> None:
    world.rate(persona, "0.1234")
    world.paid_runs(persona, price=1_001)
    (day,) = close()
    assert (day.share_rate, day.pool_micros) == (Decimal("0.1234"), 124)  # 123.5234


def test_a_day_is_shared_at_the_rate_it_ran_at(persona: Persona) -> None:
    ada = world.make_tester(persona.organization)
    world.paid_runs(persona, 2, model=world.make_version(persona, {ada: 1}))
    world.rate(persona, "0")  # the next day, before the night's job came round
    (day,) = close()
    assert (day.share_rate, day.pool_micros) == (Decimal("0.3"), 30_000)
    assert balance_of(world.account_of(ada)) == 30_000
    assert find_ledger_drift() == []


@pytest.mark.parametrize("by_lineage", [True, False])
def test_rates_of_one_day_are_closed_apart(persona: Persona, by_lineage: bool) -> None:
    ada = world.make_tester(persona.organization)
    world.contribute(ada, persona, completed=1)
    model = world.make_version(persona, {ada: 1}) if by_lineage else None
    world.paid_runs(persona, 2, model=model)
    world.rate(persona, "0.5")
    world.paid_runs(persona, 3, model=model)
    first = close()
    assert [(day.share_rate, day.run_count, day.shared_micros) for day in first] == [
        (Decimal("0.3"), 2, 30_000),
        (Decimal("0.5"), 3, 75_000),
    ]
    assert close() == first

    world.rate(persona, "0.3")
    world.paid_runs(persona, 1, model=model)  # late: at 30 % that day is closed
    world.rate(persona, "0.1")
    world.paid_runs(persona, 1, model=model)  # at 10 % it is not
    closed = {(day.day, day.share_rate): day.run_count for day in [*close(), *close_next_day()]}
    assert closed == {
        (DAY, Decimal("0.3")): 2,
        (DAY, Decimal("0.5")): 3,
        (DAY, Decimal("0.1")): 1,
        (DAY + timedelta(days=1), Decimal("0.3")): 1,
    }
    assert find_ledger_drift() == []


def test_a_change_of_currency_loses_no_money_and_no_tests(persona: Persona) -> None:
    ada, grace = (world.make_tester(persona.organization, name) for name in ("Ada", "Grace"))
    for tester, completed in ((ada, 2), (grace, 1)):
        world.contribute(tester, persona, completed=completed)
    world.paid_runs(persona, 20)
    close()
    persona.currency = "USD"
    change_persona(persona=persona, changed=["currency"], by=UserFactory())
    world.paid_runs(persona, 40, currency="USD")
    close()  # by the tests completed, which are in the row of the currency before
    assert set(Contribution.objects.values_list("tester", "currency", "training_tests_completed", "earned_micros")) == {
        (ada.pk, "EUR", 2, 200_000),
        (grace.pk, "EUR", 1, 100_000),
        (ada.pk, "USD", 0, 400_000),
        (grace.pk, "USD", 0, 200_000),
    }
    assert find_ledger_drift() == []


def test_closing_twice_changes_nothing(persona: Persona) -> None:
    world.contribute(world.make_tester(persona.organization), persona, completed=1)
    world.paid_runs(persona, 2)
    first = close()
    before = (Transfer.objects.count(), Share.objects.count(), AuditEvent.objects.filter(verb="closed").count())
    assert close() == first
    assert (Transfer.objects.count(), Share.objects.count(), AuditEvent.objects.filter(verb="closed").count()) == before
    assert before == (3, 1, 1)


def test_closing_again_closes_what_was_not_closed_yet(persona: Persona) -> None:
    world.paid_runs(persona, 2)
    assert len(close()) == 1
    world.paid_runs(persona, model=world.make_version(persona, {world.make_tester(persona.organization): 1}))
    assert len(close()) == 2
    assert find_ledger_drift() == []


def test_one_organizations_day_is_closed_alone(persona: Persona) -> None:
    other = world.make_persona()
    for one in (persona, other):
        world.paid_runs(one, 2)
    (day,) = close_revenue_day(day=DAY, by=UserFactory(), now=TOMORROW, organization=persona.organization)
    assert day.persona == persona
    assert not RevenueEvent.objects.filter(persona=other).exists()
    pull_revenue(day=DAY)
    assert close_revenue_day(day=DAY, by=UserFactory(), now=TOMORROW, organization=persona.organization) == [day]
    assert {closed.persona for closed in close()} == {persona, other}


def test_a_day_that_is_not_over_cannot_be_closed(persona: Persona) -> None:
    world.paid_runs(persona)
    with pytest.raises(Conflict) as caught:
        close_revenue_day(day=DAY, by=UserFactory(), now=NOW)
    assert (caught.value.code, bool(caught.value.resolution)) == ("day_not_over", True)
    assert RevenueDay.objects.count() == 0


def test_what_a_contribution_earned_is_what_the_ledger_says(persona: Persona) -> None:
    ada, grace = (world.make_tester(persona.organization, name) for name in ("Ada", "Grace"))
    stale = world.contribute(ada, persona, completed=7)
    Contribution.objects.filter(pk=stale.pk).update(earned_micros=999)
    model = world.make_version(persona, {ada: 1, grace: 1})
    for days in (0, 1):
        world.paid_runs(persona, 2, model=model, at=NOW - timedelta(days=days))
        close_revenue_day(day=DAY - timedelta(days=days), by=UserFactory(), now=TOMORROW)
    earned = dict(Contribution.objects.values_list("tester", "earned_micros"))
    assert earned == {ada.pk: 30_000, grace.pk: 30_000}  # Grace's row was missing
    assert Contribution.objects.get(tester=ada).training_tests_completed == 7
    assert find_ledger_drift() == []


@pytest.mark.django_db
def test_the_dearest_runs_stop_nobodys_closing(persona: Persona) -> None:
    dear = world.make_persona()
    world.paid_runs(dear, 1000, price=MAX_PRICE_MICROS)
    world.paid_runs(persona, 3)
    assert {day.revenue_micros for day in close()} == {1000 * MAX_PRICE_MICROS, 3 * world.PRICE}
    assert find_ledger_drift() == []


@pytest.mark.django_db
def test_a_tester_who_left_is_still_paid_for_what_they_taught(persona: Persona) -> None:
    tester = world.make_tester(persona.organization)
    version = world.make_version(persona, {tester: 3})
    Tester.objects.filter(pk=tester.pk).update(status=TesterStatus.WITHDRAWN)
    world.paid_runs(persona, 2, model=version)
    world.paid_runs(persona, 1, model=version, currency="USD")
    close()
    assert {share.currency: share.amount_micros for share in Share.objects.filter(tester=tester)} == {
        "EUR": 2 * world.PRICE * 3 // 10,
        "USD": world.PRICE * 3 // 10,
    }
    assert find_ledger_drift() == []

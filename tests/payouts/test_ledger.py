from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction

from apps.common.errors import Conflict, FlywheelError, InvalidInput
from apps.common.guards import missing_guards
from apps.common.models import AuditEvent
from apps.contributions.models import Tester
from apps.payouts.enums import AccountKind, TransferPurpose
from apps.payouts.models import LedgerAccount, RevenueDay, RevenueEvent, Share, Transfer
from apps.payouts.queries import balance_of, with_balance
from apps.payouts.services import close_revenue_day, open_account, transfer
from tests.factories import OrganizationFactory, TesterFactory
from tests.payouts import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def tester() -> Tester:
    return world.make_tester(OrganizationFactory())


def pay_out(tester: Tester, amount_micros: int, *, key: str) -> Transfer:
    return transfer(
        debit=world.account_of(tester),
        credit=world.organization_account(tester.organization, AccountKind.PAID_OUT),
        amount_micros=amount_micros,
        purpose=TransferPurpose.PAYOUT,
        key=key,
        by=tester.user,
        payout=world.make_payout(tester, amount_micros),
    )


def test_an_account_is_opened_once(tester: Tester) -> None:
    assert world.account_of(tester) == world.account_of(tester)
    assert world.account_of(tester) != world.account_of(tester, "USD")
    assert LedgerAccount.objects.count() == 2


def test_no_account_for_a_tester_of_someone_else(tester: Tester) -> None:
    with pytest.raises(InvalidInput, match="does not label for"):
        open_account(organization=OrganizationFactory(), kind=AccountKind.TESTER, currency="EUR", tester=tester)


def test_a_balance_is_what_came_in_less_what_went_out(tester: Tester) -> None:
    world.credit(tester, 700, key="a")
    world.credit(tester, 300, key="b")
    pay_out(tester, 400, key="c")
    balances = {account.kind: account.balance_micros for account in with_balance(LedgerAccount.objects.all())}
    assert balances == {"tester": 600, "revenue": -1000, "paid_out": 400}
    assert {account.kind: balance_of(account) for account in LedgerAccount.objects.all()} == balances


def test_the_same_key_books_once(tester: Tester) -> None:
    first, second = world.credit(tester, 700), world.credit(tester, 700)
    assert first == second
    assert balance_of(world.account_of(tester)) == 700
    assert AuditEvent.objects.filter(verb="booked").count() == 1


def test_the_same_key_with_another_amount_is_a_conflict(tester: Tester) -> None:
    world.credit(tester, 700)
    with pytest.raises(Conflict) as caught:
        world.credit(tester, 701)
    assert caught.value.code == "key_in_use"
    assert balance_of(world.account_of(tester)) == 700


@pytest.mark.parametrize("amount", [0, -1])
def test_amounts_are_positive(tester: Tester, amount: int) -> None:
    with pytest.raises(InvalidInput, match="positive amount"):
        world.credit(tester, amount)


def test_a_transfer_stays_in_its_organization_and_currency(tester: Tester) -> None:
    elsewhere = world.organization_account(OrganizationFactory(), AccountKind.REVENUE)
    dollars = world.organization_account(tester.organization, AccountKind.REVENUE, "USD")
    for debit in (elsewhere, dollars):
        with pytest.raises(InvalidInput, match="one organization and one currency"):
            transfer(
                debit=debit,
                credit=world.account_of(tester),
                amount_micros=1,
                purpose=TransferPurpose.CORRECTION,
                key="x",
                by=tester.user,
            )


def test_a_tester_cannot_be_paid_more_than_the_balance(tester: Tester) -> None:
    world.credit(tester, 700)
    with pytest.raises(Conflict) as caught:
        pay_out(tester, 701, key="p")
    assert caught.value.code == "insufficient_funds"
    assert "€0.0007" in caught.value.message
    pay_out(tester, 700, key="p")
    assert balance_of(world.account_of(tester)) == 0


# --- what the database itself refuses ---------------------------------------------------------------------------------


def raw_transfer(tester: Tester, **changes: Any) -> Transfer:
    """A transfer written past the service."""
    fields: dict[str, Any] = {
        "organization": tester.organization,
        "debit": world.organization_account(tester.organization, AccountKind.REVENUE),
        "credit": world.account_of(tester),
        "amount_micros": 5,
        "currency": "EUR",
        "purpose": TransferPurpose.CORRECTION,
        "key": "raw",
    }
    return Transfer.objects.create(**{**fields, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        lambda tester: {"amount_micros": 0},
        lambda tester: {"debit": world.account_of(tester)},
        lambda tester: {"currency": "USD"},
        lambda tester: {"debit": world.organization_account(OrganizationFactory(), AccountKind.REVENUE)},
        lambda tester: {"organization": OrganizationFactory()},
        lambda tester: {"credit": world.account_of(tester, "USD")},
        lambda tester: {"purpose": TransferPurpose.SHARE},
        lambda tester: {"purpose": TransferPurpose.REVENUE},
        lambda tester: {"purpose": TransferPurpose.PAYOUT},
        lambda tester: {
            "debit": world.account_of(tester),
            "credit": world.organization_account(tester.organization, AccountKind.PAID_OUT),
        },
    ],
    ids=[
        "nothing", "one side", "other currency", "other organization's account", "other organization",
        "other currency's account", "share without a share", "revenue without an event", "payout without a payout",
        "overdraft",
    ],
)  # fmt: skip
def test_the_database_refuses(tester: Tester, changes: Callable[[Tester], dict[str, Any]]) -> None:
    raw_transfer(tester, key="the same without the changes is fine")
    wrong = changes(tester)
    if "debit" in wrong and wrong["debit"] == world.account_of(tester):
        wrong["amount_micros"] = 6  # one more than the account holds
    with pytest.raises(IntegrityError), transaction.atomic():
        raw_transfer(tester, **wrong)


def closed_day() -> RevenueDay:
    persona = world.make_persona()
    tester = world.make_tester(persona.organization)
    model = world.make_version(persona, {tester: 3})
    world.paid_runs(persona, 2, model=model)
    (day,) = close_revenue_day(day=world.DAY, by=tester.user, now=world.TOMORROW)
    return day


def test_the_database_refuses_a_share_booked_wrongly() -> None:
    """The share's one transfer goes to its tester, of its amount; here it was not booked yet."""
    day = closed_day()
    other = world.make_tester(day.organization, "Grace")
    share = Share.objects.create(
        organization=day.organization, revenue_day=day, tester=other, weight=1, items=1, amount_micros=9, currency="EUR"
    )
    booking = {"purpose": TransferPurpose.SHARE, "share": share, "revenue_day": day, "amount_micros": 9}
    stranger = TesterFactory(organization=day.organization)
    for wrong in ({"amount_micros": 10}, {"credit": world.account_of(stranger)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            raw_transfer(other, **{**booking, **wrong})
    raw_transfer(other, **booking)


def test_the_database_refuses_revenue_on_a_closed_day() -> None:
    day = closed_day()
    (response,) = world.paid_runs(day.persona, model=day.custom_model)
    with pytest.raises(IntegrityError, match="closed"), transaction.atomic():
        RevenueEvent.objects.create(
            organization=day.organization,
            response=response,
            persona=day.persona,
            custom_model=day.custom_model,
            day=day.day,
            amount_micros=1,
            currency="EUR",
            share_rate=day.share_rate,
        )


@pytest.mark.parametrize("model", [RevenueEvent, RevenueDay, Share, Transfer, LedgerAccount])
def test_money_is_never_edited_or_deleted(model: type[models.Model]) -> None:
    closed_day()
    rows = model._default_manager.all()
    for change in (lambda: rows.update(currency="USD"), lambda: rows._raw_delete("default")):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_every_trigger_is_there() -> None:
    assert missing_guards() == []


# --- two at once ------------------------------------------------------------------------------------------------------


def at_once(how_many: int, work: Callable[[int], object]) -> list[object]:
    """The result, or the error, of `work` in so many threads."""

    def attempt(index: int) -> object:
        try:
            return work(index)
        except FlywheelError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(how_many) as pool:
        return list(pool.map(attempt, range(how_many)))


@pytest.mark.django_db(transaction=True)
def test_eight_payouts_at_once_never_overdraw(tester: Tester) -> None:
    world.credit(tester, 1_000)
    world.organization_account(tester.organization, AccountKind.PAID_OUT)
    results = at_once(8, lambda index: pay_out(tester, 300, key=f"payout:{index}"))
    assert sum(isinstance(result, Transfer) for result in results) == 3
    assert {result.code for result in results if isinstance(result, Conflict)} == {"insufficient_funds"}
    assert balance_of(world.account_of(tester)) == 100


@pytest.mark.django_db(transaction=True)
def test_one_key_from_eight_threads_books_once(tester: Tester) -> None:
    world.account_of(tester)
    results = at_once(8, lambda _: world.credit(tester, 300, key="once"))
    assert len({result.pk for result in results if isinstance(result, Transfer)}) == 1
    assert len(results) == 8
    assert balance_of(world.account_of(tester)) == 300


@pytest.mark.django_db(transaction=True)
def test_an_account_opened_by_eight_threads_is_one(tester: Tester) -> None:
    accounts = at_once(8, lambda _: world.account_of(tester))
    assert len(set(accounts)) == 1


@pytest.mark.django_db(transaction=True)
def test_transfers_both_ways_at_once_do_not_wait_for_each_other_in_a_circle(tester: Tester) -> None:
    revenue, own = world.organization_account(tester.organization, AccountKind.REVENUE), world.account_of(tester)
    world.credit(tester, 1_000)

    def work(index: int) -> None:
        debit, credit = (revenue, own) if index % 2 else (own, revenue)
        for number in range(10):
            transfer(
                debit=debit, credit=credit, amount_micros=7, purpose=TransferPurpose.CORRECTION,
                key=f"{index}:{number}", by=tester.user,
            )  # fmt: skip

    assert at_once(8, work) == [None] * 8
    assert balance_of(own) == 1_000

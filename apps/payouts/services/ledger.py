"""The ledger: accounts, and one-row transfers between them, each booked at most once.

The database refuses by trigger what must never be: a transfer across organizations or currencies, one that differs from
the share or revenue event it books, a tester's account below zero, a change or a deletion. What is checked here as well
is checked so that people get an answer they can act on.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import IntegrityError, transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.database import hold
from apps.common.errors import Conflict, InvalidInput
from apps.common.money import format_money
from apps.contributions.models import Tester
from apps.organizations.models import Organization
from apps.payouts.enums import AccountKind, TransferPurpose
from apps.payouts.models import LedgerAccount, Payout, RevenueDay, Transfer
from apps.payouts.queries.ledger import balance_of


def open_account(
    *, organization: Organization, kind: AccountKind, currency: str, tester: Tester | None = None
) -> LedgerAccount:
    """The account, opened if it does not exist. A tester has one for each currency."""
    if tester is not None and tester.organization_id != organization.pk:
        raise InvalidInput(
            f"{tester} does not label for {organization}.",
            resolution="Open the account in the organization that the tester belongs to.",
            param="tester",
        )
    account, _ = LedgerAccount.objects.get_or_create(
        organization=organization, kind=kind, tester=tester, currency=currency
    )
    return account


def open_tester_accounts(
    *, organization: Organization, testers: Collection[int], currency: str
) -> dict[int, LedgerAccount]:
    """Tester id -> account, for many of the organization's testers in two statements."""
    LedgerAccount.objects.bulk_create(
        (
            LedgerAccount(organization=organization, kind=AccountKind.TESTER, tester_id=tester_id, currency=currency)
            for tester_id in sorted(testers)
        ),
        ignore_conflicts=True,
    )
    accounts = LedgerAccount.objects.of_organization(organization).filter(tester__in=testers, currency=currency)
    return {account.tester_id: account for account in accounts if account.tester_id}


@transaction.atomic
def transfer(
    *,
    debit: LedgerAccount,
    credit: LedgerAccount,
    amount_micros: int,
    purpose: TransferPurpose,
    key: str,
    by: Actor,
    payout: Payout | None = None,
    revenue_day: RevenueDay | None = None,
) -> Transfer:
    """Book one payout or correction. The same `key` again returns what was booked; with other facts it is a Conflict.

    Revenue and shares are booked in bulk by `pull_revenue` and `close_revenue_day`.
    """
    _check_sides(debit=debit, credit=credit, amount_micros=amount_micros)
    hold(debit)
    facts = {
        "organization_id": debit.organization_id,
        "debit_id": debit.pk,
        "credit_id": credit.pk,
        "amount_micros": amount_micros,
        "currency": debit.currency,
        "purpose": purpose,
        "payout_id": payout.pk if payout else None,
        "revenue_day_id": revenue_day.pk if revenue_day else None,
    }
    booked = Transfer.objects.filter(key=key).first()
    if booked is None:
        _check_funds(debit=debit, amount_micros=amount_micros)
        booked = _book(key=key, facts=facts, by=by)
    if any(getattr(booked, name) != value for name, value in facts.items()):
        raise Conflict(
            f"A different transfer was booked under the key {key}.",
            resolution="Look at the booked transfer; a correction is a new transfer with a key of its own.",
            code="key_in_use",
            param="key",
        )
    return booked


def _book(*, key: str, facts: Mapping[str, Any], by: Actor) -> Transfer:
    try:
        with transaction.atomic():
            booked = Transfer.objects.create(key=key, **facts)
    except IntegrityError:
        # Another process booked the key in between, from an account that we do not hold.
        winner = Transfer.objects.filter(key=key).first()
        if winner is None:
            raise
        return winner
    audit.record("booked", by=by, target=booked, amount_micros=booked.amount_micros, currency=booked.currency)
    return booked


def _check_sides(*, debit: LedgerAccount, credit: LedgerAccount, amount_micros: int) -> None:
    if amount_micros <= 0:
        raise InvalidInput(
            "A transfer moves a positive amount.",
            resolution="Swap the accounts to move money the other way.",
            param="amount_micros",
        )
    if debit.pk == credit.pk:
        raise InvalidInput("A transfer has two sides.", resolution="Choose two different accounts.", param="credit")
    if debit.organization_id != credit.organization_id or debit.currency != credit.currency:
        raise InvalidInput(
            "A transfer stays in one organization and one currency.",
            resolution="Choose two accounts of the same organization and currency.",
            param="credit",
        )


def _check_funds(*, debit: LedgerAccount, amount_micros: int) -> None:
    """Called with `debit` locked, so that two payouts cannot both spend the last cent."""
    if debit.kind != AccountKind.TESTER:
        return
    balance = balance_of(debit)
    if balance < amount_micros:
        raise Conflict(
            f"{debit.tester} has {format_money(balance, debit.currency)}, "
            f"less than {format_money(amount_micros, debit.currency)}.",
            resolution="Choose an amount up to the balance.",
            code="insufficient_funds",
            param="amount_micros",
        )

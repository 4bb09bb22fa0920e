"""Balances: sums of transfers, never a column."""

from typing import Any

from django.db.models import BigIntegerField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from apps.payouts.enums import AccountKind
from apps.payouts.models import LedgerAccount, Transfer


def balance_of(account: LedgerAccount) -> int:
    """What came in less what went out, in micros of the account's currency. May be negative, but not a tester's."""
    return _total(account.credits.all()) - _total(account.debits.all())


def _total(transfers: QuerySet[Transfer]) -> int:
    return transfers.aggregate(total=Sum("amount_micros"))["total"] or 0


def with_balance(accounts: QuerySet[LedgerAccount]) -> QuerySet[LedgerAccount]:
    """The accounts with `balance_micros`, by one subquery for each side: joining both would multiply the rows."""
    return accounts.annotate(balance_micros=_sum_of("credit") - _sum_of("debit"))


def overdrawn_testers() -> QuerySet[LedgerAccount]:
    """Accounts below zero that must not be: none, as long as the trigger is there."""
    accounts: QuerySet[Any] = with_balance(LedgerAccount.objects.all())
    return accounts.filter(kind=AccountKind.TESTER, balance_micros__lt=0).select_related("tester")


def _sum_of(side: str) -> Coalesce:
    rows = Transfer.objects.filter(**{side: OuterRef("pk")}).order_by().values(side)
    total = rows.annotate(total=Sum("amount_micros")).values("total")
    return Coalesce(Subquery(total, output_field=BigIntegerField()), 0)

"""Closing a day: what a version earned is divided among the people who taught it, once, and written down for ever."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

from django.db import transaction
from django.db.models import Count, Sum

from apps.common import audit
from apps.common.audit import Actor
from apps.common.database import hold
from apps.common.errors import Conflict
from apps.common.money import allocate, round_micros
from apps.custom_models.models import CustomModel
from apps.organizations.models import Organization
from apps.payouts.enums import AccountKind, TransferPurpose
from apps.payouts.models import LedgerAccount, RevenueDay, Share, Transfer
from apps.payouts.queries.revenue import (
    RevenueGroup,
    day_of,
    events_of,
    unclosed_days,
    unclosed_groups,
    unpulled_days,
)
from apps.payouts.queries.weights import Weights, weights_of
from apps.payouts.services.earned import recount_earned
from apps.payouts.services.ledger import open_account, open_tester_accounts
from apps.payouts.services.revenue import pull_revenue
from apps.personas.models import Persona


@dataclass(frozen=True)
class Division:
    """How a day's revenue is divided, in micros. The shares add up to `shared_micros`."""

    pool_micros: int
    shares: Mapping[int, int]  # tester id -> micros

    @property
    def shared_micros(self) -> int:
        return sum(self.shares.values())


def divide(*, revenue_micros: int, rate: Decimal, weights: Mapping[int, int]) -> Division:
    """The pool is revenue x rate, rounded once; the shares add up to it exactly. No weights: nothing is shared."""
    pool = round_micros(revenue_micros * Fraction(rate))
    return Division(pool_micros=pool, shares=allocate(pool, weights))


def close_finished_days(*, by: Actor, now: datetime) -> list[RevenueDay]:
    """Pull and close every day that is over and not done yet, however many nights were missed.

    What can't be closed holds up nobody else's day; it is raised, as an ExceptionGroup, once the rest is closed.
    """
    today = _utc_day(now)
    for day in unpulled_days(before=today):
        pull_revenue(day=day)  # it may belong to a later day than its own, so everything is pulled before closing
    closed, failed = [], []
    for day in unclosed_days(before=today):
        for group in unclosed_groups(day=day):
            try:
                closed.append(_close_group(group=group, day=day, by=by))
            except Exception as error:
                error.add_note(f"while closing {day:%Y-%m-%d} of {group}")
                failed.append(error)
    if failed:
        raise ExceptionGroup(f"{len(failed)} of {len(failed) + len(closed)} could not be closed", failed)
    return closed


def close_revenue_day(
    *, day: date, by: Actor, now: datetime, organization: Organization | None = None
) -> list[RevenueDay]:
    """Pull the revenue of a UTC day and share it; returns everything that is closed of that day, old and new.

    Of every organization, or only of the one that is named.

    A day is over when `now` is past it: whoever has to close the present day (the demo) passes tomorrow's `now`.
    Closing again changes nothing, and closes what was not closed yet. Conflict `day_not_over` otherwise.
    """
    if day >= _utc_day(now):
        raise Conflict(
            f"{day:%Y-%m-%d} is not over yet.",
            resolution="Close it after midnight UTC: until then more paid runs can come in.",
            code="day_not_over",
            param="day",
        )
    pull_revenue(day=day, organization=organization)
    for group in unclosed_groups(day=day, organization=organization):
        _close_group(group=group, day=day, by=by)
    closed = RevenueDay.objects.filter(day=day)
    if organization is not None:
        closed = closed.filter(organization=organization)
    return list(closed.select_related("persona", "custom_model").order_by("pk"))


def _utc_day(now: datetime) -> date:
    return now.astimezone(UTC).date()


@transaction.atomic
def _close_group(*, group: RevenueGroup, day: date, by: Actor) -> RevenueDay:
    """All or nothing. While the revenue account is held nobody adds an event to the day that is being summed."""
    persona = Persona.objects.select_related("organization").get(pk=group.persona_id)
    revenue = open_account(organization=persona.organization, kind=AccountKind.REVENUE, currency=group.currency)
    hold(revenue)
    closed = day_of(group=group, day=day)
    if closed is not None:
        return closed  # another process did it while we waited
    model = None if group.custom_model_id is None else CustomModel.objects.get(pk=group.custom_model_id)
    weights = weights_of(persona=persona, custom_model=model)
    totals = events_of(group=group, day=day).aggregate(run_count=Count("pk"), revenue_micros=Sum("amount_micros"))
    division = divide(revenue_micros=totals["revenue_micros"], rate=group.share_rate, weights=weights.weight_by_tester)
    closed = RevenueDay.objects.create(
        organization=persona.organization,
        persona=persona,
        custom_model=model,
        day=day,
        currency=group.currency,
        share_rate=group.share_rate,
        pool_micros=division.pool_micros,
        shared_micros=division.shared_micros,
        basis=weights.basis,
        rule=weights.rule,
        total_weight=weights.total,
        closed_by=by.audit_name,
        **totals,
    )
    _pay_shares(closed, division=division, weights=weights, revenue=revenue)
    audit.record("closed", by=by, target=closed, shared_micros=closed.shared_micros, testers=len(division.shares))
    return closed


def _pay_shares(closed: RevenueDay, *, division: Division, weights: Weights, revenue: LedgerAccount) -> None:
    """Write each tester's share and move it to their account. A share of nothing explains itself and moves nothing."""
    shares = _write_shares(closed, division=division, weights=weights)
    accounts = open_tester_accounts(
        organization=closed.organization, testers=division.shares.keys(), currency=closed.currency
    )
    Transfer.objects.bulk_create(
        Transfer(
            organization=closed.organization,
            debit=revenue,
            credit=accounts[share.tester_id],
            amount_micros=share.amount_micros,
            currency=share.currency,
            purpose=TransferPurpose.SHARE,
            key=f"share:{closed.pk}:{share.tester_id}",
            revenue_day=closed,
            share=share,
        )
        for share in shares
        if share.amount_micros
    )
    recount_earned(persona=closed.persona, testers=division.shares.keys(), currency=closed.currency)


def _write_shares(closed: RevenueDay, *, division: Division, weights: Weights) -> list[Share]:
    return Share.objects.bulk_create(
        Share(
            organization=closed.organization,
            revenue_day=closed,
            tester_id=tester_id,
            weight=weights.weight_by_tester[tester_id],
            items=weights.items_by_tester[tester_id],
            amount_micros=amount,
            currency=closed.currency,
        )
        for tester_id, amount in sorted(division.shares.items())
    )

"""Are the books right? Everything that follows from something else is computed again and compared."""

from collections.abc import Iterator
from fractions import Fraction

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from apps.common.guards import missing_guards
from apps.common.money import allocate, round_micros
from apps.contributions.models import Contribution
from apps.contributions.queries import find_contribution_drift, find_quality_drift
from apps.datasets.queries import find_lineage_drift
from apps.feedback.queries import find_approval_drift
from apps.payouts.enums import AccountKind, TransferPurpose
from apps.payouts.models import RevenueDay, RevenueEvent, Share, Transfer
from apps.payouts.queries.earnings import earned_by_ledger
from apps.payouts.queries.ledger import overdrawn_testers

LISTED = 20  # of each kind: a broken rule shows in a few rows as well as in a million


def find_drift() -> list[str]:
    """Everything `check_invariants` checks: the ledger, the contributions, the quality of examples, the lineage, the
    stored approval rates."""
    return [
        *find_ledger_drift(),
        *find_contribution_drift(),
        *find_quality_drift(),
        *find_lineage_drift(),
        *find_approval_drift(),
    ]


def find_ledger_drift() -> list[str]:
    """One sentence for each thing that is off; an empty list when the books are right."""
    checks = (
        _missing_triggers(),
        _events_against_responses(),
        _events_against_transfers(),
        _days_against_events(),
        _days_against_shares(),
        _shares_against_transfers(),
        _transfers_against_accounts(),
        _overdrawn_testers(),
        _contributions_against_ledger(),
    )
    return [problem for check in checks for problem in check]


def _missing_triggers() -> list[str]:
    return [f"The trigger {name} is missing: run `manage.py migrate`, which creates it." for name in missing_guards()]


def _events_against_responses() -> Iterator[str]:
    # No custom model counts as version 0: SQL finds no NULL equal to another.
    events = RevenueEvent.objects.annotate(
        version=Coalesce("custom_model_id", 0), answered_by=Coalesce("response__custom_model_id", 0)
    )
    off = events.exclude(
        amount_micros=F("response__price_micros"),
        currency=F("response__price_currency"),
        share_rate=F("response__share_rate"),
        persona=F("response__persona"),
        version=F("answered_by"),
        customer=F("response__customer"),
        organization=F("persona__organization"),
    )
    for pk in off.order_by("pk").values_list("pk", flat=True)[:LISTED]:
        yield f"Revenue event {pk} differs from its answer in price, share rate, version, customer, persona or owner."


def _events_against_transfers() -> Iterator[str]:
    unbooked = RevenueEvent.objects.filter(Q(transfer=None) | ~Q(transfer__amount_micros=F("amount_micros")))
    for pk in unbooked.values_list("pk", flat=True)[:LISTED]:
        yield f"Revenue event {pk} has no transfer of its amount."


def _days_against_events() -> Iterator[str]:
    """A day that lost an event, or gained one after it was closed."""
    same = RevenueEvent.objects.annotate(version=Coalesce("custom_model_id", 0)).filter(
        persona=OuterRef("persona"),
        version=OuterRef("version"),
        day=OuterRef("day"),
        currency=OuterRef("currency"),
        share_rate=OuterRef("share_rate"),
    )
    summed = same.order_by().values("day").annotate(revenue=Sum("amount_micros"), runs=Count("pk"))
    days = RevenueDay.objects.annotate(
        version=Coalesce("custom_model_id", 0),
        revenue=Coalesce(Subquery(summed.values("revenue")), 0),
        runs=Coalesce(Subquery(summed.values("runs")), 0),
    )
    off = days.exclude(revenue=F("revenue_micros"), runs=F("run_count")).select_related("persona")
    for day in off[:LISTED]:
        yield f"{day} says {day.run_count} runs and {day.revenue_micros} micros; its events differ."


def _days_against_shares() -> Iterator[str]:
    """Every share is computed again from the stored weights."""
    days = RevenueDay.objects.select_related("persona").prefetch_related("shares").order_by("pk")
    for day in days.iterator(chunk_size=200):
        shares = list(day.shares.all())
        if day.pool_micros != round_micros(day.revenue_micros * Fraction(day.share_rate)):
            yield f"{day}: the pool is not the revenue times the rate."
        if day.total_weight != sum(share.weight for share in shares):
            yield f"{day}: the weights of the shares do not add up to the total weight."
        if day.shared_micros != sum(share.amount_micros for share in shares):
            yield f"{day}: the shares do not add up to what was shared."
        fair = allocate(day.pool_micros, {share.tester_id: share.weight for share in shares})
        if fair != {share.tester_id: share.amount_micros for share in shares}:
            yield f"{day}: the shares are not what the weights give."


def _shares_against_transfers() -> Iterator[str]:
    unpaid = Share.objects.filter(amount_micros__gt=0).filter(
        Q(transfer=None) | ~Q(transfer__amount_micros=F("amount_micros")) | ~Q(transfer__credit__tester=F("tester"))
    )
    for pk in unpaid.values_list("pk", flat=True)[:LISTED]:
        yield f"Share {pk} has no transfer of its amount to its tester."
    unexplained = Transfer.objects.filter(credit__kind=AccountKind.TESTER, share=None).exclude(
        purpose__in=[TransferPurpose.CORRECTION, TransferPurpose.PAYOUT]
    )
    for key in unexplained.values_list("key", flat=True)[:LISTED]:
        yield f"Transfer {key} credits a tester without a share."


def _transfers_against_accounts() -> Iterator[str]:
    off = Transfer.objects.filter(
        ~Q(debit__currency=F("currency"))
        | ~Q(credit__currency=F("currency"))
        | ~Q(debit__organization=F("organization"))
        | ~Q(credit__organization=F("organization"))
    )
    for key in off.values_list("key", flat=True)[:LISTED]:
        yield f"Transfer {key} crosses organizations or currencies."


def _overdrawn_testers() -> Iterator[str]:
    for account in overdrawn_testers()[:LISTED]:
        yield f"The account of {account} is overdrawn."


def _contributions_against_ledger() -> Iterator[str]:
    counted = Contribution.objects.annotate(booked=earned_by_ledger())
    off = counted.exclude(booked=F("earned_micros")).select_related("tester", "persona")
    for contribution in off[:LISTED]:
        yield f"The contribution of {contribution} says {contribution.earned_micros} micros; the ledger differs."
    known = Contribution.objects.filter(
        tester=OuterRef("share__tester"), persona=OuterRef("revenue_day__persona"), currency=OuterRef("currency")
    )
    unknown = Transfer.objects.filter(~Exists(known), purpose=TransferPurpose.SHARE).order_by()
    columns = ("share__tester__display_name", "revenue_day__persona__name", "currency")
    for tester, persona, currency, booked in unknown.values_list(*columns).annotate(Sum("amount_micros"))[:LISTED]:
        yield f"{tester} for {persona} has no contribution in {currency}; the ledger says {booked} micros."

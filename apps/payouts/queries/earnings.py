"""What testers earned, summed from the ledger."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from django.db.models import BigIntegerField, Count, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, TruncMonth

from apps.contributions.models import Contribution, Tester
from apps.organizations.models import User
from apps.payouts.enums import TransferPurpose
from apps.payouts.models import Share, Transfer

MONTHS_SHOWN = 12


@dataclass(frozen=True)
class PersonaEarnings:
    name: str
    shares: int
    amount_micros: int


@dataclass(frozen=True)
class MonthEarnings:
    month: date  # its first day
    amount_micros: int


@dataclass(frozen=True)
class CurrencyEarnings:
    """One tester's money in one currency, in micros: total + corrections - paid out = balance."""

    currency: str
    total_micros: int
    this_month_micros: int
    corrections_micros: int
    paid_out_micros: int
    by_persona: list[PersonaEarnings]  # most first
    by_month: list[MonthEarnings]  # at most 12, without gaps, up to the present month

    @property
    def balance_micros(self) -> int:
        return self.total_micros + self.corrections_micros - self.paid_out_micros


def earnings_of(*, tester: Tester, today: date) -> list[CurrencyEarnings]:
    """One entry for each currency the tester was ever credited in; none before the first share. Four queries."""
    by_persona, by_month = _personas(tester), _months(tester)
    received, given = _moved(tester, side="credit"), _moved(tester, side="debit")
    return [
        CurrencyEarnings(
            currency=currency,
            total_micros=received[currency, TransferPurpose.SHARE],
            this_month_micros=by_month[currency].get(today.replace(day=1), 0),
            corrections_micros=received[currency, TransferPurpose.CORRECTION]
            - given[currency, TransferPurpose.CORRECTION],
            paid_out_micros=given[currency, TransferPurpose.PAYOUT] - received[currency, TransferPurpose.PAYOUT],
            by_persona=by_persona[currency],
            by_month=_without_gaps(by_month[currency], today=today),
        )
        for currency in sorted({currency for currency, _ in [*received, *given]})
    ]


def testers_with_money(*, user: User) -> list[Tester]:
    """The person as tester of each organization, former ones too: what was earned stays theirs to see."""
    return list(Tester.objects.filter(user=user).select_related("organization").order_by("organization__name", "pk"))


def shares_earned_by(user: User) -> QuerySet[Share]:
    """A person's own shares with what explains them, newest day first."""
    return with_explanation(Share.objects.earned_by(user)).order_by("-revenue_day__day", "-pk")


def tests_completed_by(user: User) -> int:
    """Training tests that could earn a share one day, in all organizations."""
    done = Contribution.objects.filter(tester__user=user).aggregate(total=Sum("training_tests_completed"))
    return done["total"] or 0


def with_explanation(shares: QuerySet[Share]) -> QuerySet[Share]:
    """The shares with everything loaded that `explain_share` reads."""
    return shares.select_related(
        "tester__organization", "revenue_day__persona", "revenue_day__custom_model__persona",
        "revenue_day__custom_model__training_dataset",
    )  # fmt: skip


def earned_by_ledger() -> Coalesce:
    """The sum of share transfers behind a Contribution row, in the row's currency: an expression for its queries."""
    booked = Transfer.objects.filter(
        purpose=TransferPurpose.SHARE,
        share__tester=OuterRef("tester"),
        revenue_day__persona=OuterRef("persona"),
        currency=OuterRef("currency"),
    )
    total = booked.order_by().values("share__tester").annotate(total=Sum("amount_micros")).values("total")
    return Coalesce(Subquery(total, output_field=BigIntegerField()), 0)


def _shares_booked(tester: Tester) -> QuerySet[Transfer]:
    return Transfer.objects.filter(purpose=TransferPurpose.SHARE, credit__tester=tester)


def _personas(tester: Tester) -> dict[str, list[PersonaEarnings]]:
    rows = (
        _shares_booked(tester)
        .values_list("currency", "revenue_day__persona__name", "revenue_day__persona")
        .annotate(shares=Count("pk"), amount=Sum("amount_micros"))
        .order_by("-amount", "revenue_day__persona__name")
    )
    grouped: dict[str, list[PersonaEarnings]] = defaultdict(list)
    for currency, name, _, shares, amount in rows:
        grouped[currency].append(PersonaEarnings(name=name, shares=shares, amount_micros=amount))
    return grouped


def _months(tester: Tester) -> dict[str, dict[date, int]]:
    rows = (
        _shares_booked(tester)
        .annotate(month=TruncMonth("revenue_day__day"))
        .values_list("currency", "month")
        .annotate(amount=Sum("amount_micros"))
        .order_by("month")
    )
    grouped: dict[str, dict[date, int]] = defaultdict(dict)
    for currency, month, amount in rows:
        grouped[currency][month] = amount
    return grouped


def _moved(tester: Tester, *, side: str) -> dict[tuple[str, str], int]:
    rows = Transfer.objects.filter(**{f"{side}__tester": tester}).order_by().values_list("currency", "purpose")
    sums = rows.annotate(amount=Sum("amount_micros"))
    return defaultdict(int, {(currency, purpose): amount for currency, purpose, amount in sums})


def _without_gaps(amounts: dict[date, int], *, today: date) -> list[MonthEarnings]:
    """Months from the first earning to the last or the present one, the latest MONTHS_SHOWN of them."""
    last = max([*amounts, today.replace(day=1)])
    months, month = [last], last
    while month > min(amounts, default=last) and len(months) < MONTHS_SHOWN:
        month = _month_before(month)
        months.append(month)
    return [MonthEarnings(month=month, amount_micros=amounts.get(month, 0)) for month in reversed(months)]


def _month_before(month: date) -> date:
    return month.replace(year=month.year - 1, month=12) if month.month == 1 else month.replace(month=month.month - 1)

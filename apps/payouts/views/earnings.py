"""The tester's pages: what was earned, by what, and why each line is what it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.common.money import MICROS, allocate, format_money, round_micros
from apps.contributions.models import Tester
from apps.organizations.accounts import signed_in_user
from apps.payouts import queries
from apps.payouts.models import RevenueDay, Share
from apps.payouts.queries.earnings import CurrencyEarnings, MonthEarnings, PersonaEarnings
from apps.payouts.queries.explanations import (
    LabelledRow,
    exact_money,
    model_name,
    percent_of_rate,
    percent_of_weight,
)
from apps.payouts.views.charts import BarChart, Point, bar_chart

LINES = 20  # on a page
ROWS = 50
CENT = MICROS // 100


@dataclass(frozen=True)
class Section:
    """One organization's money in one currency, with its picture. Parts are rounded so that they add up on the page."""

    tester: Tester
    earnings: CurrencyEarnings
    personas: list[tuple[PersonaEarnings, str]]
    months: list[tuple[MonthEarnings, str]]  # newest first
    chart: BarChart


@dataclass(frozen=True)
class Line:
    """One share as a row of the list."""

    share: Share

    @property
    def day(self) -> RevenueDay:
        return self.share.revenue_day

    @property
    def model(self) -> str:
        return model_name(self.day)

    @property
    def weight(self) -> str:
        return percent_of_weight(self.share)


class LabelledRows(Sequence[LabelledRow]):
    """The rows behind a share, read a page at a time."""

    def __init__(self, share: Share) -> None:
        self.share = share

    def __len__(self) -> int:
        return self.share.items

    def __getitem__(self, window):  # type: ignore[no-untyped-def]  # the paginator only slices
        return queries.labelled_rows(self.share, offset=window.start, limit=window.stop - window.start)


@require_safe
@never_cache
@login_required
def earnings(request: HttpRequest) -> HttpResponse:
    user = signed_in_user(request)
    testers = queries.testers_with_money(user=user)
    page = Paginator(queries.shares_earned_by(user), LINES).get_page(request.GET.get("page"))
    context = {
        "testers": testers,
        "sections": [section for tester in testers for section in _sections(tester, today=timezone.now().date())],
        "several": len(testers) > 1,
        "page": page,
        "lines": [Line(share) for share in page],
        "completed": 0 if page else queries.tests_completed_by(user),
    }
    return render(request, "payouts/earnings.html", context)


@require_safe
@never_cache
@login_required
def share_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One line of the ledger, explained down to the labelled rows. Someone else's is not there."""
    share = get_object_or_404(queries.shares_earned_by(signed_in_user(request)), pk=pk)
    day = share.revenue_day
    context = {
        "share": share,
        "day": day,
        "model": model_name(day),
        "rate": percent_of_rate(day.share_rate),
        "revenue": exact_money(day.revenue_micros, day.currency),
        "pool": exact_money(day.pool_micros, day.currency),
        "amount": exact_money(share.amount_micros, share.currency),
        "why": queries.explain_weight(share),
        "sentence": queries.explain_share(share),
        "rows": Paginator(LabelledRows(share), ROWS).get_page(request.GET.get("page")),
    }
    return render(request, "payouts/share.html", context)


def _sections(tester: Tester, *, today: date) -> list[Section]:
    return [_section(tester, earned) for earned in queries.earnings_of(tester=tester, today=today)]


def _section(tester: Tester, earned: CurrencyEarnings) -> Section:
    personas = _adding_up([persona.amount_micros for persona in earned.by_persona], earned.currency)
    months = _adding_up([month.amount_micros for month in earned.by_month], earned.currency)
    points = [
        Point(label=f"{month.month:%b}", value=month.amount_micros, text=text)
        for month, text in zip(earned.by_month, months, strict=True)
    ]
    return Section(
        tester=tester,
        earnings=earned,
        personas=list(zip(earned.by_persona, personas, strict=True)),
        months=list(zip(earned.by_month, months, strict=True))[::-1],
        chart=bar_chart(points),
    )


def _adding_up(amounts: list[int], currency: str) -> list[str]:
    """Amounts as text whose cents add up to the rounded sum; amounts that are all below a unit keep their decimals."""
    total = sum(amounts)
    if total < MICROS:
        return [format_money(amount, currency) for amount in amounts]
    cents = allocate(round_micros(Fraction(total, CENT)), dict(enumerate(amounts)))
    return [format_money(cents[place] * CENT, currency) for place in range(len(amounts))]

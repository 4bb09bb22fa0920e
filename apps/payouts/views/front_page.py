"""The admin's front page: unfold calls `dashboard` before it renders `templates/admin/index.html`."""

import json
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from apps.common.money import MICROS, format_money
from apps.contributions.enums import ExampleStatus
from apps.organizations.models import User
from apps.payouts.queries.front_page import FrontPage, SharedMonth, front_page_of

COLORS = ["var(--color-primary-600)", "var(--color-primary-300)", "var(--color-base-400)"]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(request.user, User):
        return context
    now = timezone.now()
    front = front_page_of(user=request.user, now=now)
    return {
        **context,
        "title": "Overview",
        "front": front,
        "examples_accepted": front.examples[ExampleStatus.ACCEPTED],
        "examples_awaiting": front.examples[ExampleStatus.AWAITING_LABELS],
        "examples_disputed": front.examples[ExampleStatus.DISPUTED],
        "shared_chart": _chart(front, now=now) if front.shared else "",
        "shared_in_words": "; ".join(_in_words(month) for month in front.shared),
    }


def _chart(front: FrontPage, *, now: datetime) -> str:
    """Chart.js data: a bar for each day of the month so far, in whole currency."""
    last = max([now.date(), *(day for month in front.shared for day in month.shared_by_day)])
    days = [now.date().replace(day=number) for number in range(1, last.day + 1)] if last.month == now.month else []
    datasets = [
        {
            "label": f"Shared ({month.currency})",
            "data": [month.shared_by_day.get(day, 0) / MICROS for day in days],
            "backgroundColor": color,
            "maxBarThickness": 24,
            "borderRadius": 3,
            "displayYAxis": True,
            "suffixYAxis": month.currency if len(front.shared) == 1 else "",
            "maxTicksXLimit": 16,
        }
        for month, color in zip(front.shared, COLORS, strict=False)
    ]
    return json.dumps({"labels": [str(day.day) for day in days], "datasets": datasets})


def _in_words(month: SharedMonth) -> str:
    days = ", ".join(
        f"{day.day} {day:%b} {format_money(amount, month.currency)}" for day, amount in month.shared_by_day.items()
    )
    return f"Shared each day in {month.currency}: {days}"

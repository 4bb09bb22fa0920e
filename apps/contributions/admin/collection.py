"""The page that says what has come in (PB8), and how far each persona is from being trained (AV4)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db import models
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action

from apps.common.ids import is_row_id
from apps.contributions import queries
from apps.contributions.enums import ExampleKind, ExampleOutcome, ExampleSource, ExampleStatus, QualityBand
from apps.contributions.queries import Collection
from apps.organizations.scoped_admin import ReadOnlyAdmin, acting_user

DAYS = (7, 30, 90, 365)  # that can be looked back
USUAL_DAYS = 30
COLOUR = "var(--color-primary-600)"


@dataclass(frozen=True)
class Line:
    label: str
    count: int
    percent: int


class ShowsCollection(ReadOnlyAdmin):
    """For the list of examples: what has come in, and the way to what of it is nearly the same."""

    @action(description="Find duplicates", permissions=["write"], url_path="duplicates", icon="content_copy")  # type: ignore[untyped-decorator]
    def find_duplicates(self, request: HttpRequest) -> HttpResponseBase:
        return HttpResponseRedirect(reverse("admin:contributions_duplicatesearch_search"))

    @action(description="Collection", permissions=["view"], url_path="collection", icon="bar_chart")  # type: ignore[untyped-decorator]
    def collection(self, request: HttpRequest) -> HttpResponseBase:
        days = next((days for days in DAYS if request.GET.get("days") == str(days)), USUAL_DAYS)
        asked = request.GET.get("persona", "")
        persona_id = int(asked) if is_row_id(asked) else None
        found = queries.statistics_for(user=acting_user(request), now=timezone.now(), days=days, persona_id=persona_id)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Collection",
            "found": found,
            "total": found.collection.total,
            "persona_id": persona_id,
            "days": days,
            "choices": DAYS,
            "came_in": sum(found.collection.by_day.values()),
            "tables": _tables(found.collection),
            "chart": _chart(found.collection.by_day),
            "chart_in_words": _in_words(found.collection.by_day),
        }
        return TemplateResponse(request, "contributions/admin/collection.html", context)


def _tables(collection: Collection) -> list[tuple[str, list[Line]]]:
    return [
        ("Status", _lines(collection.statuses, ExampleStatus)),
        ("Quality score", _lines(collection.bands, QualityBand)),
        ("Source", _lines(collection.sources, ExampleSource)),
        ("Kind", _lines(collection.kinds, ExampleKind)),
        ("What became of the answer", _lines(collection.outcomes, ExampleOutcome, unknown="Nobody has said")),
    ]


def _lines(counts: Mapping[str, int], choices: type[models.TextChoices], *, unknown: str = "") -> list[Line]:
    """What there is of each, in the order of the choices."""
    total = sum(counts.values())
    named = [*choices.choices, ("", unknown)]
    return [
        Line(str(label), counts[value], round(100 * counts[value] / total)) for value, label in named if counts[value]
    ]


def _chart(by_day: Mapping[date, int]) -> str:
    """Chart.js data: a bar for each day."""
    bars = {
        "label": "Examples",
        "data": list(by_day.values()),
        "backgroundColor": COLOUR,
        "maxBarThickness": 24,
        "borderRadius": 3,
        "displayYAxis": True,
        "maxTicksXLimit": 12,
    }
    return json.dumps({"labels": [f"{day.day} {day:%b}" for day in by_day], "datasets": [bars]})


def _in_words(by_day: Mapping[date, int]) -> str:
    days = ", ".join(f"{day.day} {day:%b} {count:,}" for day, count in by_day.items() if count)
    return f"Examples that came in each day: {days or 'none'}"

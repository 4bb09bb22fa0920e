"""The page that says how good a persona's labels are: how far testers agree, and each of them in numbers."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from unfold.decorators import action

from apps.common.ids import is_row_id
from apps.contributions import queries
from apps.contributions.queries import Agreement, TesterQuality
from apps.contributions.services.screening import NEARLY_EQUAL, READING_SPEED
from apps.organizations.scoped_admin import ReadOnlyAdmin, acting_user
from apps.personas.models import Persona
from apps.personas.queries import task_of

NONE_YET = "-"


class ShowsLabelQuality(ReadOnlyAdmin):
    """For the list of labels."""

    @action(description="Label quality", permissions=["view"], url_path="quality", icon="insights")  # type: ignore[untyped-decorator]
    def quality(self, request: HttpRequest) -> HttpResponseBase:
        personas = list(Persona.objects.visible_to(acting_user(request)).select_related("organization").order_by("pk"))
        asked = request.GET.get("persona", "")
        chosen = next((one for one in personas if asked and is_row_id(asked) and one.pk == int(asked)), None)
        if asked and chosen is None:
            messages.error(request, "There is no such persona.")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Label quality",
            "personas": personas,
            **_of_persona(chosen or next(iter(personas), None)),
        }
        return TemplateResponse(request, "contributions/admin/label_quality.html", context)


def _of_persona(persona: Persona | None) -> dict[str, Any]:
    if persona is None:
        return {"persona": None}
    return {
        "persona": persona,
        "agreement": _measures(agreement := queries.agreement_of(persona=persona)),
        "overlap": agreement,
        "testers": [_row(one) for one in queries.tester_qualities(persona=persona)],
        "is_written": task_of(persona).labels_are_written,
        "nearly_equal": f"{NEARLY_EQUAL:.0%}",
        "reading_speed": READING_SPEED,
    }


def _measures(agreement: Agreement) -> list[dict[str, Any]]:
    """Name, value as words, share of a bar, and either what it means or why there is none."""
    return [
        _measure("Raw agreement", agreement.raw, percent(agreement.raw), agreement.why.get("raw"),
                 "of the pairs of labels that two testers gave one example are equal"),
        _measure("Krippendorff’s alpha", agreement.alpha, decimal(agreement.alpha), agreement.why.get("alpha"),
                 "any number of testers, chance taken off: 1 is perfect, 0 is chance, 0.8 is the usual mark for "
                 "labels to rely on, and 0.667 the lowest for tentative conclusions (Krippendorff, 2004)"),
        _measure("Cohen’s kappa", agreement.kappa, decimal(agreement.kappa), agreement.why.get("kappa"),
                 "two testers, chance taken off: 1 is perfect, 0 is chance"),
    ]  # fmt: skip


def _measure(name: str, value: float | None, words: str, why: str | None, meaning: str) -> dict[str, Any]:
    return {"name": name, "value": words, "bar": bar(value), "note": meaning if value is not None else f"None: {why}."}


def _row(one: TesterQuality) -> dict[str, Any]:
    gold = one.gold_interval
    return {
        "tester": one.tester,
        "labels": f"{one.labels:,}",
        "gold": percent(one.gold_accuracy),
        "gold_note": f"{one.gold}: {100 * gold.low:.0f}-{100 * gold.high:.0f} %" if one.gold else "none answered",
        "gold_bar": bar(one.gold_accuracy),
        "gold_from": bar(gold.low) if one.gold else 0,
        "gold_width": bar(gold.high - gold.low) if one.gold else 0,
        "agreement": percent(one.agreement),
        "agreement_note": f"{one.agreeing:,} of {one.decided:,}",
        "agreement_bar": bar(one.agreement),
        "seconds": NONE_YET if one.median_seconds is None else f"{one.median_seconds:.0f} s",
        "flagged": percent(one.flagged_share),
        "flagged_note": f"{one.flagged:,} of {one.screened:,}",
        "has_flagged": one.flagged > 0,
        "skips": one.skips,
        "reports": one.reports,
    }


def percent(share: float | None) -> str:
    return NONE_YET if share is None else f"{100 * share:.0f} %"


def decimal(value: float | None) -> str:
    return NONE_YET if value is None else f"{value:.2f}"


def bar(share: float | None) -> int:
    """Of a bar that is 100 long. What is worse than chance has none."""
    return 0 if share is None else max(0, min(100, round(100 * share)))

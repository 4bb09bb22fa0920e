"""What the desk's page is told of an item and of what surrounds it."""

from datetime import datetime
from typing import Any

from django.urls import reverse

from apps.contributions import queries, services
from apps.contributions.enums import SkipReason
from apps.contributions.models import Tester, TrainingExample
from apps.personas.models import Persona

Context = dict[str, Any]
ACTS = ("label", "diff", "skip", "report")


def surroundings(tester: Tester, persona: Persona, *, empty: bool, now: datetime) -> Context:
    """Who, where, how far, what can be taken back; and if nothing is there, why."""
    act = services.undoable(tester=tester, persona=persona, now=now)
    context: Context = {
        "tester": tester,
        "persona": persona,
        "progress": queries.review_progress(tester=tester, persona=persona, now=now),
        "undo_url": act and _url("review_undo", tester, persona, act.example_id),
    }
    if empty:
        context["empty"] = queries.explain_empty_queue(tester=tester, persona=persona, now=now)
    return context


def item(tester: Tester, persona: Persona, example: TrainingExample, *, now: datetime) -> Context:
    """What is read and filled in, and where it is sent."""
    return {
        **queries.describe_item(persona=persona, example=example),
        "start": services.sign_start(example=example, tester=tester, now=now),
        "skip_reasons": SkipReason.for_skipping(),
        "report_reasons": SkipReason.for_reporting(),
        **{f"{name}_url": _url(f"review_{name}", tester, persona, example.pk) for name in ACTS},
    }


def _url(name: str, tester: Tester, persona: Persona, example: int) -> str:
    return reverse(name, args=[tester.organization.slug, persona.slug, example])

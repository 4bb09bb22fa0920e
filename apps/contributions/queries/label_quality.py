"""How good the labels of each tester are: by gold items, by what was accepted, by how they came about."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from apps.common.intervals import Interval, wilson_interval
from apps.contributions.models import GoldAnswer, Label, Skip, Tester
from apps.personas.models import Persona


@dataclass(frozen=True)
class TesterQuality:
    """One tester's numbers. Shares are from 0 to 1 and None while there is nothing to take a share of."""

    tester: Tester
    labels: int
    decided: int  # of the labels: their example has an accepted one
    agreeing: int  # with the accepted label
    screened: int  # written where a model's answer was shown
    flagged: int  # look pasted from it
    median_seconds: float | None
    gold: int  # gold items answered
    gold_score: float  # summed up: each counts as far as it is right, 0-1
    skips: int
    reports: int

    @property
    def agreement(self) -> float | None:
        return self.agreeing / self.decided if self.decided else None

    @property
    def flagged_share(self) -> float | None:
        return self.flagged / self.screened if self.screened else None

    @property
    def gold_accuracy(self) -> float | None:
        return self.gold_score / self.gold if self.gold else None

    @property
    def gold_interval(self) -> Interval:
        return wilson_interval(self.gold_score, self.gold)


def tester_qualities(*, persona: Persona) -> list[TesterQuality]:
    """Everybody who has labelled, answered, skipped or reported anything of the persona, by name."""
    return _qualities(Q(example__persona=persona))


def own_qualities(*, testers: Collection[Tester]) -> list[TesterQuality]:
    """A person's own numbers in each organization they are a tester of, over all its personas."""
    return _qualities(Q(tester__in=[tester.pk for tester in testers])) if testers else []


def _qualities(scope: Q) -> list[TesterQuality]:
    """Five statements, whatever the number of testers."""
    labels = _by_tester(
        Label.objects.filter(scope),
        labels=Count("pk"),
        decided=Count("pk", filter=Q(agrees__isnull=False)),
        agreeing=Count("pk", filter=Q(agrees=True)),
        screened=Count("pk", filter=Q(answer_similarity__isnull=False)),
        flagged=Count("pk", filter=Q(is_flagged=True)),
    )
    gold = _by_tester(GoldAnswer.objects.filter(scope), gold=Count("pk"), gold_score=Sum("score"))
    skips = _by_tester(
        Skip.objects.filter(scope),
        skips=Count("pk", filter=Q(is_report=False)),
        reports=Count("pk", filter=Q(is_report=True)),
    )
    medians = _median_seconds(scope)
    nothing = {"labels": 0, "decided": 0, "agreeing": 0, "screened": 0, "flagged": 0, "gold": 0, "gold_score": 0.0}
    none = {**nothing, "skips": 0, "reports": 0}
    testers = Tester.objects.filter(pk__in={*labels, *gold, *skips}).select_related("organization")
    return [
        TesterQuality(
            tester=tester,
            median_seconds=medians.get(tester.pk),
            **{**none, **labels.get(tester.pk, {}), **gold.get(tester.pk, {}), **skips.get(tester.pk, {})},
        )
        for tester in testers.order_by("display_name", "pk")
    ]


def _by_tester(rows: QuerySet[Any], **counts: Any) -> dict[int, dict[str, Any]]:
    counted = rows.order_by().values("tester").annotate(**counts)
    return {row.pop("tester"): row for row in counted}


def _median_seconds(scope: Q) -> dict[int, float]:
    """Of labels alone: answers to gold items come too seldom to move it."""
    timed = Label.objects.filter(scope, seconds_spent__isnull=False).order_by()
    seconds: dict[int, list[int]] = defaultdict(list)
    for tester, spent in timed.values_list("tester_id", "seconds_spent").iterator():
        seconds[tester].append(spent or 0)
    return {tester: float(median(spent)) for tester, spent in seconds.items()}

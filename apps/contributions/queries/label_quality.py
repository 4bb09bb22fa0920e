"""How good the labels of each tester are: by gold items, by what was accepted, by how they came about."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from apps.common.intervals import Interval, wilson_interval
from apps.contributions.models import GoldAnswer, Label, Skip, Tester
from apps.personas.models import Persona

# Of labels. Answers to gold items are no part of the median time: they come too seldom to move it.
COUNTED = {
    "labels": Count("pk"),
    "decided": Count("pk", filter=Q(agrees__isnull=False)),
    "agreeing": Count("pk", filter=Q(agrees=True)),
    "screened": Count("pk", filter=Q(answer_similarity__isnull=False)),
    "flagged": Count("pk", filter=Q(is_flagged=True)),
}


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
    """Four statements, whatever the number of testers."""
    labels = _labels_by_tester(scope)
    gold = _by_tester(GoldAnswer.objects.filter(scope), gold=Count("pk"), gold_score=Sum("score"))
    skips = _by_tester(
        Skip.objects.filter(scope),
        skips=Count("pk", filter=Q(is_report=False)),
        reports=Count("pk", filter=Q(is_report=True)),
    )
    none = {**dict.fromkeys(COUNTED, 0), "median_seconds": None, "gold": 0, "gold_score": 0.0, "skips": 0, "reports": 0}
    testers = Tester.objects.filter(pk__in={*labels, *gold, *skips}).select_related("organization")
    return [
        TesterQuality(
            tester=tester,
            **{**none, **labels.get(tester.pk, {}), **gold.get(tester.pk, {}), **skips.get(tester.pk, {})},
        )
        for tester in testers.order_by("display_name", "pk")
    ]


def _by_tester(rows: QuerySet[Any], **counts: Any) -> dict[int, dict[str, Any]]:
    return {row.pop("tester"): row for row in _counted(rows, "tester", **counts)}


def _counted(rows: QuerySet[Any], *by: str, **counts: Any) -> Iterable[dict[str, Any]]:
    counted: Iterable[dict[str, Any]] = rows.order_by().values(*by).annotate(**counts)
    return counted


def _labels_by_tester(scope: Q) -> dict[int, dict[str, Any]]:
    """Counted for each number of seconds, so that the database sends no row for each label to find a median by."""
    found: dict[int, dict[str, Any]] = {}
    taken: dict[int, Counter[int]] = defaultdict(Counter)
    for row in _counted(Label.objects.filter(scope), "tester", "seconds_spent", **COUNTED):
        tester, seconds = row.pop("tester"), row.pop("seconds_spent")
        found[tester] = {name: count + found.get(tester, {}).get(name, 0) for name, count in row.items()}
        if seconds is not None:
            taken[tester][seconds] += row["labels"]
    return {tester: {**counts, "median_seconds": median_of(taken[tester])} for tester, counts in found.items()}


def median_of(counts: Mapping[int, int]) -> float | None:
    """The median of numbers of which each is there so many times; None of none."""
    total, seen, low = sum(counts.values()), 0, None
    for value in sorted(counts):
        seen += counts[value]
        if low is None and 2 * seen >= total:
            low = value
        if low is not None and 2 * seen > total:
            return (low + value) / 2
    return None

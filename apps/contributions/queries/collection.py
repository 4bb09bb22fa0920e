"""What has come in (PB8): how many examples, of what kind, from where, with what outcome and quality, on which days."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Count, F, Func, QuerySet, TextField

from apps.contributions.enums import ExampleStatus
from apps.contributions.models import TrainingExample
from apps.personas.models import Persona


@dataclass(frozen=True)
class Group:
    """Examples that are alike in everything that is counted by: the parts of `TrainingExample.facets`."""

    persona: int
    count: int
    kind: str
    source: str
    status: str
    outcome: str
    band: str  # of QualityBand
    kept_out: str  # of training: in the test set, or without consent; else empty


@dataclass
class PersonaCounts:
    """One persona's examples, as far as they say whether it can be trained."""

    total: int = 0
    awaiting: int = 0
    disputed: int = 0
    trainable: Counter[str] = field(default_factory=Counter)  # by QualityBand


@dataclass(frozen=True)
class Collection:
    """`by_day` has every day of the time asked for, the last one today, whatever came in on it. Days are UTC's."""

    kinds: Counter[str]
    sources: Counter[str]
    outcomes: Counter[str]  # "" where nobody has said anything
    statuses: Counter[str]
    bands: Counter[str]
    personas: dict[int, PersonaCounts]
    by_day: dict[date, int]

    @property
    def total(self) -> int:
        return self.statuses.total()


def collection_of(*, personas: Sequence[Persona], now: datetime, days: int) -> Collection:
    """Two statements, for any number of personas and days."""
    groups = group_examples(personas=personas)
    return Collection(
        kinds=count_by(groups, "kind"),
        sources=count_by(groups, "source"),
        outcomes=count_by(groups, "outcome"),
        statuses=count_by(groups, "status"),
        bands=count_by(groups, "band"),
        personas=count_by_persona(groups, personas),
        by_day=_by_day(_examples_of(personas), today=now.date(), days=days),
    )


def group_examples(*, personas: Sequence[Persona]) -> list[Group]:
    """One statement, that reads an index and no rows: some thousand groups, whatever the number of examples."""
    rows = _examples_of(personas).values_list("persona_id", "facets").annotate(count=Count("*"))
    return [Group(persona, count, *facets.split("|")) for persona, facets, count in rows]


def _examples_of(personas: Sequence[Persona]) -> QuerySet[TrainingExample]:
    return TrainingExample.objects.filter(persona__in=[persona.pk for persona in personas]).order_by()


def count_by(groups: Sequence[Group], by: str) -> Counter[Any]:
    counts: Counter[Any] = Counter()
    for group in groups:
        counts[getattr(group, by)] += group.count
    return counts


def count_by_persona(groups: Sequence[Group], personas: Sequence[Persona]) -> dict[int, PersonaCounts]:
    found = {persona.pk: PersonaCounts() for persona in personas}
    for group in groups:
        counts = found[group.persona]
        counts.total += group.count
        counts.awaiting += group.count * (group.status == ExampleStatus.AWAITING_LABELS)
        counts.disputed += group.count * (group.status == ExampleStatus.DISPUTED)
        if group.status == ExampleStatus.ACCEPTED and not group.kept_out:
            counts.trainable[group.band] += group.count
    return found


class _UtcDay(Func):
    """The day of a time in UTC. SQLite keeps times as text: Django's own truncation calls Python for each of them."""

    template = "(%(expressions)s AT TIME ZONE 'UTC')::date"
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="substr(%(expressions)s, 1, 10)", **context)


def _by_day(examples: QuerySet[TrainingExample], *, today: date, days: int) -> dict[date, int]:
    wanted = [today - timedelta(days=ago) for ago in reversed(range(days))]
    since = datetime.combine(wanted[0], datetime.min.time(), tzinfo=UTC)
    rows = examples.filter(created_at__gte=since).annotate(day=_UtcDay(F("created_at"))).values_list("day")
    counted = {str(day): count for day, count in rows.annotate(count=Count("*"))}
    return {day: counted.get(day.isoformat(), 0) for day in wanted}

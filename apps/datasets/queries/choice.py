"""Which examples of a persona a dataset would hold, and why the others are left out."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Case, CharField, Count, Max, Q, QuerySet, Value, When

from apps.contributions.enums import ExampleStatus, Split
from apps.contributions.models import TrainingExample
from apps.datasets.enums import LeftOut
from apps.datasets.queries.split import Row, split_rows
from apps.personas.models import Persona

ELIGIBLE = ""
Annotated = QuerySet[Any]  # examples with `left_out`, a column that the type checker cannot know
ROW_COLUMNS = ("pk", "content_hash", "category", "conversation_ref", "split_pin")  # in the order of Row's fields
STATUS_REASONS = {
    ExampleStatus.AWAITING_LABELS: LeftOut.AWAITING_LABELS,
    ExampleStatus.DISPUTED: LeftOut.DISPUTED,
    ExampleStatus.REJECTED: LeftOut.REJECTED,
    ExampleStatus.WITHDRAWN: LeftOut.WITHDRAWN,
}


@dataclass(frozen=True)
class Choice:
    """`rows` newest first with their side of the split; `left_out` counts the persona's other examples by reason."""

    rows: list[tuple[int, Split]]
    left_out: dict[LeftOut, int]

    def count(self, split: Split) -> int:
        return sum(side == split for _, side in self.rows)


def choose_examples(*, persona: Persona, min_quality_score: Decimal, maximum: int | None, seed: int) -> Choice:
    """Accepted, consented, good enough, different from each other and from the test set; the newest `maximum` of them.

    Holds a few numbers for each row, never its payload.
    """
    examples = _with_reason(persona, min_quality_score)
    left_out = dict(examples.values_list("left_out").annotate(Count("pk")).order_by())
    eligible = left_out.pop(ELIGIBLE, 0)
    different = _newest_of_each_content(examples.filter(left_out=ELIGIBLE)).order_by("-pk")
    rows = [Row(*columns) for columns in different.values_list(*ROW_COLUMNS)]
    newest = rows if maximum is None else rows[:maximum]
    sides = split_rows(newest, seed=seed)
    left_out |= {
        LeftOut.DUPLICATE: eligible - len(rows),
        LeftOut.OVER_MAXIMUM: len(rows) - len(newest),
        LeftOut.PINNED_APART: len(newest) - len(sides),
    }
    return Choice(
        rows=[(row.pk, sides[row.pk]) for row in newest if row.pk in sides],
        # Two statements see two moments: a label accepted between them must not make a count negative.
        left_out={reason: left_out[reason] for reason in LeftOut if left_out.get(reason, 0) > 0},
    )


def _newest_of_each_content(examples: Annotated) -> Annotated:
    newest = examples.order_by().values("content_hash").annotate(newest=Max("pk")).values("newest")
    return examples.filter(pk__in=newest)


def _with_reason(persona: Persona, min_quality_score: Decimal) -> Annotated:
    """The persona's examples with `left_out`: the first reason that excludes a row on its own, or ELIGIBLE."""
    reasons = [
        *(When(status=status, then=Value(reason)) for status, reason in STATUS_REASONS.items()),
        When(consent=False, then=Value(LeftOut.NO_CONSENT)),
        When(split_pin=Split.TEST, then=Value(LeftOut.IN_TEST_SET)),
        When(_is_tested(persona), then=Value(LeftOut.SAME_AS_TEST)),
        When(quality_score=None, then=Value(LeftOut.NOT_SCORED)),
        When(quality_score__lt=min_quality_score, then=Value(LeftOut.LOW_QUALITY)),
    ]
    reason = Case(*reasons, default=Value(ELIGIBLE), output_field=CharField())
    return TrainingExample.objects.filter(persona=persona).annotate(left_out=reason)


def _is_tested(persona: Persona) -> Q:
    """The row's content or conversation is in the test set, under whatever other pin."""
    tested = TrainingExample.objects.filter(persona=persona, split_pin=Split.TEST)
    conversations = tested.exclude(conversation_ref="")
    # Subqueries without a reference to the outer row: the databases evaluate each of them once, not once a row.
    return Q(content_hash__in=tested.values("content_hash")) | Q(
        conversation_ref__in=conversations.values("conversation_ref")
    )

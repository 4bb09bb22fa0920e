"""Gold items: staff say which accepted examples measure testers, and what testers answer to them is kept apart."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Conflict
from apps.contributions.models import GoldAnswer, Tester, TrainingExample
from apps.contributions.queries import check_may_label, chunked, unseen_gold
from apps.personas.queries import facts_of, task_of


@transaction.atomic
def mark_gold(*, examples: Collection[TrainingExample], by: Actor, now: datetime) -> int:
    """Measure testers by these examples; how many were marked. Conflict, and nothing done, if one is not accepted."""
    marked = 0
    for chunk in chunked([example.pk for example in examples]):
        known = TrainingExample.objects.accepted().filter(pk__in=chunk, consent=True)
        marked += known.update(is_gold=True, updated_at=now)
    if marked != len(examples):
        raise Conflict(
            "Only accepted examples that may be used have a known answer.",
            resolution="Decide the others first, or leave them out. Nothing was marked.",
        )
    for example in examples:
        audit.record("marked_gold", by=by, target=example)
    return marked


@transaction.atomic
def unmark_gold(*, examples: Collection[TrainingExample], by: Actor, now: datetime) -> int:
    """Show these to testers as gold items no more; what was answered stays. How many were gold items."""
    unmarked = 0
    for example in examples:
        gold = TrainingExample.objects.filter(pk=example.pk, is_gold=True)
        if gold.update(is_gold=False, updated_at=now):
            audit.record("unmarked_gold", by=by, target=example)
            unmarked += 1
    return unmarked


def is_gold_for(*, tester: Tester, example: TrainingExample) -> bool:
    """Whether what the tester says to this example measures them, and is no label."""
    return example.is_gold and unseen_gold(tester=tester, persona=example.persona).filter(pk=example.pk).exists()


def record_gold_answer(
    *, tester: Tester, example: TrainingExample, payload: Mapping[str, Any], seconds_spent: int | None
) -> GoldAnswer:
    """Keep what a tester said to a gold item, and how right it is by the task's own comparison. The first one counts.

    InvalidInput for an answer that the task refuses. It moves no total and credits nobody.
    """
    check_may_label(tester=tester)
    task = task_of(example.persona)
    answer = task.clean_label(payload, facts_of(example.persona))
    score = task.compare(answer, example.accepted_label or {})
    given, _ = GoldAnswer.objects.get_or_create(
        example=example,
        tester=tester,
        defaults={
            "organization_id": example.organization_id, "payload": answer, "score": score,
            "seconds_spent": seconds_spent,
        },
    )  # fmt: skip
    return given

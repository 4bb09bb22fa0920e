"""Points (PB3) and score (RT1) of examples: stored whenever something is learnt that they follow from."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.batches import in_batches
from apps.contributions.enums import ExampleSource, ExampleStatus
from apps.contributions.models import TrainingExample, TrainingExampleQuerySet
from apps.contributions.queries import Reaction, chunked, for_judging, judge_examples, wrongly_rated
from apps.contributions.queries.chunks import CHUNK
from apps.contributions.queries.quality import CAPTURED
from apps.personas.models import Persona
from apps.personas.tasks.quality import Quality


def rate_new_examples(*, persona: Persona, examples: Sequence[TrainingExample]) -> None:
    """Set points and score of examples that are not saved yet."""
    for example, quality in judge_examples(persona=persona, examples=examples):
        example.quality_points, example.quality_score = quality.points, quality.score


def rate_examples(*, persona: Persona, example_ids: Collection[int], now: datetime) -> None:
    """Store points and score anew. Call it in the transaction that changed what they follow from."""
    for chunk in chunked(example_ids):
        rows = list(_held(TrainingExample.objects.filter(pk__in=chunk)))
        _store(judge_examples(persona=persona, examples=rows), now=now)


@transaction.atomic
def note_feedback(*, persona: Persona, response_id: str, reaction: Reaction, now: datetime) -> bool:
    """What people made of an answer, kept on the example it was captured as; False if it was not.

    It takes the place of what was noted before, so saying it twice counts once. Callers let one feedback on a response
    happen at a time.
    """
    captured = TrainingExample.objects.filter(persona=persona, response_id=response_id).exclude(response_id="")
    rows = list(_held(captured.exclude(source=ExampleSource.CORRECTION)))
    known = {
        "outcome": reaction.outcome,
        "approvals": reaction.approvals,
        "rejections": reaction.rejections,
        "edit_share": reaction.edit_share,
    }
    _learn(persona, rows, known, now=now)
    return bool(rows)


@transaction.atomic
def note_continuation(*, persona: Persona, conversation_ref: str, now: datetime) -> None:
    """A conversation goes on: somebody found the answers before worth a reply (PB3). Not where nothing is collected."""
    earlier = TrainingExample.objects.filter(
        persona=persona,
        conversation_ref=conversation_ref[:100],
        source__in=CAPTURED,
        conversation_continued=False,
        organization__collects_training_data=True,
    ).exclude(conversation_ref="")
    _learn(persona, list(_held(earlier)), {"conversation_continued": True}, now=now)


def recompute_quality(*, persona: Persona, by: Actor, now: datetime) -> int:
    """Repair what `find_quality_drift` names; how many examples were wrong. A transaction a batch; safe to repeat."""
    count = 0
    for batch in in_batches(wrongly_rated(persona=persona), CHUNK):
        with transaction.atomic():
            rate_examples(persona=persona, example_ids=[example.pk for example, _ in batch], now=now)
        count += len(batch)
    if count:
        audit.record("recomputed_quality", by=by, target=persona, examples=count)
    return count


def _held(examples: TrainingExampleQuerySet) -> TrainingExampleQuerySet:
    """Nobody else rates them until the transaction ends: labels and feedback may come at the same moment."""
    rateable = examples.exclude(status=ExampleStatus.WITHDRAWN)
    return for_judging(rateable).order_by("pk").select_for_update(of=("self",), no_key=True)


def _learn(persona: Persona, rows: list[TrainingExample], known: dict[str, object], *, now: datetime) -> None:
    for row in rows:
        for name, value in known.items():
            setattr(row, name, value)
    _store(judge_examples(persona=persona, examples=rows), now=now, **known)


def _store(judged: Iterable[tuple[TrainingExample, Quality]], *, now: datetime, **known: object) -> None:
    """One statement for each quality that occurs, whatever the number of examples."""
    by_quality: dict[Quality, list[int]] = defaultdict(list)
    for example, quality in judged:
        by_quality[quality].append(example.pk)
    for quality, ids in by_quality.items():
        TrainingExample.objects.filter(pk__in=ids).update(
            quality_points=quality.points, quality_score=quality.score, updated_at=now, **known
        )

"""Examples made from templates (PB4): accepted on the template's word, and marked as synthetic for ever."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.batches import in_batches
from apps.common.database import hold, insert_rows
from apps.contributions.enums import ExampleSource, ExampleStatus
from apps.contributions.models import TrainingExample
from apps.contributions.queries import SyntheticPair, judge_examples, synthetic_pairs
from apps.contributions.queries.chunks import CHUNK
from apps.contributions.services.intake import NewExample, build_example
from apps.personas.models import Persona
from apps.personas.queries import facts_of, task_of

PREFIX = "synthetic:"  # of their client ids: a pair is made once for each persona, though its words be improved later


@dataclass(frozen=True)
class SyntheticResult:
    created: int
    known: int  # made before, or asked by somebody in the very same words; they change nothing


@transaction.atomic
def create_synthetic_examples(*, persona: Persona, by: Actor, now: datetime) -> SyntheticResult:
    """Every pair that the templates of the persona's task give, once; again creates nothing.

    InvalidInput if its task has no templates, or the persona does not offer the sections that they are made of.
    """
    pairs = synthetic_pairs(task=task_of(persona))
    hold(persona)
    examples = _without_known(persona, [_build(persona, pair, by=by, now=now) for pair in pairs])
    for example, quality in judge_examples(persona=persona, examples=examples):
        example.quality_points, example.quality_score = quality.points, quality.score
    insert_rows(examples)
    result = SyntheticResult(created=len(examples), known=len(pairs) - len(examples))
    audit.record("created_synthetic", by=by, target=persona, created=result.created, known=result.known)
    return result


def _build(persona: Persona, pair: SyntheticPair, *, by: Actor, now: datetime) -> TrainingExample:
    task = task_of(persona)
    item = NewExample(persona.slug, pair.input, kind=pair.kind, client_id=f"{PREFIX}{pair.key}", metadata=pair.metadata)
    example = build_example(persona=persona, item=item, source=ExampleSource.SYNTHETIC, by=by)
    label = task.clean_label(pair.label, facts_of(persona))
    example.status = ExampleStatus.ACCEPTED
    example.accepted_label, example.category = label, task.category(label)[:100]
    example.accepted_at, example.accepted_by = now, f"template {pair.template}"
    return example


def _without_known(persona: Persona, examples: Sequence[TrainingExample]) -> list[TrainingExample]:
    ids: set[str] = set()
    hashes: set[str] = set()
    for batch in in_batches(examples, CHUNK):
        own = TrainingExample.objects.filter(persona=persona)
        ids.update(own.filter(client_id__in=[each.client_id for each in batch]).values_list("client_id", flat=True))
        same = own.filter(content_hash__in=[each.content_hash for each in batch])
        hashes.update(same.values_list("content_hash", flat=True))
    return [each for each in examples if each.client_id not in ids and each.content_hash not in hashes]

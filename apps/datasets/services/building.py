from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.batches import in_batches
from apps.common.errors import InvalidInput
from apps.common.ids import sha256
from apps.contributions.enums import Split
from apps.contributions.models import TrainingExample
from apps.datasets.formats import FORMATS
from apps.datasets.models import FORMAT, MAX_ROWS, MIN_QUALITY_SCORE, DatasetItem, TrainingDataset
from apps.datasets.queries.choice import Choice, choose_examples
from apps.datasets.queries.previews import too_few
from apps.datasets.queries.rendering import (
    Rendered,
    examples_changed_meanwhile,
    render_examples,
    system_prompt_for,
)
from apps.personas.models import Persona

BATCH = 1000
MAX_SEED = 2**31 - 1


@transaction.atomic
def build_dataset(
    *,
    persona: Persona,
    name: str,
    by: Actor,
    now: datetime,
    min_quality_score: Decimal = MIN_QUALITY_SCORE,
    maximum: int | None = MAX_ROWS,
    include_persona: bool = True,
    include_platform_context: bool = False,
    seed: int = 1,
    description: str = "",
    format_name: str = FORMAT,
) -> TrainingDataset:
    """A draft of the persona's newest `maximum` (None: all) trainable examples, rendered and split 90/10.

    Deterministic: the same examples and arguments give the same files byte for byte. An example without a quality
    score counts as not good enough. Why rows were left out is counted in ``training_params["left_out"]``. All or
    nothing: one transaction, payloads held a batch at a time. InvalidInput: an argument out of range, or (code
    insufficient_data) nothing to choose from.
    """
    _check(name=name, min_quality_score=min_quality_score, maximum=maximum, seed=seed)
    FORMATS.get(format_name)
    choice = choose_examples(persona=persona, min_quality_score=min_quality_score, maximum=maximum, seed=seed)
    if not choice.rows:
        raise _nothing_to_train_on(choice)
    system = system_prompt_for(
        persona=persona, include_persona=include_persona, include_platform_context=include_platform_context
    )
    dataset = _create_draft(
        choice,
        persona=persona,
        prompt_version=system.version,
        name=name.strip(),
        description=description,
        min_quality_score=min_quality_score,
        include_persona=include_persona,
        include_platform_context=include_platform_context,
        training_params={"maximum": maximum},
        format=format_name,
        seed=seed,
        prepared_at=now,
    )
    lines = render_examples(persona=persona, system=system, format_name=format_name, ids=[pk for pk, _ in choice.rows])
    _write_items(dataset, choice, lines)
    _hold_examples(dataset)
    dataset.save(update_fields=["training_tokens", "redactions"])
    totals = {"tokens": dataset.training_tokens, "replaced": sum(dataset.redactions.values())}
    audit.record("built", by=by, target=dataset, examples=dataset.example_count, **totals)
    return dataset


def _create_draft(
    choice: Choice, *, persona: Persona, training_params: dict[str, Any], **columns: Any
) -> TrainingDataset:
    return TrainingDataset.objects.create(
        organization_id=persona.organization_id,
        persona=persona,
        training_params={
            **training_params,
            "encoding": persona.base_model.encoding,
            "left_out": dict(choice.left_out),
        },
        example_count=len(choice.rows),
        training_count=choice.count(Split.TRAIN),
        validation_count=choice.count(Split.VALIDATION),
        **columns,
    )


def _nothing_to_train_on(choice: Choice) -> InvalidInput:
    reasons = "; ".join(f"{reason.label}: {rows}" for reason, rows in choice.left_out.items())
    return InvalidInput(
        too_few(0),
        resolution=f"Left out: {reasons}." if reasons else "Import or capture examples and have them labelled first.",
        code="insufficient_data",
    )


def _check(*, name: str, min_quality_score: Decimal, maximum: int | None, seed: int) -> None:
    if not name.strip() or len(name.strip()) > 200:
        raise InvalidInput("A dataset needs a name.", resolution="Give it one of 1 to 200 characters.", param="name")
    if not 0 <= min_quality_score <= 1:
        raise InvalidInput(
            "The minimum quality is a number from 0 to 1.",
            resolution="0.7 is the usual minimum.",
            param="min_quality_score",
        )
    if maximum is not None and maximum < 1:
        raise InvalidInput(
            "The maximum number of rows is at least 1.", resolution="Leave it out for all rows.", param="maximum"
        )
    if not 0 <= seed <= MAX_SEED:
        raise InvalidInput(
            f"The seed is a whole number from 0 to {MAX_SEED:,}.", resolution="1 is as good as any.", param="seed"
        )


def _write_items(dataset: TrainingDataset, choice: Choice, lines: Iterable[Rendered]) -> None:
    """Insert the items in batches; tokens of the training split and what was replaced are added up on the dataset."""
    replaced: Counter[str] = Counter()
    for batch in in_batches(_items(dataset, choice, _counted(lines, replaced)), BATCH):
        DatasetItem.objects.bulk_create(batch)
        dataset.training_tokens += sum(item.tokens for item in batch if item.split == Split.TRAIN)
    dataset.redactions = dict(sorted(replaced.items()))


def _counted(lines: Iterable[Rendered], replaced: Counter[str]) -> Iterator[Rendered]:
    for rendered in lines:
        replaced.update(rendered.redactions)
        yield rendered


def _hold_examples(dataset: TrainingDataset) -> None:
    """Conflict if one was taken back while the lines were written; whoever takes one back now waits for this build.

    So every withdrawal finds the lines of every build: nothing that was erased comes back with a dataset.
    """
    trainable = TrainingExample.objects.trainable().filter(dataset_items__dataset=dataset)
    held = trainable.select_for_update(no_key=True, of=("self",)).order_by("pk").values_list("pk")
    if len(held) < dataset.example_count:
        raise examples_changed_meanwhile()


def _items(dataset: TrainingDataset, choice: Choice, lines: Iterable[Rendered]) -> Iterator[DatasetItem]:
    positions = {Split.TRAIN: count(), Split.VALIDATION: count()}
    for (_, split), rendered in zip(choice.rows, lines, strict=True):
        yield DatasetItem(
            dataset=dataset,
            example=rendered.example,
            split=split,
            position=next(positions[split]),
            content_hash=rendered.example.content_hash,
            line=rendered.line,
            line_sha256=sha256(rendered.line.encode()),
            tokens=rendered.tokens,
        )

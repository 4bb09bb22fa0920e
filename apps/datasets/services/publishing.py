from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.batches import in_batches
from apps.common.errors import Conflict, InvalidInput
from apps.common.fine_tuning import MIN_EXAMPLES
from apps.common.money import allocate
from apps.contributions.enums import Split
from apps.contributions.models import Label, TrainingExample
from apps.datasets.enums import DatasetStatus
from apps.datasets.formats import FORMATS
from apps.datasets.models import WHOLE_ITEM, DatasetItem, ItemCredit, TrainingDataset
from apps.datasets.queries.files import FILE_SPLITS, file_sha256, find_changed_lines, stored_lines
from apps.datasets.queries.previews import too_few

BATCH = 1000
RULE = "v1"  # an item's weight is divided equally among the testers whose label agrees with the accepted one


@transaction.atomic
def approve_dataset(*, dataset: TrainingDataset, by: Actor, now: datetime) -> TrainingDataset:
    """Somebody looked at what would leave, and lets it (PB6): on record before anything is published, exported or
    uploaded. A draft never changes, so it is approved once. Returns the fresh row.

    Conflict: published before, or approved before.
    """
    if not _approve(dataset, by, now):
        raise Conflict(
            f"{dataset} is approved or published already.",
            resolution="There is nothing to approve; to change what it holds, build a new one.",
            code="already_approved",
        )
    return TrainingDataset.objects.select_related("organization", "persona").get(pk=dataset.pk)


@transaction.atomic
def approve_and_publish_dataset(*, dataset: TrainingDataset, by: Actor, now: datetime) -> TrainingDataset:
    """Both in one step, or neither; what was approved before is published. The errors of `publish_dataset`."""
    _approve(dataset, by, now)
    return publish_dataset(dataset=dataset, by=by, now=now)


def _approve(dataset: TrainingDataset, by: Actor, now: datetime) -> bool:
    drafts = TrainingDataset.objects.filter(pk=dataset.pk, published_at=None, approved_at=None)
    approved = drafts.update(approved_at=now, approved_by=by.audit_name, updated_at=now)
    if approved:
        audit.record("approved", by=by, target=dataset, replaced=dataset.redactions)
    return bool(approved)


@transaction.atomic
def publish_dataset(*, dataset: TrainingDataset, by: Actor, now: datetime) -> TrainingDataset:
    """Freeze a draft for ever: its files get their SHA-256, its training items their credits. Returns the fresh row.

    One transaction, claimed by a conditional UPDATE: of two workers one wins, the other gets Conflict. `published_at`
    is set last, because from then on triggers refuse every item and credit. InvalidInput: fewer than ten training
    examples (insufficient_data, SC2) or lines a provider would refuse. Conflict: published before, not approved
    (approval_missing), an example may no longer be trained on, or a line is not the one that was built.
    """
    _claim(dataset, now)
    _check_items(dataset)
    _write_credits(dataset)
    TrainingDataset.objects.filter(pk=dataset.pk).update(
        status=DatasetStatus.READY,
        training_sha256=file_sha256(dataset=dataset, split=Split.TRAIN),
        validation_sha256=file_sha256(dataset=dataset, split=Split.VALIDATION),
        published_at=now,
        published_by=by.audit_name,
        updated_at=now,
    )
    published = TrainingDataset.objects.select_related("organization", "persona").get(pk=dataset.pk)
    audit.record("published", by=by, target=published, sha256=published.training_sha256, rule=RULE)
    return published


def _claim(dataset: TrainingDataset, now: datetime) -> None:
    """Takes the row's lock and keeps it until the transaction ends; a second claim then finds no draft."""
    drafts = TrainingDataset.objects.filter(pk=dataset.pk, status=DatasetStatus.PREPARING, published_at=None)
    if not drafts.update(updated_at=now):
        raise Conflict(
            f"{dataset} is already published.",
            resolution="It can be used as it is; to change what it holds, build a new one.",
            code="already_published",
        )
    if not drafts.exclude(approved_at=None).exists():
        raise Conflict(
            f"Nobody has looked yet at what would leave with {dataset}.",
            resolution="Look at what was replaced and at sample lines, and approve it; then publish.",
            code="approval_missing",
        )


def _check_items(dataset: TrainingDataset) -> None:
    if dataset.training_count < MIN_EXAMPLES:
        raise InvalidInput(
            too_few(dataset.training_count),
            resolution="Have more examples labelled, or lower the minimum quality, and build it again.",
            code="insufficient_data",
        )
    items = DatasetItem.objects.filter(dataset=dataset)
    gone = items.exclude(example__in=TrainingExample.objects.trainable()).count()
    if gone:
        raise Conflict(
            f"{gone} of its examples may no longer be trained on: withdrawn, rejected or pinned to the test set since.",
            resolution="Build the dataset again; it will leave them out.",
            code="examples_changed",
        )
    if any(find_changed_lines(dataset=dataset, split=split) for split in FILE_SPLITS):
        raise Conflict(
            f"Lines of {dataset} are no longer the ones that were rendered from its examples.",
            resolution="Build the dataset again; nothing but building writes lines.",
            code="dataset_changed",
        )
    errors = FORMATS.get(dataset.format).find_errors(stored_lines(dataset=dataset, split=Split.TRAIN))
    if errors:
        raise InvalidInput(
            f"A provider would refuse its training file. {errors[0]}",
            resolution="Correct the example on that line, then build the dataset again.",
            code="invalid_training_file",
        )


def _write_credits(dataset: TrainingDataset) -> None:
    """Items without a tester's label have no credits: what they earn stays with the organization."""
    for batch in in_batches(_credits(dataset), BATCH):
        ItemCredit.objects.bulk_create(batch)


def _credits(dataset: TrainingDataset) -> Iterator[ItemCredit]:
    agreeing = (
        Label.objects.filter(
            agrees=True, example__dataset_items__dataset=dataset, example__dataset_items__split=Split.TRAIN
        )
        .order_by("example__dataset_items__pk", "tester_id")
        .values_list("example__dataset_items__pk", "tester_id")
    )
    for item, labels in groupby(agreeing.iterator(), key=lambda row: row[0]):
        for tester, weight in allocate(WHOLE_ITEM, {tester: 1 for _, tester in labels}).items():
            yield ItemCredit(dataset=dataset, item_id=item, tester_id=tester, weight=weight, rule=RULE)

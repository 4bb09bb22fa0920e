"""Does what was frozen still stand? Run by `check_invariants`; every finding is a sentence."""

from collections.abc import Iterator

from django.db.models import Count, Exists, F, OuterRef, Q, Sum

from apps.contributions.enums import ExampleStatus, Split, WithdrawalStatus
from apps.datasets.models import WHOLE_ITEM, DatasetItem, ItemCredit, TrainingDataset
from apps.datasets.queries.files import FILE_SPLITS, find_changed_files, find_changed_lines

_HAS_EMPTY_LINE = Exists(DatasetItem.objects.filter(dataset=OuterRef("pk"), line=""))


def find_lineage_drift() -> list[str]:
    """Files that no longer hash to what was published, credits that do not add up, test examples in a dataset."""
    return [
        *_find_changed_files(),
        *_find_changed_lines(),
        *_find_lost_lines(),
        *_find_lines_that_stayed(),
        *_find_miscounted(),
        *_find_wrong_credits(),
        *_find_tested_items(),
    ]


def _find_changed_files() -> Iterator[str]:
    for dataset in TrainingDataset.objects.published().exclude(_HAS_EMPTY_LINE).order_by("pk").iterator():
        for split in find_changed_files(dataset=dataset):
            yield f"Dataset {dataset.pk}: its {split} file is not the one that was published."


def _find_changed_lines() -> Iterator[str]:
    """After a withdrawal a file has another hash than it was published with; the lines it has left have not."""
    for dataset in TrainingDataset.objects.published().filter(_HAS_EMPTY_LINE).order_by("pk").iterator():
        for split in FILE_SPLITS:
            for line in find_changed_lines(dataset=dataset, split=split):
                yield f"Dataset {dataset.pk}: line {line} of its {split} file is not the one that was published."


def _find_lost_lines() -> Iterator[str]:
    """Only a withdrawal may empty a line."""
    lost = DatasetItem.objects.filter(line="").exclude(example__status=ExampleStatus.WITHDRAWN).order_by("pk")
    for dataset, item in lost.values_list("dataset_id", "pk").iterator():
        yield f"Dataset {dataset}: the line of item {item} is empty though its example was not withdrawn."


def _find_lines_that_stayed() -> Iterator[str]:
    """A withdrawal that is done has emptied every line."""
    stayed = DatasetItem.objects.filter(example__withdrawal__status=WithdrawalStatus.DONE).exclude(line="")
    for dataset, item in stayed.order_by("pk").values_list("dataset_id", "pk").iterator():
        yield f"Dataset {dataset}: the line of item {item} is still there though its example was withdrawn and erased."


def _find_miscounted() -> Iterator[str]:
    taken_back = Count("items", filter=Q(items__example__withdrawal__isnull=False))
    counted = TrainingDataset.objects.annotate(taken_back=taken_back).exclude(taken_back=F("withdrawn_count"))
    for pk, right, stored in counted.order_by("pk").values_list("pk", "taken_back", "withdrawn_count"):
        yield f"Dataset {pk}: {right} of its examples were withdrawn, not {stored}."


def _find_wrong_credits() -> Iterator[str]:
    sums = ItemCredit.objects.values_list("dataset_id", "item_id").annotate(weight=Sum("weight")).order_by("item_id")
    for dataset, item, weight in sums.exclude(weight=WHOLE_ITEM).iterator():
        yield f"Dataset {dataset}: the credits of item {item} add up to {weight:,}, not to {WHOLE_ITEM:,}."
    misplaced = ItemCredit.objects.exclude(item__split=Split.TRAIN)
    for dataset, item in misplaced.values_list("dataset_id", "item_id").distinct().order_by("item_id").iterator():
        yield f"Dataset {dataset}: item {item} has credits and is no training item."


def _find_tested_items() -> Iterator[str]:
    tested = DatasetItem.objects.filter(Q(example__split_pin=Split.TEST) | Q(split=Split.TEST)).order_by("pk")
    for dataset, example in tested.values_list("dataset_id", "example_id").iterator():
        yield f"Dataset {dataset}: example {example} is pinned to the test set, which no dataset may train on."

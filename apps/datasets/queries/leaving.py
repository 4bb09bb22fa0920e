"""What would leave with a dataset, for whoever is to approve it (PB6)."""

from dataclasses import dataclass
from os.path import commonprefix

from apps.contributions.queries.anonymising import Measured, measured_kinds, replaced_words
from apps.datasets.models import DatasetItem, TrainingDataset

SAMPLE = 20


@dataclass(frozen=True)
class Leaving:
    """`lines` are the file's own, evenly spread; `beginning` is what all of them start with, left out of them."""

    replaced: str  # in words, by kind
    measured: list[Measured]
    beginning: str
    lines: list[str]


def what_leaves(*, dataset: TrainingDataset) -> Leaving:
    lines = _sample(dataset)
    beginning = commonprefix(lines) if len(lines) > 1 else ""  # noqa: RUF071  character by character is meant
    return Leaving(
        replaced=replaced_words(dataset.redactions),
        measured=measured_kinds(),
        beginning=beginning,
        lines=[line.removeprefix(beginning) for line in lines],
    )


def _sample(dataset: TrainingDataset) -> list[str]:
    items = DatasetItem.objects.filter(dataset=dataset).order_by("split", "position")
    ids = list(items.values_list("pk", flat=True))
    chosen = {ids[len(ids) * place // SAMPLE] for place in range(SAMPLE)} if ids else set()
    return [item.line for item in items.filter(pk__in=chosen)]

"""Numbers about one dataset (SC3), counted by the database."""

from dataclasses import dataclass

from django.db.models import Avg, Count, Max, Min

from apps.contributions.enums import Split
from apps.datasets.models import DatasetItem, TrainingDataset


@dataclass(frozen=True)
class DatasetStatistics:
    """`tokens`: min, mean, median, p95 (nearest rank) and max per training example; empty without one."""

    examples: int
    training: int
    validation: int
    tokens: dict[str, int]
    categories: dict[str, int]
    over_limit: int  # training examples longer than the persona's base model takes: they will be cut off


def statistics_of(*, dataset: TrainingDataset) -> DatasetStatistics:
    items = DatasetItem.objects.filter(dataset=dataset)
    training = items.filter(split=Split.TRAIN)
    categories = (
        items.values_list("example__category").annotate(rows=Count("pk")).order_by("-rows", "example__category")
    )
    return DatasetStatistics(
        examples=dataset.example_count,
        training=dataset.training_count,
        validation=dataset.validation_count,
        tokens=_token_distribution(dataset),
        categories=dict(categories),
        over_limit=training.filter(tokens__gt=dataset.persona.base_model.max_example_tokens).count(),
    )


def _token_distribution(dataset: TrainingDataset) -> dict[str, int]:
    items = DatasetItem.objects.filter(dataset=dataset, split=Split.TRAIN)
    edges = items.aggregate(count=Count("pk"), min=Min("tokens"), mean=Avg("tokens"), max=Max("tokens"))
    count = edges["count"]
    if not count:
        return {}
    ordered = items.order_by("tokens").values_list("tokens", flat=True)
    return {
        "min": edges["min"],
        "mean": round(edges["mean"]),
        "median": ordered[-(-count * 50 // 100) - 1],
        "p95": ordered[-(-count * 95 // 100) - 1],
        "max": edges["max"],
    }

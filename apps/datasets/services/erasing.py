"""Lines of datasets are copies of what people said: emptied when they take it back (AV13)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from apps.contributions.models import Withdrawal
from apps.contributions.services.withdrawals import ERASERS, Affected, Eraser
from apps.datasets.models import DatasetItem, TrainingDataset


class DatasetEraser(Eraser):
    name = "datasets"
    erases = frozenset({"datasets.datasetitem.line"})

    def mark(self, *, withdrawal: Withdrawal, now: datetime) -> Iterator[Affected]:
        """Datasets that hold examples of the withdrawal, drafts too; each counts what it lost."""
        holding = TrainingDataset.objects.filter(items__example__withdrawal=withdrawal)
        TrainingDataset.objects.filter(pk__in=holding.values("pk")).update(
            withdrawn_count=Coalesce(Subquery(_rows_lost()), 0), updated_at=now
        )
        counted = holding.annotate(rows=Count("pk")).order_by("pk")  # a row for each item that was joined
        for pk, name, rows, persona in counted.values_list("pk", "name", "rows", "persona"):
            yield Affected("datasets.trainingdataset", pk, name, rows, persona)

    def erase(self, *, example_ids: Sequence[int], now: datetime) -> None:
        DatasetItem.objects.filter(example__in=example_ids).exclude(line="").update(line="")


def _rows_lost() -> Any:
    """How many items of the outer dataset were taken back, by anybody."""
    lost = DatasetItem.objects.filter(dataset=OuterRef("pk"), example__withdrawal__isnull=False)
    return lost.order_by().values("dataset").annotate(rows=Count("pk")).values("rows")


ERASERS.register(DatasetEraser())

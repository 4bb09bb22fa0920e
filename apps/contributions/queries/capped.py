"""Counting what waits: far enough for people to know that there is plenty, and no further."""

from typing import Any

from django.db.models import IntegerField, QuerySet, Subquery

MOST = 1_000  # is counted exactly: a desk is opened for each item, and no tester sees the end of more


class CappedCount(Subquery):
    """How many rows a query with an OuterRef finds, up to one more than are counted exactly."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS capped)"
    output_field = IntegerField()

    def __init__(self, rows: QuerySet[Any]) -> None:
        super().__init__(rows.order_by().values("pk")[: MOST + 1])


def count_capped(rows: QuerySet[Any]) -> int:
    """Up to one more than are counted exactly."""
    return rows.order_by().values("pk")[: MOST + 1].count()


def words_of(count: int) -> str:
    return f"{MOST:,}+" if count > MOST else f"{count:,}"

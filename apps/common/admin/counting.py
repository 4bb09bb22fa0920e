"""Counts that stay cheap on a million rows."""

from typing import Any

from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Max, QuerySet
from django.utils.functional import cached_property

EXACT_UP_TO = 10_000


class EstimatedCountPaginator(Paginator[Any]):
    """Counts exactly up to 10,000 rows; beyond that an unfiltered list gets an estimate in constant time."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if not isinstance(rows, QuerySet) or rows.query.where:
            return super().count
        estimate = _estimated_rows(rows)
        return estimate if estimate > EXACT_UP_TO else super().count


def _estimated_rows(rows: QuerySet[Any]) -> int:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [rows.model._meta.db_table]
            )
            (estimate,) = cursor.fetchone()
            return int(estimate)
    return int(rows.model._default_manager.aggregate(last=Max("pk"))["last"] or 0)

from typing import Any

from django.apps import AppConfig
from django.db import connection
from django.db.models.signals import post_migrate, pre_migrate
from django.urls import register_converter

from apps.common import checks
from apps.common.converters import RowIdConverter
from apps.common.guards import create_guards, drop_guards

__all__ = ["CommonConfig", "checks"]  # importing the checks registers them


def _make_way(*, plan: list[Any], **_kwargs: Any) -> None:
    """SQLite alters a table by making it anew, which it refuses while any trigger of another table reads that one."""
    if plan and connection.vendor == "sqlite":
        drop_guards()


def _create_guards(**_kwargs: Any) -> None:
    create_guards()


class CommonConfig(AppConfig):
    name = "apps.common"
    verbose_name = "House"

    def ready(self) -> None:
        pre_migrate.connect(_make_way, sender=self)
        post_migrate.connect(_create_guards, sender=self)
        register_converter(RowIdConverter, "row_id")

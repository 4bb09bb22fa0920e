import sqlite3
from typing import Any

from django.apps import AppConfig
from django.core import checks


class TrainerConfig(AppConfig):
    name = "apps.trainer"
    verbose_name = "Trainer"

    def ready(self) -> None:
        checks.register(check_full_text_search)


def check_full_text_search(**_: Any) -> list[checks.CheckMessage]:
    """The engine recall is built on SQLite's full-text search, which a Python may have been built without."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE probe USING fts5(text, tokenize='porter unicode61')")
    except sqlite3.OperationalError as error:
        hint = "Use a Python whose sqlite3 module has FTS5, such as python.org's or your distribution's."
        return [checks.Error(f"SQLite's full-text search is missing: {error}.", hint=hint, id="trainer.E001")]
    finally:
        connection.close()
    return []

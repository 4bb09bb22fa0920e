"""What we need of the database connection beyond Django's own functions."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections, models


def hold(row: models.Model) -> None:
    """Keep others who hold this row waiting until the transaction around this call ends.

    For what must be counted, numbered or summed by one at a time. PostgreSQL locks the row weakly, so that new rows may
    still refer to it: otherwise two transactions, each with a row that refers to what the other holds, would wait in a
    circle. On SQLite the transaction itself, being IMMEDIATE, is the lock. DoesNotExist if the row is gone.
    """
    type(row)._base_manager.select_for_update(no_key=True).values_list("pk").get(pk=row.pk)


@contextmanager
def connection_kept_open() -> Iterator[None]:
    """Nobody inside closes this thread's connection for being old.

    The queue's worker and every WSGI request begin and end with `close_old_connections`, which closes the connection
    even in the middle of a transaction or of a server-side cursor. That is right between units of work and wrong when
    one runs inside another: a drained job inside a test, a request to the trainer inside a command.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if "close_if_unusable_or_obsolete" in vars(connection):
        yield
        return
    connection.close_if_unusable_or_obsolete = lambda: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        del connection.close_if_unusable_or_obsolete

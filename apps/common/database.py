"""What we need of the database connection beyond Django's own functions."""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import RawSQL

PLAIN = (str, int, Decimal)  # equal ones are stored alike


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


def one_of(texts: Collection[str]) -> RawSQL:
    """For ``filter(column__in=one_of(texts))``: all of them as one parameter. SQLite has a limit to how many parameters
    a statement may have, and for any number of texts the statement stays the same."""
    if connections[DEFAULT_DB_ALIAS].vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::text[])", [list(texts)])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(texts))])


def insert_rows(rows: Sequence[models.Model]) -> None:
    """Insert new rows of one model the quickest way the database has, and give them their ids.

    The same as bulk_create in several times the speed: ids are reserved first, each column is prepared by its field
    (encryption included), and all go over in one COPY (PostgreSQL) or one prepared statement (SQLite). IntegrityError,
    and none of them stored, if a constraint refuses one.
    """
    if not rows:
        return
    connection, meta = connections[DEFAULT_DB_ALIAS], rows[0]._meta
    with transaction.atomic(savepoint=False):
        for row, pk in zip(rows, _reserve_ids(connection, meta, len(rows)), strict=True):
            row.pk = pk
        values = [_prepare(field, rows, connection) for field in _written(meta)]
        _write(connection, meta, list(zip(*values, strict=True)))
    for row in rows:
        row._state.adding = False
        row._state.db = DEFAULT_DB_ALIAS


def _written(meta: Any) -> list[Any]:
    """Its columns, but for those that the database computes."""
    return [field for field in meta.local_concrete_fields if not field.generated]


def _reserve_ids(connection: BaseDatabaseWrapper, meta: Any, count: int) -> Sequence[int]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
                [meta.db_table, meta.pk.column, count],
            )
            return [pk for (pk,) in cursor.fetchall()]
        # Every transaction is IMMEDIATE, the one around this included: nobody else inserts until it ends.
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [meta.db_table])
        (last,) = cursor.fetchone() or (0,)
        return range(last + 1, last + 1 + count)


def _prepare(
    field: "models.Field[Any, Any]", rows: Sequence[models.Model], connection: BaseDatabaseWrapper
) -> list[Any]:
    """A column as the database takes it. Most columns say one and the same for all rows: that is prepared once."""
    values = _values(field, rows)
    if _is_one(field, values):
        return [field.get_db_prep_save(values[0], connection)] * len(values)
    return [field.get_db_prep_save(value, connection) for value in values]


def _is_one(field: "models.Field[Any, Any]", values: list[Any]) -> bool:
    """Whether all are one value. Of a text never, unless there is none: if it is encrypted, equal ones must differ."""
    first = values[0]
    if first is not None and isinstance(field, models.TextField):
        return False
    if isinstance(first, PLAIN):
        return all(type(value) is type(first) and value == first for value in values)
    return all(value is first for value in values)


def _values(field: "models.Field[Any, Any]", rows: Sequence[models.Model]) -> list[Any]:
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        now = field.pre_save(rows[0], True)  # rows that are stored together have one time
        for row in rows:
            setattr(row, field.attname, now)
        return [now] * len(rows)
    return [field.pre_save(row, True) for row in rows]


def _write(connection: BaseDatabaseWrapper, meta: Any, rows: list[tuple[Any, ...]]) -> None:
    quote = connection.ops.quote_name
    table, names = quote(meta.db_table), [quote(field.column) for field in _written(meta)]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with connection.wrap_database_errors, cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(names))
            cursor.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)  # noqa: S608 - ours

"""Database triggers that refuse what must never happen, whoever asks: the ORM, a shell, a migration gone wrong.

Declared beside the model by a decorator, created after every migrate (Django rebuilds SQLite tables and drops their
triggers without a word), and checked by `/readyz` and `check_invariants` through `missing_guards`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models import Value

from apps.common.crypto import MARK_OF_ROTATION
from apps.common.fields import EncryptedJSONField, EncryptedTextField

M = TypeVar("M", bound=type[models.Model])


@dataclass(frozen=True)
class Guard:
    """Abort `operation` on a row of `model` when `condition` (SQL over OLD and NEW) holds."""

    model: type[models.Model]
    name: str
    operation: str  # INSERT, UPDATE, DELETE, or TRUNCATE, which only PostgreSQL has
    condition: str
    message: str

    @property
    def table(self) -> str:
        return self.model._meta.db_table


_guards: list[Guard] = []


def append_only(model: M) -> M:
    """Rows are inserted and never changed or deleted. Encrypted columns may be encrypted anew, see `_altered`."""
    return _append_only(model, _altered(model))


def append_only_but_erasable(*, texts: Mapping[str, str], when: str) -> Callable[[M], M]:
    """As `append_only`, but where `when` (SQL over OLD) holds, these encrypted columns may become what `texts` says.

    For a withdrawal (AV13): the row, its author and its numbers stay, its words go. What a text is emptied to is
    stored as it stands, because a trigger cannot read a cipher text: see `erased`.
    """

    def register(model: M) -> M:
        return _append_only(model, _altered(model, texts, when))

    return register


def erased(text: str) -> Value:
    """`text` for an UPDATE of an encrypted column that leaves it unencrypted, so that triggers see what it is."""
    return Value(text, output_field=models.TextField())


def _append_only(model: M, altered: str) -> M:
    table = model._meta.db_table
    message = f"{table} is append-only: add a correcting row instead"
    _guards.append(Guard(model, f"{table}_no_update", "UPDATE", altered, message))
    _guards.append(Guard(model, f"{table}_no_delete", "DELETE", "1 = 1", message))
    _guards.append(Guard(model, f"{table}_no_truncate", "TRUNCATE", "1 = 1", message))
    return model


def _altered(model: type[models.Model], erased_to: Mapping[str, str] | None = None, when: str = "") -> str:
    """SQL over OLD and NEW: the row becomes another one, other than by a new encryption of its encrypted columns.

    Nothing may be written, emptied (but see `append_only_but_erasable`) or filled in, see `text_altered`; author, time
    and numbers never change at all.
    """
    encrypted = _encrypted_columns(model)
    if not encrypted:
        return "1 = 1"
    plain = [f.column for f in model._meta.local_concrete_fields if not _is_encrypted(f)]
    changes = [f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in plain]
    may_go = {c: f" AND NOT (NEW.{c} = '{empty}' AND ({when}))" for c, empty in (erased_to or {}).items()}
    return " OR ".join(changes + [f"({text_altered(column)}{may_go.get(column, '')})" for column in encrypted])


def _encrypted_columns(model: type[models.Model]) -> list[str]:
    return [str(f.column) for f in model._meta.local_concrete_fields if _is_encrypted(f)]


def text_altered(column: str) -> str:
    """SQL over OLD and NEW: the text of an encrypted column changes, other than by key rotation encrypting it anew.

    A trigger cannot read cipher texts, so it goes by the mark that only rotation writes: what comes through the fields
    (services, admin, shell, with or without a key) never passes. A statement written by hand with that very mark does.
    Where the text itself is evidence, its hash therefore stands beside it, is frozen, and is compared by who reads it.
    """
    rotated = f"substr(COALESCE(NEW.{column}, ''), 1, {len(MARK_OF_ROTATION)}) = '{MARK_OF_ROTATION}'"
    return f"(OLD.{column} IS DISTINCT FROM NEW.{column} AND (COALESCE(OLD.{column}, '') = '' OR NOT {rotated}))"


def _is_encrypted(field: "models.Field[Any, Any]") -> bool:
    return isinstance(field, EncryptedTextField | EncryptedJSONField)


def frozen(*, when: str, columns: Iterable[str], inserts: str = "") -> Callable[[M], M]:
    """Once `when` (SQL over OLD) holds, `columns` never change and the row is never deleted.

    `inserts` (SQL over NEW), if given, also refuses new rows.
    """

    def register(model: M) -> M:
        table = model._meta.db_table
        message = f"{table} is frozen once published"
        changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
        _guards.append(Guard(model, f"{table}_frozen_update", "UPDATE", f"({when}) AND ({changed})", message))
        _guards.append(Guard(model, f"{table}_frozen_delete", "DELETE", when, message))
        _guards.append(Guard(model, f"{table}_frozen_truncate", "TRUNCATE", "1 = 1", message))
        if inserts:
            _guards.append(Guard(model, f"{table}_frozen_insert", "INSERT", inserts, message))
        return model

    return register


def refused(operation: str, *, name: str, when: str, message: str) -> Callable[[M], M]:
    """A rule of the model's own: abort `operation` when `when` (SQL over OLD and NEW) holds. No quotes in `message`."""

    def register(model: M) -> M:
        _guards.append(Guard(model, f"{model._meta.db_table}_{name}", operation, when, message))
        return model

    return register


def _postgres_sql(guard: Guard) -> list[str]:
    row = {"DELETE": "OLD", "TRUNCATE": "NULL"}.get(guard.operation, "NEW")
    each = "STATEMENT" if guard.operation == "TRUNCATE" else "ROW"
    return [
        f"""CREATE OR REPLACE FUNCTION {guard.name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF {guard.condition} THEN
                    RAISE EXCEPTION USING MESSAGE = '{guard.message}', ERRCODE = 'integrity_constraint_violation';
                END IF;
                RETURN {row};
            END $$""",
        f"DROP TRIGGER IF EXISTS {guard.name} ON {guard.table}",
        f"CREATE TRIGGER {guard.name} BEFORE {guard.operation} ON {guard.table} "
        f"FOR EACH {each} EXECUTE FUNCTION {guard.name}()",
    ]


def _sqlite_sql(guard: Guard) -> list[str]:
    condition = guard.condition.replace("IS DISTINCT FROM", "IS NOT")  # SQLite before 3.39 lacks the standard word
    return [
        f"DROP TRIGGER IF EXISTS {guard.name}",
        f"CREATE TRIGGER {guard.name} BEFORE {guard.operation} ON {guard.table} FOR EACH ROW WHEN {condition} "
        f"BEGIN SELECT RAISE(ABORT, '{guard.message}'); END",
    ]


def _declared() -> list[Guard]:
    """The guards that this database can have."""
    return [guard for guard in _guards if guard.operation != "TRUNCATE" or connection.vendor == "postgresql"]


def create_guards() -> None:
    """Create every declared trigger whose table exists. Safe to repeat."""
    to_sql = _postgres_sql if connection.vendor == "postgresql" else _sqlite_sql
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        for guard in _declared():
            if guard.table in tables:
                for statement in to_sql(guard):
                    cursor.execute(statement)


def drop_guards() -> None:
    """Before SQLite tables are made anew by a migration, and in tests, which empty tables between cases."""
    with connection.cursor() as cursor:
        for guard in _declared():
            on = f" ON {guard.table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {guard.name}{on}")


@contextmanager
def guards_lifted(table: str) -> Iterator[None]:
    """For a migration that fills a new column of guarded rows: PostgreSQL's triggers are off in its transaction only.

    SQLite's are gone while it migrates (`CommonConfig`); dropped here as well, for a migration that is run by itself.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            connection.check_constraints()  # a table with checks that wait for the commit cannot be altered
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            yield
            connection.check_constraints()
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        else:
            drop_guards()
            yield


def missing_guards() -> list[str]:
    """Names of declared triggers that the database lacks."""
    query = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        present = {name for (name,) in cursor.fetchall()}
    return [guard.name for guard in _declared() if guard.name not in present]

"""Encrypts every stored value anew under the newest key, so that older keys can be thrown away."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction

from apps.common.crypto import CannotDecrypt, encrypt_anew, is_current
from apps.common.crypto.storage import reseal
from apps.common.fields import EncryptedJSONField, EncryptedTextField

EncryptedField = EncryptedTextField | EncryptedJSONField


@dataclass
class Rotation:
    """What became of one model's values. `unreadable` names those that no key fits, as ``column of row pk``."""

    model: type[models.Model]
    rows: int = 0
    rewritten: int = 0
    unreadable: list[str] = field(default_factory=list)


def encrypted_fields(model: type[models.Model]) -> list[EncryptedField]:
    return [f for f in model._meta.local_concrete_fields if isinstance(f, EncryptedField)]


def encrypted_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if encrypted_fields(model)]


def rotate_model(
    model: type[models.Model], *, batch_size: int = 500, on_progress: Callable[[Rotation], None] | None = None
) -> Rotation:
    """Rewrite what is not yet under the newest key, `batch_size` rows a transaction.

    It can be stopped and started again at any time: a value tells by itself whether it was done. A value that somebody
    else changed in between is left to them, and what they wrote is under the newest key already.
    """
    rotation = Rotation(model)
    fields = encrypted_fields(model)
    for batch in _batches(model, fields, batch_size):
        with transaction.atomic():
            for pk, *stored in batch:
                for one, value in zip(fields, stored, strict=True):
                    _rotate_value(rotation, one, pk, value)
        rotation.rows += len(batch)
        if on_progress:
            on_progress(rotation)
    return rotation


def file_fields(model: type[models.Model]) -> "list[models.FileField]":
    """Columns that name files which are sealed where a key is set."""
    fields = [f for f in model._meta.local_concrete_fields if isinstance(f, models.FileField)]
    return [f for f in fields if hasattr(f.storage, "seals")]


def rotate_files(model: type[models.Model]) -> Rotation:
    """As `rotate_model`, for the files that a model's rows name. One that was deleted meanwhile stays so."""
    rotation = Rotation(model)
    for one in file_fields(model):
        named = model._base_manager.exclude(**{one.name: ""}).order_by("pk")
        for pk, name in named.values_list("pk", one.name).iterator():
            rotation.rows += 1
            try:
                rotation.rewritten += reseal(Path(one.storage.path(name)))
            except CannotDecrypt:
                rotation.unreadable.append(f"file {name} of row {pk}")
            except FileNotFoundError:
                continue
            if not model._base_manager.filter(pk=pk, **{one.name: name}).exists():
                one.storage.delete(name)
    return rotation


def _rotate_value(rotation: Rotation, one: EncryptedField, pk: Any, stored: str | None) -> None:
    always = getattr(one, "always", False)
    if not stored or is_current(stored, always=always):
        return
    try:
        fresh = encrypt_anew(stored, always=always)
    except CannotDecrypt:
        rotation.unreadable.append(f"{one.column} of row {pk}")
        return
    table, column, key = _names(rotation.model, one, rotation.model._meta.pk)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {column} = %s WHERE {key} = %s AND {column} = %s",  # noqa: S608  names of our models
            [fresh, pk, stored],
        )
        rotation.rewritten += cursor.rowcount


def _batches(model: type[models.Model], fields: list[EncryptedField], size: int) -> Iterator[list[tuple[Any, ...]]]:
    """(pk, stored texts...) in order of pk: plain SQL, because the fields would decrypt what they read."""
    table, key, *columns = _names(model, model._meta.pk, *fields)
    first = f"SELECT {', '.join([key, *columns])} FROM {table}"  # noqa: S608  names of our models
    order = f"ORDER BY {key} LIMIT {size}"
    batch = _fetch(f"{first} {order}", [])
    while batch:
        yield batch
        batch = _fetch(f"{first} WHERE {key} > %s {order}", [batch[-1][0]])


def _fetch(query: str, params: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return list(cursor.fetchall())


def _names(model: type[models.Model], *fields: Any) -> list[str]:
    """The quoted names of the model's table and of the columns of `fields`."""
    return [connection.ops.quote_name(name) for name in (model._meta.db_table, *(field.column for field in fields))]

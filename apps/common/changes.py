"""A row is edited: what differs is stored, and told to the audit log."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from django.db import models
from django.forms import BaseForm

from apps.common import audit
from apps.common.audit import Actor
from apps.common.database import hold

Row = TypeVar("Row", bound=models.Model)


def changes_of(form: BaseForm) -> dict[str, Any]:
    """What somebody changed in a form, by field: what they left alone may have been changed by others meanwhile."""
    return {name: form.cleaned_data[name] for name in form.changed_data}


def change_row(row: Row, values: Mapping[str, object], *, by: Actor, private: Collection[str] = ()) -> Row:
    """The stored row with `values`, by field, in it. Call it in the transaction of the service whose values these are.

    The log has each new value beside the one before, ``{"plan": "plus", "plan_was": "free"}``, and of `private` fields
    only that they changed, ``{"email": "changed"}``. Where nothing differs, nothing is written.
    """
    hold(row)
    stored = type(row)._default_manager.get(pk=row.pk)
    changed = {name: value for name, value in values.items() if value != getattr(stored, name)}
    if not changed:
        return stored
    data: dict[str, Any] = {}
    for name, value in changed.items():
        told = {name: _plain(value), f"{name}_was": _plain(getattr(stored, name))}
        data |= {name: "changed"} if name in private else told
        setattr(stored, name, value)
    stored.save()
    audit.record("changed", by=by, target=stored, **data)
    return stored


def _plain(value: object) -> object:
    """As JSON has it: dates as text."""
    return value if value is None or isinstance(value, str | int | float) else str(value)

"""The audit log's one door. Call it in the transaction that does what it records."""

from typing import Any, Protocol

from django.db import models

from apps.common.models import AuditEvent


class Actor(Protocol):
    """Whoever a service acts for: a user, an API key, or SYSTEM."""

    @property
    def audit_name(self) -> str: ...


class _System:
    audit_name = "system"


SYSTEM: Actor = _System()


def record(verb: str, *, by: Actor, target: models.Model, **data: Any) -> None:
    """Append one event about `target`. `data` is small and JSON: numbers and names, never personal data or secrets."""
    organization = getattr(target, "organization", None)
    AuditEvent.objects.create(
        organization=getattr(organization, "slug", ""),
        actor=by.audit_name,
        verb=verb,
        object_type=target._meta.label_lower,
        object_id=str(target.pk),
        data=data,
    )

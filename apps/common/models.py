from django.db import models

from apps.common.guards import append_only


class TimeStamped(models.Model):
    """Every row knows when it was made and last touched."""

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


def both_or_neither(*fields: str, name: str) -> models.CheckConstraint:
    """A constraint for pairs that travel together, such as `published_at` with `published_by`.

    Text columns count as absent when they are empty, others when they are NULL; name those `*_by`, `*_reason`.
    """
    present, absent = models.Q(), models.Q()
    for field in fields:
        is_text = field.endswith(("_by", "_reason", "_token"))
        empty = models.Q(**{field: ""}) if is_text else models.Q(**{f"{field}__isnull": True})
        present &= ~empty
        absent &= empty
    return models.CheckConstraint(condition=present | absent, name=name)


@append_only
class AuditEvent(models.Model):
    """Who did what to which object. Texts, no foreign keys: it outlives what it describes. Append-only by trigger."""

    at = models.DateTimeField(auto_now_add=True)
    organization = models.CharField(max_length=100, blank=True)  # slug, so that a list can be scoped
    actor = models.CharField(max_length=254)
    verb = models.CharField(max_length=100)
    object_type = models.CharField(max_length=100)
    object_id = models.CharField(max_length=100)
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes = [
            # "what happened to this object", on every detail page
            models.Index(fields=["object_type", "object_id", "-at"], name="audit_by_object"),
            # the organization's log, newest first
            models.Index(fields=["organization", "-at"], name="audit_by_organization"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.verb} {self.object_type} {self.object_id}"


class Heartbeat(models.Model):
    """The worker's last sign of life, written by a scheduled job each minute; `/readyz` reads it."""

    name = models.CharField(max_length=50, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"

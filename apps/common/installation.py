"""What this installation remembers about itself, in the audit log: which one-time steps began and which are done."""

from django.contrib.auth import get_user_model

from apps.common.models import AuditEvent


def is_new() -> bool:
    """Whether nobody has ever been given a way in, however far its set-up came."""
    return not get_user_model().objects.exists()


def note(step: str, verb: str) -> None:
    AuditEvent.objects.create(actor="system", verb=verb, object_type="installation", object_id=step)


def is_noted(step: str, verb: str) -> bool:
    return AuditEvent.objects.filter(object_type="installation", object_id=step, verb=verb).exists()

"""What an organization knows to be personal, beside what is recognised: replaced wherever it occurs (PB6)."""

from django.db import IntegrityError, transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Conflict, InvalidInput
from apps.common.ids import content_hash
from apps.contributions.models import ProtectedName
from apps.organizations.actors import must_belong
from apps.organizations.models import Organization

MIN_CHARACTERS, MAX_CHARACTERS = 2, 500


@transaction.atomic
def protect_name(*, organization: Organization, kind: str, value: str, by: Actor) -> ProtectedName:
    """InvalidInput for what is too short to be told from other words; Conflict if it is protected already."""
    must_belong(by=by, organization=organization, what="organization")
    words = " ".join(value.split())
    if not MIN_CHARACTERS <= len(words) <= MAX_CHARACTERS or not any(map(str.isalnum, words)):
        raise InvalidInput(
            "This cannot be told from other words.",
            resolution=f"Give {MIN_CHARACTERS} to {MAX_CHARACTERS} characters, with a letter or a digit.",
            param="value",
        )
    try:
        with transaction.atomic():
            name = ProtectedName.objects.create(
                organization=organization,
                kind=kind,
                value=words,
                value_hash=content_hash({"kind": kind, "value": words.casefold()}),
                added_by=by.audit_name,
            )
    except IntegrityError:
        raise Conflict("It is protected already.", resolution="Nothing needs to be done.", code="known_name") from None
    audit.record("protected", by=by, target=name, kind=kind)
    return name


@transaction.atomic
def stop_protecting_name(*, name: ProtectedName, by: Actor) -> None:
    must_belong(by=by, organization=name.organization, what="name")
    audit.record("unprotected", by=by, target=name, kind=name.kind)
    ProtectedName.objects.filter(pk=name.pk).delete()

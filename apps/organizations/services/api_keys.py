from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import InvalidInput
from apps.common.ids import new_id, sha256
from apps.organizations.enums import Scope
from apps.organizations.models import ApiKey, Organization

API_KEY_DAYS = 365


@transaction.atomic
def create_api_key(
    *, organization: Organization, name: str, scopes: Iterable[str], by: Actor, now: datetime, days: int = API_KEY_DAYS
) -> tuple[ApiKey, str]:
    """The key's row and its token, ``fw_<public id>_<secret>``, which cannot be had again: only its hash is kept."""
    chosen = sorted(set(scopes))
    unknown = [scope for scope in chosen if scope not in Scope.values]
    if unknown or not chosen:
        raise InvalidInput(
            f"Unknown scope: {unknown[0]}." if unknown else "A key needs at least one scope.",
            resolution=f"Choose from: {', '.join(Scope.values)}.",
            param="scopes",
        )
    secret = new_id("", length=40)
    key = ApiKey.objects.create(
        organization=organization,
        name=name,
        public_id=new_id("", length=12),
        secret_sha256=sha256(secret.encode()),
        scopes=chosen,
        expires_at=now + timedelta(days=days),
        created_by=by.audit_name,
    )
    audit.record("created", by=by, target=key, scopes=chosen)
    return key, f"fw_{key.public_id}_{secret}"


@transaction.atomic
def revoke_api_key(*, key: ApiKey, by: Actor, now: datetime) -> bool:
    """True if this call revoked it, False if it was revoked before."""
    changed = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now, revoked_by=by.audit_name)
    if changed:
        audit.record("revoked", by=by, target=key)
    return bool(changed)


def note_api_key_use(*, key: ApiKey, now: datetime) -> None:
    """Remember the day a key was last used: at most one write a day."""
    if key.last_used_on != now.date():
        ApiKey.objects.filter(pk=key.pk).update(last_used_on=now.date())

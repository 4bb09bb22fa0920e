from datetime import datetime

from apps.common.ids import sha256
from apps.organizations.enums import Role
from apps.organizations.models import ApiKey, Organization, User


def organizations_of(*, user: User) -> list[Organization]:
    """The active organizations a user is a member of; for a superuser, all of them."""
    organizations = Organization.objects.filter(is_active=True)
    if not user.is_superuser:
        organizations = organizations.filter(pk__in=user.memberships.values("organization"))
    return list(organizations)


def find_api_key(*, token: str, now: datetime) -> ApiKey | None:
    """The usable key that ``fw_<public id>_<secret>`` stands for, its organization loaded; one query."""
    prefix, _, rest = token.partition("_")
    public_id, _, secret = rest.partition("_")
    if prefix != "fw" or not secret:
        return None
    return (
        ApiKey.objects.usable(now=now)
        .filter(public_id=public_id, secret_sha256=sha256(secret.encode()), organization__is_active=True)
        .select_related("organization")
        .first()
    )


def roles_of(*, user: User) -> dict[int, str]:
    """The user's role in each of their active organizations, by its id.

    Kept on the instance, which lives as long as its request: the admin's menu alone asks a hundred times.
    """
    known: dict[int, str] | None = user.__dict__.get("_roles")
    if known is None:
        known = dict(user.memberships.filter(organization__is_active=True).values_list("organization_id", "role"))
        user.__dict__["_roles"] = known
    return known


def may_write(*, user: User, organization_id: int | None = None) -> bool:
    """Whether the user's role in that organization (in any, where none is named) allows changes."""
    if user.is_superuser:
        return True
    roles = roles_of(user=user)
    chosen = roles.values() if organization_id is None else [roles.get(organization_id)]
    return any(role in Role.may_write() for role in chosen)

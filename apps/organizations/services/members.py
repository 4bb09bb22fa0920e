from collections.abc import Iterable, Mapping

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.database import hold
from apps.common.errors import Conflict
from apps.organizations.enums import Role
from apps.organizations.models import Membership, Organization, User


@transaction.atomic
def add_member(*, organization: Organization, user: User, role: Role, by: Actor) -> Membership:
    """Make `user` a member with `role`, or change the role of one who is."""
    membership, _ = Membership.objects.update_or_create(organization=organization, user=user, defaults={"role": role})
    audit.record("set_role", by=by, target=membership, role=role, user=user.pk)
    return membership


@transaction.atomic
def change_members(
    *, organization: Organization, roles: Mapping[User, Role], removed: Iterable[Membership] = (), by: Actor
) -> None:
    """Give people roles and remove members, all or nothing: ownership passes on in one step.

    Conflict `last_owner`: an organization that has an owner would be left without one.
    """
    hold(organization)  # two owners who remove each other at once
    owners = Membership.objects.filter(organization=organization, role=Role.OWNER)
    was_owned = owners.exists()
    for user, role in roles.items():
        add_member(organization=organization, user=user, role=role, by=by)
    for membership in removed:
        _remove(membership, by=by)
    if was_owned and not owners.exists():
        raise Conflict(
            f"{organization} would be left without an owner, and nobody in it could give roles.",
            resolution="Make another member an owner first.",
            code="last_owner",
        )


def _remove(membership: Membership, *, by: Actor) -> None:
    """They are a person of the installation still, and what they did keeps their name."""
    audit.record("removed", by=by, target=membership, role=membership.role, user=membership.user_id)
    membership.delete()

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.organizations.enums import Role
from apps.organizations.models import Membership, Organization, User


@transaction.atomic
def add_member(*, organization: Organization, user: User, role: Role, by: Actor) -> Membership:
    """Make `user` a member with `role`, or change the role of one who is."""
    membership, _ = Membership.objects.update_or_create(organization=organization, user=user, defaults={"role": role})
    audit.record("set_role", by=by, target=membership, role=role, user=user.pk)
    return membership


@transaction.atomic
def remove_member(*, membership: Membership, by: Actor) -> None:
    """They are a person of the installation still, and what they did keeps their name."""
    audit.record("removed", by=by, target=membership, role=membership.role, user=membership.user_id)
    membership.delete()

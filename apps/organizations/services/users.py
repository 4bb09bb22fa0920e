from typing import TypedDict, Unpack

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.changes import change_row
from apps.common.errors import Conflict
from apps.organizations.models import User


@transaction.atomic
def create_user(*, email: str, by: Actor, name: str = "", is_staff: bool = False, is_superuser: bool = False) -> User:
    """A person without a password: they sign in by an e-mailed code. Conflict if somebody has the address."""
    _check_email(email)
    user = User.objects.create_user(email, name=name, is_staff=is_staff, is_superuser=is_superuser)
    audit.record("created", by=by, target=user, is_staff=is_staff, is_superuser=is_superuser)
    return user


class UserChanges(TypedDict, total=False):
    email: str
    name: str
    is_active: bool
    is_staff: bool
    is_superuser: bool


@transaction.atomic
def change_user(*, user: User, by: Actor, **changes: Unpack[UserChanges]) -> User:
    """Conflict if somebody else has the address. The log tells neither address nor name, only that they changed."""
    if "email" in changes:
        _check_email(changes["email"], besides=user.pk)
        changes["email"] = User.objects.normalize_email(changes["email"])
    return change_row(user, changes, by=by, private={"email", "name"})


def _check_email(email: str, *, besides: int = 0) -> None:
    if User.objects.filter(email=User.objects.normalize_email(email)).exclude(pk=besides).exists():
        raise Conflict("Somebody has this address already.", resolution="Find them in the list.", param="email")

"""Who a service acts for, and where they may."""

from apps.common.audit import Actor
from apps.common.errors import NotAllowed, NotFound
from apps.organizations.models import ApiKey, Organization, User
from apps.organizations.queries import may_write, roles_of


class ApiKeyUser:
    """What `request.user` is for a call made with a key: the organization's program, not a person."""

    is_authenticated = True
    is_active = True
    is_staff = False
    is_superuser = False
    is_anonymous = False
    pk = None

    def __init__(self, key: ApiKey) -> None:
        self.key = key

    @property
    def audit_name(self) -> str:
        return self.key.audit_name

    @property
    def organization(self) -> Organization:
        return self.key.organization


def must_belong(*, by: Actor, organization: Organization, what: str) -> None:
    """Views scope their requests already; services ask this where something goes live or costs money.

    NotFound, as if it did not exist, for a person or key of another organization. NotAllowed for a member who may
    only look: somebody can manage one organization and be a viewer in the next. The system may everywhere.
    """
    belongs = writes = True
    if isinstance(by, ApiKeyUser):
        belongs = by.organization.pk == organization.pk
    elif isinstance(by, User) and not by.is_superuser:
        belongs = organization.pk in roles_of(user=by)
        writes = may_write(user=by, organization_id=organization.pk)
    if not belongs:
        raise NotFound(f"There is no such {what}.", resolution="Check the id, and that it is of your organization.")
    if not writes:
        raise NotAllowed(
            f"As a viewer of {organization} you may only look.", resolution="Ask one of its owners or managers."
        )

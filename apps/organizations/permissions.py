"""Who may call which endpoint. A view names the scopes it needs: `read_scopes` (safe methods) and `write_scopes`."""

from typing import Any

from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.common.audit import Actor
from apps.common.errors import InvalidInput, NotAllowed
from apps.organizations.actors import ApiKeyUser
from apps.organizations.enums import Scope
from apps.organizations.models import ApiKey, Organization, User
from apps.organizations.queries import may_write, organizations_of


class InOrganization(BasePermission):
    """A key with the view's scopes, or a member whose role in the request's organization allows it."""

    message = "Your role does not allow this."

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        if isinstance(request.auth, ApiKey):
            return _key_may(request, view, request.auth)
        user: Any = request.user
        if not isinstance(user, User) or not organizations_of(user=user):
            return False
        return request.method in SAFE_METHODS or may_write(user=user, organization_id=organization_of(request).pk)


def _key_may(request: Request, view: Any, key: ApiKey) -> bool:
    """True; NotAllowed, naming the scopes, for a key without them; MethodNotAllowed where no key may ever write."""
    safe = request.method in SAFE_METHODS
    scopes = getattr(view, "read_scopes" if safe else "write_scopes", (Scope.READ,) if safe else ())
    if not scopes:
        raise MethodNotAllowed(request.method or "")
    if missing := [scope for scope in scopes if not key.allows([scope])]:
        raise NotAllowed(
            f"This API key lacks the scope {' and '.join(missing)}.",
            resolution="An owner or manager makes a key with that scope at /admin/organizations/apikey/.",
        )
    return True


def acting(request: Request) -> Actor:
    """Who the request acts for, as the services' `by`."""
    user: Any = request.user
    if not isinstance(user, User | ApiKeyUser):
        raise NotAuthenticated
    return user


def organization_of(request: Request) -> Organization:
    """The one organization a request works in: the key's, or the member's, named by ``?organization=`` if several."""
    if isinstance(request.auth, ApiKey):
        return request.auth.organization
    user: Any = request.user
    if not isinstance(user, User):
        raise NotAuthenticated
    organizations = organizations_of(user=user)
    wanted = request.query_params.get("organization", "")
    chosen = [organization for organization in organizations if not wanted or organization.slug == wanted]
    if len(chosen) != 1:
        raise InvalidInput(
            "It is not clear which organization this is for." if chosen else "You are not a member of it.",
            resolution="Add ?organization= with one of: " + ", ".join(o.slug for o in organizations),
            param="organization",
        )
    return chosen[0]

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.organizations.enums import Scope
from apps.organizations.models import ApiKey


class SeesEarnings(BasePermission):
    """A key with the `read` scope, or anybody signed in: what they get to see, the view's query decides."""

    message = "This needs an API key with the scope `read`, or a signed-in person."

    def has_permission(self, request: Request, view: Any) -> bool:
        if isinstance(request.auth, ApiKey):
            return request.auth.allows([Scope.READ])
        return bool(request.user and request.user.is_authenticated)

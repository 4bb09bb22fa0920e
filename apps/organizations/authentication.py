"""``Authorization: Bearer fw_<public id>_<secret>`` for DRF: a key is an authentication, not only a permission."""

from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.organizations.actors import ApiKeyUser
from apps.organizations.models import ApiKey
from apps.organizations.queries import find_api_key
from apps.organizations.services import note_api_key_use


class ApiKeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[ApiKeyUser, ApiKey] | None:
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        now = timezone.now()
        key = find_api_key(token=token.strip(), now=now)
        if key is None:
            raise AuthenticationFailed("This API key is unknown, expired or revoked.")
        origin = request.headers.get("Origin")
        if origin and key.allowed_origins and origin not in key.allowed_origins:
            raise AuthenticationFailed("This API key may not be used from this origin.")
        note_api_key_use(key=key, now=now)
        return ApiKeyUser(key), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API description names the key."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key: fw_<public id>_<secret>"}

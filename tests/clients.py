"""Who calls: a program with an API key, or staff in the admin."""

from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.common.audit import SYSTEM
from apps.organizations.enums import Scope
from apps.organizations.models import Organization
from apps.organizations.services import create_api_key
from tests.factories import MembershipFactory, UserFactory


def key_client(organization: Organization, *scopes: str) -> APIClient:
    """Calls with a new key of the organization; with every scope unless some are named."""
    _, token = create_api_key(
        organization=organization, name="test", scopes=scopes or Scope.values, by=SYSTEM, now=timezone.now()
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def staff_client(organization: Organization, role: str = "manager") -> Client:
    """A new member of the organization, signed in to the admin."""
    client = Client()
    client.force_login(MembershipFactory(organization=organization, role=role, user=UserFactory(is_staff=True)).user)
    return client

"""A person is known by their address, however it is typed."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Upper
from django.test import Client
from django.urls import reverse

from apps.organizations.models import User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
ADD = {"email": "Ada@Example.ORG", "name": "Ada", "is_active": "on"}


@pytest.fixture
def client() -> Client:
    """A superuser's."""
    client = Client()
    client.force_login(
        UserFactory(is_staff=True, is_superuser=True), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


def test_an_address_is_kept_in_lower_case() -> None:
    assert User.objects.create_user(" Ada@Example.ORG ").email == "ada@example.org"
    assert User.objects.create_superuser("BEN@example.org").email == "ben@example.org"
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("ADA@example.org")


def test_the_database_keeps_no_other() -> None:
    user = UserFactory()
    with pytest.raises(IntegrityError, match="user_email_in_lower_case"), transaction.atomic():
        UserFactory(email="Ada@example.org")
    with pytest.raises(IntegrityError, match="user_email_in_lower_case"), transaction.atomic():
        User.objects.filter(pk=user.pk).update(email=Upper(F("email")))


def test_the_admin_adds_nobody_twice(client: Client) -> None:
    url = reverse("admin:organizations_user_add")
    assert client.post(url, ADD).status_code == 302
    assert User.objects.get(name="Ada").email == "ada@example.org"
    again = client.post(url, {**ADD, "email": "ADA@EXAMPLE.ORG"})
    assert again.context["adminform"].errors == {"email": ["User with this Email already exists."]}
    assert User.objects.filter(name="Ada").count() == 1


@pytest.mark.django_db(transaction=True)
def test_older_addresses_are_written_in_lower_case() -> None:
    call_command("migrate", "organizations", "0001", verbosity=0)
    UserFactory(email="Ada@Example.org")
    ben, twin = UserFactory(email="Ben@example.org"), UserFactory(email="ben@example.org")
    with pytest.raises(RuntimeError, match=f"Users {ben.pk} and {twin.pk} have the same address"):
        call_command("migrate", verbosity=0)
    twin.delete()
    call_command("migrate", verbosity=0)
    assert set(User.objects.values_list("email", flat=True)) == {"ada@example.org", "ben@example.org"}

"""A form in the admin that a service refuses."""

import pytest
from django.urls import reverse

from apps.providers.models import ProviderCredential
from tests.clients import staff_client
from tests.factories import OrganizationFactory
from tests.forms import filled

pytestmark = pytest.mark.django_db
INSIDE, OUTSIDE = "https://10.0.0.1/v1", "https://8.8.8.8/v1"


def test_what_was_typed_stays_under_the_refusal() -> None:
    organization = OrganizationFactory()
    client = staff_client(organization)
    url = reverse("admin:providers_providercredential_add")
    typed = filled(client.get(url)) | {
        "provider": "openai",
        "name": "Our own machine",
        "base_url": INSIDE,
        "new_key": "sk-secret",
    }
    refused = client.post(url, typed | {"organization": organization.pk})
    assert refused.status_code == 200
    form = refused.context["adminform"].form
    assert form.non_field_errors() == [
        "This address is inside a private network. Enter the provider's public address, like https://api.example.com/v1."
    ]
    page = refused.content.decode()
    assert "inside a private network" in page
    assert page.count("Our own machine") == 1
    assert INSIDE in page
    assert "sk-secret" not in page
    assert not ProviderCredential.objects.exists()


def test_a_row_that_is_there_keeps_what_it_was() -> None:
    organization = OrganizationFactory()
    client = staff_client(organization)
    adding = reverse("admin:providers_providercredential_add")
    typed = {
        "organization": organization.pk,
        "provider": "openai",
        "name": "Before",
        "base_url": OUTSIDE,
        "new_key": "sk-secret",
    }
    client.post(adding, filled(client.get(adding)) | typed)
    credential = ProviderCredential.objects.get()
    url = reverse("admin:providers_providercredential_change", args=[credential.pk])
    refused = client.post(url, filled(client.get(url)) | {"name": "After", "base_url": INSIDE, "new_key": "sk-secret"})
    assert refused.context["adminform"].form["name"].value() == "After"
    assert "inside a private network" in refused.content.decode()
    credential.refresh_from_db()
    assert credential.name == "Before"
    again = client.post(url, filled(refused) | {"base_url": OUTSIDE, "new_key": "sk-secret"})
    assert again.status_code == 302
    credential.refresh_from_db()
    assert credential.name == "After"

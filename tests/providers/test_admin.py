from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.common.audit import SYSTEM
from apps.common.errors import InvalidInput
from apps.common.models import AuditEvent
from apps.organizations.models import Organization
from apps.providers.models import BaseModel, ModelPrice, ProviderCredential
from apps.providers.services import create_base_model, create_credential, load_catalogue
from tests.factories import MembershipFactory, OrganizationFactory, UserFactory
from tests.forms import filled

pytestmark = pytest.mark.django_db
KEY = "sk-a-very-secret-key"
CREDENTIALS = "admin:providers_providercredential"
PRICES = "admin:providers_modelprice"


def client_of(organization: Organization | None = None) -> Client:
    """A manager of the organization; without one, a superuser."""
    user = UserFactory(is_staff=True, is_superuser=organization is None)
    if organization:
        MembershipFactory(user=user, organization=organization)
    client = Client()
    client.force_login(user)
    return client


def fields(credential: ProviderCredential, **changes: Any) -> dict[str, Any]:
    return {"name": credential.name, "base_url": credential.base_url, "new_key": "", "is_active": "on", **changes}


def credential(**changes: Any) -> ProviderCredential:
    values = {"organization": OrganizationFactory(), "provider": "openai", "name": "Ours", "api_key": KEY, **changes}
    return create_credential(base_url="https://api.example.com/v1", by=SYSTEM, **values)


def refusals_of(response: Any) -> list[str]:
    """What stands over the form."""
    return list(response.context["adminform"].form.non_field_errors())


def test_a_credential_is_made_and_its_key_never_shown() -> None:
    organization = OrganizationFactory()
    client = client_of(organization)
    wanted = {
        "organization": organization.pk,
        "provider": "openai",
        "name": "Ours",
        "base_url": "https://api.example.com/v1",
        "new_key": KEY,
        "is_active": "on",
    }
    client.post(reverse(f"{CREDENTIALS}_add"), wanted)
    made = ProviderCredential.objects.get()
    assert made.api_key == KEY
    for page in (reverse(f"{CREDENTIALS}_change", args=[made.pk]), reverse(f"{CREDENTIALS}_changelist")):
        response = client.get(page)
        assert response.status_code == 200
        assert KEY not in response.content.decode()


def test_the_key_stays_until_the_url_changes() -> None:
    made = credential()
    client, page = client_of(made.organization), reverse(f"{CREDENTIALS}_change", args=[made.pk])
    client.post(page, fields(made, name="Renamed"))
    made.refresh_from_db()
    assert (made.name, made.api_key) == ("Renamed", KEY)
    client.post(page, fields(made, base_url="https://evil.example.com/v1"))
    made.refresh_from_db()
    assert (made.base_url, made.api_key) == ("https://evil.example.com/v1", "")


def test_a_refusal_stands_over_the_form() -> None:
    made = credential()
    client, page = client_of(made.organization), reverse(f"{CREDENTIALS}_change", args=[made.pk])
    response = client.post(page, fields(made, base_url="https://10.0.0.1/v1"), follow=True)
    assert "This address is inside a private network." in refusals_of(response)[0]
    made.refresh_from_db()
    assert (made.base_url, made.api_key) == ("https://api.example.com/v1", KEY)


def test_a_stranger_finds_no_credential() -> None:
    made = credential()
    stranger = client_of(OrganizationFactory())
    page = reverse(f"{CREDENTIALS}_change", args=[made.pk])
    assert stranger.get(page).status_code == 302
    stranger.post(page, fields(made, name="Stolen"))
    made.refresh_from_db()
    assert made.name == "Ours"
    assert "Ours" not in stranger.get(reverse(f"{CREDENTIALS}_changelist")).content.decode()


def price(model: BaseModel, day: date, **micros: int) -> dict[str, Any]:
    kinds = ("training", "input", "cached_input", "output", "tuned_input", "tuned_cached_input", "tuned_output")
    return {
        "base_model": model.pk,
        "valid_from": day.isoformat(),
        "currency": "USD",
        **dict.fromkeys(kinds, 1),
        **micros,
    }


def test_a_price_is_closed_and_replaced() -> None:
    load_catalogue(by=SYSTEM, now=timezone.now())
    model = BaseModel.objects.get(name="gpt-4o-2024-08-06")
    client = client_of()
    client.post(reverse(f"{PRICES}_add"), price(model, date(2026, 12, 1), training=30))
    assert list(model.prices.values_list("valid_from", "valid_to", "training")) == [
        (date(2026, 12, 1), None, 30_000_000),
        (date(2025, 4, 14), date(2026, 12, 1), 25_000_000),
    ]
    response = client.post(reverse(f"{PRICES}_add"), price(model, date(2026, 12, 1)), follow=True)
    assert response.status_code == 200
    assert model.prices.count() == 2


def test_a_price_cannot_be_edited_or_deleted() -> None:
    load_catalogue(by=SYSTEM, now=timezone.now())
    row = ModelPrice.objects.first()
    assert row is not None
    client = client_of()
    page = reverse(f"{PRICES}_change", args=[row.pk])
    assert client.get(page).status_code == 200
    assert client.post(page, price(row.base_model, date(2027, 1, 1))).status_code == 403
    assert client.post(reverse(f"{PRICES}_delete", args=[row.pk])).status_code == 403


def test_the_catalogue_is_the_installations() -> None:
    load_catalogue(by=SYSTEM, now=timezone.now())
    page = reverse("admin:providers_basemodel_changelist")
    assert client_of(OrganizationFactory()).get(page).status_code == 403
    content = client_of().get(page).content.decode()
    assert "$25.00" in content
    assert "14 Jan 2027" in content
    model = BaseModel.objects.get(name="recall-1")
    assert client_of().get(reverse("admin:providers_basemodel_change", args=[model.pk])).status_code == 200


def edited(client: Client, model: BaseModel, **changes: Any) -> Any:
    page = reverse("admin:providers_basemodel_change", args=[model.pk])
    return client.post(page, {**filled(client.get(page)), **changes}, follow=True)


def told_of(model: BaseModel, verb: str) -> list[dict[str, Any]]:
    about = {"object_type": "providers.basemodel", "object_id": str(model.pk)}
    return list(AuditEvent.objects.filter(verb=verb, **about).order_by("pk").values_list("data", flat=True))


def test_the_log_tells_what_changes_in_the_catalogue() -> None:
    client = client_of()
    page = reverse("admin:providers_basemodel_add")
    client.post(page, {**filled(client.get(page)), "provider": "openai", "name": "gpt-9", "can_train": "on"})
    model = BaseModel.objects.get(name="gpt-9")
    assert (model.can_train, model.context_tokens) == (True, 128_000)
    assert told_of(model, "created") == [{"provider": "openai", "name": "gpt-9"}]

    edited(client, model, shutdown_date="2027-01-14", context_tokens=64_000)
    model.refresh_from_db()
    assert (model.shutdown_date, model.context_tokens) == (date(2027, 1, 14), 64_000)
    said = {
        "shutdown_date": "2027-01-14",
        "shutdown_date_was": None,
        "context_tokens": 64_000,
        "context_tokens_was": 128_000,
    }
    assert told_of(model, "changed") == [said]
    edited(client, model)
    assert len(told_of(model, "changed")) == 1


def test_a_model_of_an_unknown_provider_is_refused() -> None:
    load_catalogue(by=SYSTEM, now=timezone.now())
    model = BaseModel.objects.get(name="recall-1")
    refused = edited(client_of(), model, provider="openia")
    assert "There is no provider called 'openia'. Choose one of: openai." in refusals_of(refused)
    with pytest.raises(InvalidInput):
        create_base_model(provider="openia", name="gpt-9", by=SYSTEM)
    model.refresh_from_db()
    assert model.provider == "openai"

from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, InvalidInput, NotAllowed, NotFound
from apps.common.models import AuditEvent
from apps.organizations.enums import Plan
from apps.providers.models import ProviderCredential
from apps.providers.queries import access_for
from apps.providers.services import change_credential, create_credential
from apps.providers.services.base_urls import check_base_url
from tests.factories import OrganizationFactory

KEY = "sk-a-very-secret-key"


def credential(**fields: Any) -> ProviderCredential:
    values = {"provider": "openai", "name": "Ours", "api_key": KEY, "base_url": "https://api.example.com/v1"}
    fields.setdefault("organization", OrganizationFactory())
    return create_credential(by=SYSTEM, **{**values, **fields})


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/v1",
        "ftp://api.example.com",
        "https://10.0.0.1/v1",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/v1",
        "https://[::ffff:10.0.0.1]/v1",
        "https://[fd00::1]/v1",
        "https://127.1/v1",
        "https://0177.0.0.1/v1",
        "https://2130706433/v1",
        "https://0x7f.0.0.1/v1",
        "https://metadata/v1",
        "https://metadata.google.internal/v1",
        "https://trainer.localhost/trainer/v1",
        "https://localhost/v1",
        "https://localhost./v1",
        "https://user:pass@api.example.com/v1",
        "https://api.example.com/v1?x=1",
        "https://[::1",
        "https://api.example.com:99999/v1",
        "https:///v1",
        "nonsense",
    ],
)
def test_addresses_that_a_key_is_never_sent_to(url: str, settings: Settings) -> None:
    settings.PRODUCTION = True
    with pytest.raises(InvalidInput) as refused:
        check_base_url(url)
    assert refused.value.param == "base_url"


@pytest.mark.parametrize("url", ["https://api.example.com/v1", "https://8.8.8.8/v1", "https://api.example.com:8443"])
def test_public_addresses_are_fine(url: str) -> None:
    check_base_url(url)


def test_this_machine_is_fine_from_this_machine() -> None:
    check_base_url("http://127.0.0.1:8000/trainer/v1")
    check_base_url("http://localhost:11434/v1")


@pytest.mark.django_db
def test_the_key_is_stored_encrypted_and_never_logged() -> None:
    made = credential()
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key FROM providers_providercredential WHERE id = %s", [made.pk])
        (stored,) = cursor.fetchone()
    assert KEY not in stored
    assert ProviderCredential.objects.get(pk=made.pk).api_key == KEY
    assert KEY not in str(list(AuditEvent.objects.values()))
    _, access = access_for(organization=made.organization, credential=made)
    assert KEY not in repr(access)


@pytest.mark.django_db
def test_a_key_stays_until_the_url_changes() -> None:
    made = credential()
    renamed = change_credential(credential=made, name="New", base_url=made.base_url, is_active=True, by=SYSTEM)
    assert (renamed.name, renamed.api_key) == ("New", KEY)
    moved = change_credential(
        credential=made, name="New", base_url="https://evil.example.com/v1", is_active=True, by=SYSTEM
    )
    assert moved.api_key == ""
    with pytest.raises(Conflict) as unusable:
        access_for(organization=made.organization, credential=moved)
    assert unusable.value.resolution


@pytest.mark.django_db
def test_a_new_key_with_the_new_url() -> None:
    made = credential()
    changed = change_credential(
        credential=made, name="New", base_url="https://api.example.org/v1", is_active=True, api_key="sk-2", by=SYSTEM
    )
    assert changed.api_key == "sk-2"


@pytest.mark.django_db
def test_own_credentials_need_a_plan() -> None:
    with pytest.raises(NotAllowed) as refused:
        credential(organization=OrganizationFactory(plan=Plan.FREE))
    assert refused.value.code == "plan_restriction"
    assert "Plus" in refused.value.resolution


@pytest.mark.django_db
def test_an_unknown_provider_is_named() -> None:
    with pytest.raises(InvalidInput, match="no provider called 'acme'"):
        credential(provider="acme")


@pytest.mark.django_db
def test_another_organizations_credential_does_not_exist() -> None:
    with pytest.raises(NotFound):
        access_for(organization=OrganizationFactory(), credential=credential())


@pytest.mark.django_db
def test_whose_access_is_used(settings: Settings) -> None:
    organization = OrganizationFactory(slug="acme")
    _, embedded = access_for(organization=organization)
    assert embedded.is_embedded
    assert (embedded.account, embedded.api_key.split(".")[0]) == ("acme", "sk-trainer-acme")

    settings.OPENAI_API_KEY = "sk-system"
    _, system = access_for(organization=organization)
    assert (system.base_url, system.api_key) == ("https://api.openai.com/v1", "sk-system")

    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "", "http://127.0.0.1:11434/v1"
    _, keyless = access_for(organization=organization)
    assert (keyless.base_url, keyless.api_key) == ("http://127.0.0.1:11434/v1", "none")

    own = credential(organization=organization)
    _, access = access_for(organization=organization, credential=own)
    assert (access.base_url, access.api_key) == ("https://api.example.com/v1", KEY)


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["sk-\n", "sk-ü", "sk-\x00"])
def test_what_cannot_be_a_key(key: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        credential(api_key=key)
    assert refused.value.param == "api_key"


@pytest.mark.django_db
def test_names_are_taken_once_in_an_organization() -> None:
    made = credential()
    other = credential(organization=made.organization, name="Other")
    with pytest.raises(Conflict, match="called Ours already"):
        credential(organization=made.organization)
    with pytest.raises(Conflict, match="called Ours already"):
        change_credential(credential=other, name="Ours", base_url=other.base_url, is_active=True, by=SYSTEM)
    credential(organization=OrganizationFactory())

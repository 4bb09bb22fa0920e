from datetime import timedelta

import pytest

from apps.common.audit import SYSTEM
from apps.common.errors import InvalidInput
from apps.common.models import AuditEvent
from apps.organizations.enums import Scope
from apps.organizations.queries import find_api_key
from apps.organizations.services import create_api_key, note_api_key_use, revoke_api_key
from tests.factories import NOW, OrganizationFactory

pytestmark = pytest.mark.django_db


def test_a_key_is_found_by_its_token_and_only_its_hash_is_stored() -> None:
    key, token = create_api_key(organization=OrganizationFactory(), name="k", scopes=[Scope.CHAT], by=SYSTEM, now=NOW)
    secret = token.rsplit("_", 1)[1]

    assert token.startswith(f"fw_{key.public_id}_")
    assert find_api_key(token=token, now=NOW) == key
    assert secret not in {str(value) for value in key.__dict__.values()}
    assert AuditEvent.objects.get(object_id=str(key.pk)).verb == "created"


@pytest.mark.parametrize("token", ["", "fw_", "fw__", "sk-something", "fw_unknown_secret", "fw_" + "x" * 5000])
def test_anything_else_is_no_key(token: str) -> None:
    assert find_api_key(token=token, now=NOW) is None


def test_a_wrong_secret_an_expired_a_revoked_key_and_a_closed_organization_are_refused() -> None:
    organization = OrganizationFactory()
    key, token = create_api_key(organization=organization, name="k", scopes=[Scope.CHAT], by=SYSTEM, now=NOW, days=1)
    assert find_api_key(token=token[:-1] + "-", now=NOW) is None
    assert find_api_key(token=token, now=NOW + timedelta(days=2)) is None

    organization.is_active = False
    organization.save()
    assert find_api_key(token=token, now=NOW) is None

    organization.is_active = True
    organization.save()
    assert find_api_key(token=token, now=NOW) == key
    assert revoke_api_key(key=key, by=SYSTEM, now=NOW)
    assert not revoke_api_key(key=key, by=SYSTEM, now=NOW)
    assert find_api_key(token=token, now=NOW) is None


@pytest.mark.parametrize("scopes", [[], ["everything"], ["chat", "root"]])
def test_scopes_are_known_ones(scopes: list[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_api_key(organization=OrganizationFactory(), name="k", scopes=scopes, by=SYSTEM, now=NOW)
    assert "Choose from: chat, feedback" in str(caught.value)


def test_use_is_noted_once_a_day(django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    key, _ = create_api_key(organization=OrganizationFactory(), name="k", scopes=[Scope.CHAT], by=SYSTEM, now=NOW)
    note_api_key_use(key=key, now=NOW)
    key.refresh_from_db()
    assert key.last_used_on == NOW.date()
    with django_assert_num_queries(0):
        note_api_key_use(key=key, now=NOW + timedelta(hours=1))

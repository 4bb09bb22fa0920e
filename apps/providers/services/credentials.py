from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.database import hold
from apps.common.errors import Conflict, InvalidInput, NotAllowed
from apps.organizations.enums import PLAN_LIMITS, Plan
from apps.organizations.models import Organization
from apps.providers.adapters import PROVIDERS
from apps.providers.models import ProviderCredential
from apps.providers.services.base_urls import check_base_url


@transaction.atomic
def create_credential(
    *, organization: Organization, provider: str, name: str, api_key: str, by: Actor, base_url: str = ""
) -> ProviderCredential:
    """An organization's own access to a provider (AV7). An empty `base_url` is OpenAI's own."""
    if not PLAN_LIMITS[Plan(organization.plan)].own_credentials:
        raise NotAllowed(
            "Your plan has no provider credentials of your own.",
            resolution="They need the Plus plan; until then the installation's own provider is used.",
            code="plan_restriction",
        )
    PROVIDERS.get(provider)
    _check_key(api_key)
    if base_url:
        check_base_url(base_url)
    _check_name(organization.pk, name)
    credential = ProviderCredential.objects.create(
        organization=organization, provider=provider, name=name, base_url=base_url, api_key=api_key
    )
    audit.record("created", by=by, target=credential, provider=provider, base_url=base_url)
    return credential


@transaction.atomic
def change_credential(
    *, credential: ProviderCredential, name: str, base_url: str, is_active: bool, by: Actor, api_key: str = ""
) -> ProviderCredential:
    """Change a credential. An empty `api_key` keeps the stored one, unless the URL changes: then it is cleared,

    or whoever may edit the URL could have the key sent to a server of their own.
    """
    hold(credential)
    stored = ProviderCredential.objects.get(pk=credential.pk)
    _check_key(api_key)
    moved = base_url != stored.base_url
    if moved and base_url:
        check_base_url(base_url)
    _check_name(stored.organization_id, name, besides=stored.pk)
    stored.name, stored.base_url, stored.is_active = name, base_url, is_active
    if api_key or moved:
        stored.api_key, stored.checked_at, stored.check_error = api_key, None, ""
    stored.save()
    audit.record("changed", by=by, target=stored, base_url=base_url, new_key=bool(api_key), is_active=is_active)
    return stored


def _check_key(api_key: str) -> None:
    """A key travels in a header."""
    if not (api_key.isascii() and api_key.isprintable()):
        raise InvalidInput(
            "The key holds characters that no key has.",
            resolution="Copy it again from the provider, without line breaks.",
            param="api_key",
        )


def _check_name(organization_id: int, name: str, *, besides: int = 0) -> None:
    """Credentials are chosen by name."""
    if ProviderCredential.objects.filter(organization=organization_id, name=name).exclude(pk=besides).exists():
        raise Conflict(f"There is a credential called {name} already.", resolution="Choose another name.", param="name")

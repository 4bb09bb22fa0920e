from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import openai
import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from apps.common.audit import SYSTEM
from apps.custom_models.models import CustomModel
from apps.organizations.enums import Scope
from apps.organizations.models import Organization
from apps.organizations.services import create_api_key
from apps.personas.models import Persona
from apps.personas.services import create_persona
from apps.providers.adapters.embedded import embedded_transport
from apps.providers.models import BaseModel, ModelPrice
from tests.chat.local_provider import LocalProvider, running_provider
from tests.factories import CODEBOOK, BaseModelFactory, CustomModelFactory, OrganizationFactory

VERSION = "ft:base-1:home:coder:aaaaaaaa"


@pytest.fixture
def provider(settings: Settings) -> Iterator[LocalProvider]:
    """The installation's provider, on a real socket."""
    with running_provider() as local:
        settings.OPENAI_BASE_URL = local.base_url
        settings.OPENAI_API_KEY = "sk-local"
        yield local


def sdk_of(token: str, *, server: str = "") -> openai.OpenAI:
    """The official client, on `server` or in process; it does not retry, so that what it raises is the first answer."""
    transport = None if server else embedded_transport()
    return openai.OpenAI(
        api_key=token,
        base_url=f"{server or 'http://testserver'}/v1",
        max_retries=0,
        http_client=openai.DefaultHttpx2Client(transport=transport),
    )


@dataclass(frozen=True)
class Home:
    """The fixed cast: an organization with a persona on a base model, and keys that may chat or do everything."""

    organization: Organization
    persona: Persona
    base_model: BaseModel
    token: str
    chat_only: str

    def client(self, token: str | None = None) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token or self.token}")
        return client

    def sdk(self, token: str | None = None) -> openai.OpenAI:
        return sdk_of(token or self.token)


def token_of(organization: Organization, *scopes: Scope) -> str:
    chosen = scopes or tuple(Scope)
    return create_api_key(organization=organization, name="test", scopes=chosen, by=SYSTEM, now=timezone.now())[1]


@pytest.fixture
def home() -> Home:
    base_model = BaseModelFactory(name="base-1")
    ModelPrice.objects.create(
        base_model=base_model,
        valid_from=date(2026, 1, 1),
        input=1_000_000,
        cached_input=500_000,
        output=4_000_000,
        tuned_input=2_000_000,
        tuned_cached_input=1_000_000,
        tuned_output=8_000_000,
    )
    organization = OrganizationFactory(slug="home")
    persona = create_persona(
        organization=organization,
        slug="coder",
        name="Coder",
        task="survey_coding",
        base_model=base_model,
        settings={"codes": CODEBOOK},
        price_per_run_micros=50_000,
        by=SYSTEM,
    )
    return Home(organization, persona, base_model, token_of(organization), token_of(organization, Scope.CHAT))


@pytest.fixture
def version(home: Home) -> CustomModel:
    """The persona's live version."""
    return make_version(home.persona, is_active=True)


def make_version(
    persona: Persona, *, number: int = 1, is_active: bool = False, shutdown_date: date | None = None
) -> CustomModel:
    return CustomModelFactory(
        persona=persona,
        number=number,
        fine_tuned_model_id=VERSION if number == 1 else f"{VERSION}{number}",
        is_active=is_active,
        shutdown_date=shutdown_date,
    )

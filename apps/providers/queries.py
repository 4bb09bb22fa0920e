from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db.models import Q

from apps.common.embedded import mint_trainer_key
from apps.common.errors import Conflict, NotFound
from apps.common.money import round_micros, token_cost
from apps.organizations.enums import Currency
from apps.organizations.models import Organization
from apps.providers.adapters import PROVIDERS
from apps.providers.adapters.base import Access, Provider
from apps.providers.models import BaseModel, ModelPrice, ProviderCredential

SYSTEM_PROVIDER = "openai"
OPENAI_URL = "https://api.openai.com/v1"
EMBEDDED_BASE_MODEL = "recall-1"
HOSTED_BASE_MODEL = "gpt-4o-mini-2024-07-18"


def uses_embedded_trainer() -> bool:
    """Neither OPENAI_API_KEY nor OPENAI_BASE_URL is set: the installation's provider is its own trainer."""
    return not settings.OPENAI_BASE_URL and not settings.OPENAI_API_KEY


def access_for(*, organization: Organization, credential: ProviderCredential | None = None) -> tuple[Provider, Access]:
    """Which provider to call for an organization, and how: its credential, else the installation's (AV7)."""
    if credential is not None:
        return _own_access(organization, credential)
    provider = PROVIDERS.get(SYSTEM_PROVIDER)
    if uses_embedded_trainer():
        return provider, Access("", mint_trainer_key(account=organization.slug), organization.slug)
    # Servers that want no key still get one: the SDK refuses to start without.
    key = settings.OPENAI_API_KEY or "none"
    return provider, Access(settings.OPENAI_BASE_URL or OPENAI_URL, key, organization.slug)


def _own_access(organization: Organization, credential: ProviderCredential) -> tuple[Provider, Access]:
    if credential.organization_id != organization.pk:
        raise NotFound("There is no such credential.", resolution="Choose a credential of your organization.")
    if not credential.is_active or not credential.api_key:
        raise Conflict(
            f"The credential {credential.name} cannot be used: it is switched off or has no key.",
            resolution="Enter its key and switch it on, or choose another credential.",
            code="credential_unusable",
        )
    access = Access(credential.base_url or OPENAI_URL, credential.api_key, organization.slug)
    return PROVIDERS.get(credential.provider), access


def serves(*, access: Access, base_model: BaseModel) -> bool:
    """Whether this access leads to the base model, as far as one can tell without asking."""
    return not access.is_embedded or base_model.name == EMBEDDED_BASE_MODEL


def is_shut_down(shutdown_date: date | None, *, day: date) -> bool:
    """Whether a model with this announced date is gone on `day`: its provider answers for it until the day before."""
    return shutdown_date is not None and shutdown_date <= day


def price_on(*, base_model: BaseModel, day: date) -> ModelPrice | None:
    """The price row that holds on `day`."""
    return (
        ModelPrice.objects.filter(base_model=base_model, valid_from__lte=day)
        .filter(Q(valid_to=None) | Q(valid_to__gt=day))
        .first()
    )


@dataclass(frozen=True)
class AnswerPrices:
    """What the tokens of answers cost: micros of `currency` per million of them."""

    input: int
    cached_input: int
    output: int
    currency: str

    def cost_of(self, *, prompt: int, cached: int, completion: int) -> int:
        """Micros for so many tokens. The cached ones are part of the prompt and have their own price; rounded once."""
        cached = min(cached, prompt)
        return round_micros(
            token_cost(prompt - cached, self.input)
            + token_cost(cached, self.cached_input)
            + token_cost(completion, self.output)
        )


def answer_prices(*, base_model: BaseModel, tuned: bool, day: date) -> AnswerPrices:
    """The day's prices of the base model's answers, or of its tuned models'; zeros where the catalogue has none."""
    price = price_on(base_model=base_model, day=day)
    if price is None:
        return AnswerPrices(0, 0, 0, Currency.USD)
    if tuned:
        return AnswerPrices(price.tuned_input, price.tuned_cached_input, price.tuned_output, price.currency)
    return AnswerPrices(price.input, price.cached_input, price.output, price.currency)


def system_base_model() -> BaseModel:
    """The base model of a persona for which nobody chose one (AV8); NotFound before the catalogue was loaded."""
    name = EMBEDDED_BASE_MODEL if uses_embedded_trainer() else HOSTED_BASE_MODEL
    model = BaseModel.objects.filter(provider=SYSTEM_PROVIDER, name=name).first()
    if model is None:
        raise NotFound(f"The catalogue has no base model {name}.", resolution="Load it: manage.py load_catalogue.")
    return model

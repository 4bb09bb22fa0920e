"""Who answers: the one place that decides, and the one place that falls back.

    persona -> running A/B test? its variant's model for this unit
            -> else the live version (AV8)
            -> else, and whenever that fails before its first byte, the persona's base model
            -> in place of a base model that is gone, the installation's default

Prompt and few-shot turns do not depend on the model and are put together in `calls`.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from apps.abtests.models import Variant
from apps.abtests.queries import assign_variant
from apps.common.errors import Conflict, ProviderError
from apps.custom_models.models import CustomModel
from apps.custom_models.queries import live_model
from apps.personas.models import Persona
from apps.providers.adapters.base import Access, Provider
from apps.providers.models import BaseModel, ProviderCredential
from apps.providers.queries import access_for, is_shut_down, system_base_model

logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    """A model that may answer: a version, or the base model where `custom_model` is None."""

    base_model: BaseModel
    credential: ProviderCredential | None
    custom_model: CustomModel | None = None

    @property
    def name(self) -> str:
        return self.custom_model.fine_tuned_model_id if self.custom_model else self.base_model.name


@dataclass(frozen=True)
class Route:
    """The models to try, best first, and why in this order."""

    persona: Persona
    targets: tuple[Target, ...]
    reason: str
    variant: Variant | None = None


@dataclass(frozen=True)
class Asked(Generic[T]):
    """What a target gave, and the failures of those that were asked before it."""

    target: Target
    value: T
    failures: tuple[str, ...]

    @property
    def is_fallback(self) -> bool:
        return bool(self.failures)


class NobodyAnswered(Exception):
    """Every target failed: `error` is the last one's, `target` who that was."""

    def __init__(self, *, target: Target, error: ProviderError, failures: tuple[str, ...]) -> None:
        super().__init__(str(error))
        self.target = target
        self.error = error
        self.failures = failures


def choose_route(*, persona: Persona, unit: str, now: datetime) -> Route:
    """The route of one call; `unit` is whoever shall see the same variant each time."""
    variant = assign_variant(persona=persona, unit=unit)
    version = variant.custom_model if variant else live_model(persona=persona)
    reasons = [_first_reason(variant, version)]
    targets = list(_usable_version(version, today=now.date(), reasons=reasons))
    targets.append(_base_target(persona, today=now.date(), reasons=reasons))
    return Route(persona=persona, targets=tuple(targets), reason="; ".join(reasons), variant=variant)


def _first_reason(variant: Variant | None, version: CustomModel | None) -> str:
    if variant is not None:
        return f"variant {variant.name} of the running test {variant.abtest.name}"
    return f"live version {version.number}" if version else "no live version: base model"


def _usable_version(version: CustomModel | None, *, today: date, reasons: list[str]) -> Iterator[Target]:
    if version is None:
        return
    if is_shut_down(version.shutdown_date, day=today):
        reasons.append(f"version {version.number} was shut down on {version.shutdown_date}")
        return
    yield Target(base_model=version.base_model, credential=version.credential, custom_model=version)


def _base_target(persona: Persona, *, today: date, reasons: list[str]) -> Target:
    base_model = persona.base_model
    if base_model.is_active and not is_shut_down(base_model.shutdown_date, day=today):
        return Target(base_model=base_model, credential=persona.credential)
    reasons.append(f"{base_model.name} is gone: the default base model")
    return Target(base_model=system_base_model(), credential=None)


def _access(persona: Persona, target: Target) -> tuple[Provider, Access]:
    try:
        return access_for(organization=persona.organization, credential=target.credential)
    except Conflict as error:  # the credential is switched off: to the caller a provider that cannot be reached
        raise ProviderError(error.message, temporary=False, resolution=error.resolution, code=error.code) from None


def ask_in_turn(route: Route, ask: Callable[[Target, Provider, Access], T]) -> Asked[T]:
    """Ask the targets one after the other until one answers; NobodyAnswered when none does.

    `ask` raises ProviderError, and for a stream returns only once the first event is there: after the first byte has
    gone out nothing can be taken back.
    """
    failures: list[str] = []
    for target in route.targets:
        try:
            provider, access = _access(route.persona, target)
            return Asked(target, ask(target, provider, access), tuple(failures))
        except ProviderError as error:
            logger.warning("%s did not answer for %s: %s", target.name, route.persona.slug, error)
            failures.append(f"{target.name} failed: {error.code}")
            last = NobodyAnswered(target=target, error=error, failures=tuple(failures))
    raise last

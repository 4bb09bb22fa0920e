from collections.abc import Collection
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Conflict, InvalidInput
from apps.common.money import MICROS
from apps.organizations.models import Organization
from apps.personas.models import MAX_PRICE_MICROS, Persona
from apps.personas.services.prompts import write_first_prompt
from apps.personas.tasks import TASKS
from apps.providers.models import BaseModel

DEFAULT_SHARE_RATE = Decimal("0.3000")
FIXED = {"organization", "slug", "task"}  # callers name the slug; examples have the task's shape


@transaction.atomic
def create_persona(
    *,
    organization: Organization,
    slug: str,
    name: str,
    task: str,
    base_model: BaseModel,
    by: Actor,
    settings: dict[str, Any] | None = None,
    identity: str = "",
    platform_context: str = "",
    guidelines: str = "",
    price_per_run_micros: int = 0,
    currency: str | None = None,
    revenue_share_rate: Decimal | None = None,
) -> Persona:
    """A persona with its prompt version 1, which is the task's default prompt and active from the start.

    The price is in micros of `currency`, the organization's own unless given. InvalidInput if no such task is
    installed, its settings do not suffice, or a number cannot be; Conflict if the slug is taken.
    """
    persona = Persona(
        organization=organization,
        slug=slug,
        name=name,
        task=task,
        base_model=base_model,
        settings=TASKS.get(task).clean_settings(settings or {}),
        identity=identity,
        platform_context=platform_context,
        guidelines=guidelines,
        price_per_run_micros=price_per_run_micros,
        currency=currency or organization.currency,
        revenue_share_rate=DEFAULT_SHARE_RATE if revenue_share_rate is None else revenue_share_rate,
    )
    _check_numbers(persona)
    _insert(persona)
    write_first_prompt(persona=persona, by=by)
    audit.record("created", by=by, target=persona, task=task)
    return persona


def _check_numbers(persona: Persona) -> None:
    if not 0 <= persona.price_per_run_micros <= MAX_PRICE_MICROS:
        raise InvalidInput(
            "A run cannot cost that.",
            resolution=f"Choose a price from 0 to {MAX_PRICE_MICROS // MICROS:,} of the currency.",
            param="price_per_run_micros",
        )
    if not 0 <= persona.revenue_share_rate <= 1:
        raise InvalidInput(
            "Testers cannot be given that share.", resolution="Choose from 0 to 1.", param="revenue_share_rate"
        )
    if persona.labels_per_example < 1:
        raise InvalidInput("Nobody would label.", resolution="Ask for at least one label.", param="labels_per_example")


def _insert(persona: Persona) -> None:
    try:
        with transaction.atomic():
            persona.save(force_insert=True)
    except IntegrityError:
        if not Persona.objects.of_organization(persona.organization).filter(slug=persona.slug).exists():
            raise  # another rule of the database, and a defect of ours
        raise Conflict(
            f"{persona.organization} already has a persona {persona.slug!r}.",
            resolution="Choose another slug, or change the persona that is there.",
            code="slug_taken",
            param="slug",
        ) from None


@transaction.atomic
def change_persona(*, persona: Persona, changed: Collection[str], by: Actor) -> Persona:
    """Save the named fields of `persona`.

    Conflict if one of them makes the persona another than its rows belong to; InvalidInput for another organization's
    credential, settings that do not suffice for the task, or a number that cannot be.
    """
    if fixed := sorted(set(changed) & FIXED):
        raise Conflict(
            f"{', '.join(fixed)} of a persona cannot change.",
            resolution="Create another persona; examples, models and money stay with this one.",
        )
    if persona.credential is not None and persona.credential.organization_id != persona.organization_id:
        raise InvalidInput(
            "This credential is another organization's.", resolution="Choose one of your own.", param="credential"
        )
    _check_numbers(persona)
    persona.settings = TASKS.get(persona.task).clean_settings(persona.settings)
    persona.save(update_fields=[*changed, "updated_at"])
    audit.record("changed", by=by, target=persona, fields=sorted(changed))
    return persona

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.database import hold
from apps.common.errors import Conflict, InvalidInput
from apps.common.money import MICROS
from apps.organizations.models import Organization
from apps.personas.models import MAX_PRICE_MICROS, FewShotExample, Persona, PromptVersion
from apps.personas.queries import default_prompt
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


def write_first_prompt(*, persona: Persona, by: Actor) -> PromptVersion:
    """Version 1, active since the persona exists."""
    return PromptVersion.objects.create(
        organization=persona.organization,
        persona=persona,
        number=1,
        system_prompt=default_prompt(persona),
        notes="The task's default.",
        is_active=True,
        activated_at=persona.created_at,
        activated_by=by.audit_name,
    )


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


@transaction.atomic
def save_few_shot_example(*, example: FewShotExample, by: Actor) -> FewShotExample:
    """Store a new or edited pair, for the organization that its persona belongs to."""
    example.organization = example.persona.organization
    example.save()
    audit.record("saved", by=by, target=example, persona=example.persona.slug)
    return example


@transaction.atomic
def add_prompt_version(*, persona: Persona, system_prompt: str, by: Actor, notes: str = "") -> PromptVersion:
    """The next version; it answers nothing until it is activated."""
    hold(persona)
    newest = persona.prompt_versions.order_by("-number").values_list("number", flat=True).first()
    prompt = PromptVersion.objects.create(
        organization=persona.organization,
        persona=persona,
        number=(newest or 0) + 1,
        system_prompt=system_prompt,
        notes=notes,
    )
    audit.record("created", by=by, target=prompt, number=prompt.number)
    return prompt


@transaction.atomic
def activate_prompt_version(*, prompt: PromptVersion, by: Actor, now: datetime) -> PromptVersion:
    """From now on the persona answers with `prompt`. Activating an older version is the way back."""
    hold(prompt.persona)
    PromptVersion.objects.filter(persona=prompt.persona, is_active=True).exclude(pk=prompt.pk).update(is_active=False)
    changed = PromptVersion.objects.filter(pk=prompt.pk, is_active=False).update(
        is_active=True, activated_at=now, activated_by=by.audit_name
    )
    if not changed:
        raise Conflict(f"{prompt} is the active one already.", resolution="Nothing needs to be done.")
    audit.record("activated", by=by, target=prompt, number=prompt.number)
    prompt.refresh_from_db()
    return prompt

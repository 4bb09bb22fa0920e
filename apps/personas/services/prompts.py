from datetime import datetime

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.database import hold
from apps.common.errors import Conflict
from apps.personas.models import Persona, PromptVersion
from apps.personas.queries import default_prompt


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
def add_prompt_version(
    *, persona: Persona, system_prompt: str, by: Actor, notes: str = "", origin: str = ""
) -> PromptVersion:
    """The next version; it answers nothing until it is activated. `origin`: what it was written from, if anything."""
    hold(persona)
    newest = persona.prompt_versions.order_by("-number").values_list("number", flat=True).first()
    prompt = PromptVersion.objects.create(
        organization=persona.organization,
        persona=persona,
        number=(newest or 0) + 1,
        system_prompt=system_prompt,
        notes=notes,
        origin=origin,
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

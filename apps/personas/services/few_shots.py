from collections.abc import Sequence

from django.db import transaction
from django.db.models import Max

from apps.common import audit
from apps.common.audit import Actor
from apps.common.database import hold
from apps.personas.models import FewShotExample, Persona
from apps.personas.queries import Pair, pattern_of


@transaction.atomic
def save_few_shot_example(*, example: FewShotExample, by: Actor) -> FewShotExample:
    """Store a new or edited pair, for the organization that its persona belongs to."""
    example.organization = example.persona.organization
    example.save()
    audit.record("saved", by=by, target=example, persona=example.persona.slug)
    return example


@transaction.atomic
def propose_few_shot_examples(*, persona: Persona, pairs: Sequence[Pair], origin: str, by: Actor) -> int:
    """Store pairs for somebody to review (AV2): none is shown to a model before it is switched on.

    `origin` says where they come from; what was proposed from there before is replaced, unless it is in use.
    """
    hold(persona)
    FewShotExample.objects.filter(persona=persona, origin=origin, is_active=False).delete()
    used = set(
        FewShotExample.objects.filter(persona=persona, origin=origin).values_list("user_message", "assistant_message")
    )
    last = FewShotExample.objects.filter(persona=persona).aggregate(last=Max("position"))["last"]
    fresh = [pair for pair in pairs if (pair.user_message, pair.assistant_message) not in used]
    FewShotExample.objects.bulk_create(
        FewShotExample(
            organization_id=persona.organization_id,
            persona=persona,
            position=position,
            pattern_type=pattern_of(pair),
            user_message=pair.user_message,
            assistant_message=pair.assistant_message,
            origin=origin,
            is_active=False,
        )
        for position, pair in enumerate(fresh, (last if last is not None else -1) + 1)
    )
    audit.record("proposed_few_shots", by=by, target=persona, examples=len(fresh), origin=origin)
    return len(fresh)


@transaction.atomic
def switch_few_shot_examples(*, examples: Sequence[FewShotExample], on: bool, by: Actor) -> int:
    """Put pairs before every conversation, or stop doing so; how many changed."""
    changed = 0
    for example in examples:
        if FewShotExample.objects.filter(pk=example.pk, is_active=not on).update(is_active=on):
            audit.record("switched_on" if on else "switched_off", by=by, target=example, persona=example.persona.slug)
            changed += 1
    return changed

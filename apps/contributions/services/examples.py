"""Examples as they come in, one by one or in a batch: by the API, and from answers."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from apps.common.audit import Actor
from apps.common.database import hold
from apps.common.errors import InvalidInput, TooLarge
from apps.contributions.enums import ExampleSource, Split
from apps.contributions.models import TrainingExample
from apps.contributions.services.intake import ExampleResult, Intake, NewExample, build_example, rejected
from apps.contributions.services.quality import rate_new_examples
from apps.organizations.models import Organization
from apps.personas.models import Persona
from apps.personas.queries import persona_not_found, task_of

MAX_ITEMS = 500  # in one call: their ids and hashes fit into one statement on any SQLite


@transaction.atomic
def create_examples(
    *, organization: Organization, items: Sequence[NewExample], by: Actor, now: datetime
) -> list[ExampleResult]:
    """Store what is new, with a result for each item in the order given. Sending them again changes nothing.

    An item with a label is accepted on the word of `by`: no tester is credited for it.
    """
    if len(items) > MAX_ITEMS:
        raise TooLarge(f"These are {len(items):,} examples.", resolution=f"Send at most {MAX_ITEMS:,} at once.")
    slugs = {item.persona for item in items}
    personas = Persona.objects.of_organization(organization).filter(slug__in=slugs, is_active=True)
    results: dict[str, Iterator[ExampleResult]] = {}
    for persona in personas.order_by("pk"):  # always in this order: two callers never wait for each other in a circle
        hold(persona)
        own = [item for item in items if item.persona == persona.slug]
        results[persona.slug] = iter(Intake(persona, by=by, now=now).take_in(own))
    return [
        next(results[item.persona]) if item.persona in results else rejected(persona_not_found(item.persona))
        for item in items
    ]


@transaction.atomic
def capture_example(
    *,
    persona: Persona,
    kind: str,
    source: str,
    input: dict[str, Any],
    output: dict[str, Any] | None,
    response_id: str,
    by: Actor,
    conversation_ref: str = "",
) -> TrainingExample | None:
    """The one hook after an answer (PB1): keep it as an example that awaits labels.

    None when the organization opted out of collection (PB7), and when the input is none of the persona's task (small
    talk with a survey coder teaches it nothing); an answer never fails for want of an example. A kind the task does
    not know becomes its first. Capturing a response twice gives the same example.
    """
    if not Organization.objects.filter(pk=persona.organization_id, collects_training_data=True).exists():
        return None
    known_kind = kind if kind in task_of(persona).kinds else ""
    item = NewExample(persona.slug, input, kind=known_kind, output=output, conversation_ref=conversation_ref[:100])
    try:
        example = build_example(persona=persona, item=item, source=ExampleSource(source), by=by)
    except InvalidInput:
        return None
    example.persona, example.response_id = persona, response_id
    example.split_pin = _pin_of_twin(example)
    rate_new_examples(persona=persona, examples=[example])
    return _insert_once(example)


def _insert_once(example: TrainingExample) -> TrainingExample:
    try:
        with transaction.atomic():
            example.save(force_insert=True)
    except IntegrityError:
        return TrainingExample.objects.get(
            persona=example.persona, response_id=example.response_id, source=example.source
        )
    return example


def _pin_of_twin(example: TrainingExample) -> str:
    """A question of the test set that is asked again stays in the test set: nothing may train on what tests it."""
    twins = TrainingExample.objects.filter(
        persona=example.persona, content_hash=example.content_hash, split_pin=Split.TEST
    )
    return Split.TEST if twins.exists() else ""

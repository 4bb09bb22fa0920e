"""Examples as they come in, one by one or in a batch: by the API, and from answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import IntegrityError, transaction

from apps.common.audit import Actor
from apps.common.database import hold
from apps.common.errors import FlywheelError, InvalidInput, TooLarge
from apps.common.ids import content_hash
from apps.contributions.enums import ExampleSource, Split
from apps.contributions.models import TrainingExample
from apps.contributions.services.quality import rate_example
from apps.organizations.models import Organization
from apps.personas.models import Persona
from apps.personas.queries import persona_not_found, task_of

MAX_ITEMS = 500  # in one call: their ids and hashes fit into one statement on any SQLite


@dataclass(frozen=True)
class NewExample:
    """`persona` is a slug; `input` has the shape of its task's input; `output` is what a model answered, if one did;
    `client_id` is the sender's own id."""

    persona: str
    input: Mapping[str, Any]
    kind: str = ""  # the task's first kind
    output: Mapping[str, Any] | None = None
    client_id: str = ""
    conversation_ref: str = ""


class ExampleResultStatus(StrEnum):
    CREATED = "created"
    EXISTS = "exists"  # sent before under this client id: nothing was changed
    DUPLICATE = "duplicate"  # the persona has an example with this very input: nothing was stored
    REJECTED = "rejected"


@dataclass(frozen=True)
class ExampleResult:
    """What became of one item; `example_id` is the stored example's, or that of the one that was there before."""

    status: ExampleResultStatus
    example_id: int | None = None
    error: FlywheelError | None = None


@transaction.atomic
def create_examples(*, organization: Organization, items: Sequence[NewExample], by: Actor) -> list[ExampleResult]:
    """Store what is new, with a result for each item in the order given. Sending them again changes nothing."""
    if len(items) > MAX_ITEMS:
        raise TooLarge(f"These are {len(items):,} examples.", resolution=f"Send at most {MAX_ITEMS:,} at once.")
    slugs = {item.persona for item in items}
    personas = Persona.objects.of_organization(organization).filter(slug__in=slugs, is_active=True)
    results: dict[str, Iterator[ExampleResult]] = {}
    for persona in personas.order_by("pk"):  # always in this order: two callers never wait for each other in a circle
        hold(persona)
        own = [item for item in items if item.persona == persona.slug]
        results[persona.slug] = iter(_Intake(persona, by=by).take_in(own))
    return [next(results[item.persona]) if item.persona in results else _no_persona(item) for item in items]


def _no_persona(item: NewExample) -> ExampleResult:
    error = persona_not_found(item.persona)
    return ExampleResult(ExampleResultStatus.REJECTED, error=error)


Built = TrainingExample | InvalidInput


class _Intake:
    """Sorts one persona's items into what is new, known by client id or content, or unusable, and stores the new."""

    def __init__(self, persona: Persona, *, by: Actor) -> None:
        self.persona, self.by = persona, by
        self._new: list[TrainingExample] = []
        self._by_id: dict[str, TrainingExample] = {}
        self._by_hash: dict[str, TrainingExample] = {}

    def take_in(self, items: Sequence[NewExample]) -> list[ExampleResult]:
        """A result for each item, in their order."""
        built = [self._build(item) for item in items]
        self._by_id = self._stored("client_id", [item.client_id for item in items if item.client_id])
        hashes = [example.content_hash for example in built if isinstance(example, TrainingExample)]
        self._by_hash = self._stored("content_hash", hashes)
        sorted_out = [self._sort(example) for example in built]
        TrainingExample.objects.bulk_create(self._new)  # from here on the new ones have their ids
        return [_result(status, found) for status, found in sorted_out]

    def _build(self, item: NewExample) -> Built:
        try:
            return build_example(persona=self.persona, item=item, source=ExampleSource.IMPORT, by=self.by)
        except InvalidInput as error:
            return error

    def _stored(self, field: str, values: Sequence[str]) -> dict[str, TrainingExample]:
        stored = TrainingExample.objects.filter(persona=self.persona, **{f"{field}__in": values}).order_by("-pk")
        return {getattr(example, field): example for example in stored.only("pk", field)}  # the oldest wins

    def _sort(self, example: Built) -> tuple[ExampleResultStatus, Built]:
        if isinstance(example, InvalidInput):
            return ExampleResultStatus.REJECTED, example
        if known := self._by_id.get(example.client_id):
            return ExampleResultStatus.EXISTS, known
        if known := self._by_hash.get(example.content_hash):
            return ExampleResultStatus.DUPLICATE, known
        self._new.append(example)
        self._by_hash[example.content_hash] = example
        if example.client_id:
            self._by_id[example.client_id] = example
        return ExampleResultStatus.CREATED, example


def _result(status: ExampleResultStatus, found: Built) -> ExampleResult:
    if isinstance(found, TrainingExample):
        return ExampleResult(status, example_id=found.pk)
    return ExampleResult(status, error=found)


def build_example(*, persona: Persona, item: NewExample, source: ExampleSource, by: Actor) -> TrainingExample:
    """An example that awaits labels, not saved yet; InvalidInput naming the field if the task cannot use it."""
    task = task_of(persona)
    kind = item.kind or task.kinds[0]
    if kind not in task.kinds:
        raise InvalidInput(
            f"kind: {kind[:50]!r} is no kind of example of {task.title.lower()}.",
            resolution=f"Leave it out, or choose from: {', '.join(task.kinds)}.",
            param="kind",
        )
    cleaned = task.clean_input(item.input)
    example = TrainingExample(
        organization_id=persona.organization_id,
        persona=persona,
        kind=kind,
        source=source,
        input=cleaned,
        output=None if item.output is None else dict(item.output),
        content_hash=content_hash(cleaned),
        client_id=item.client_id,
        conversation_ref=item.conversation_ref,
        contributed_by=by.audit_name,
    )
    rate_example(example=example)
    return example


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
    example.response_id = response_id
    example.split_pin = _pin_of_twin(example)
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

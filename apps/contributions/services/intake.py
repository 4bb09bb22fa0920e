"""The one way in: sorts items of a persona into new, known and unusable, and stores the new ones. Shared by the API,
by files and by whatever else brings many examples at a time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from django.db.models import DEFERRED

from apps.common.audit import Actor
from apps.common.database import insert_rows, one_of
from apps.common.errors import FlywheelError, InvalidInput
from apps.common.ids import canonical_json, content_hash
from apps.contributions.enums import ExampleSource, ExampleStatus
from apps.contributions.models import Label, Tester, TrainingExample, Upload
from apps.contributions.queries import judge_examples, label_hash
from apps.contributions.queries.client_ids import tombstone_of
from apps.contributions.services.totals import add_to_contributions
from apps.personas.models import Persona
from apps.personas.queries import facts_of, task_of
from apps.personas.tasks import Task

MAX_METADATA_CHARACTERS = 2_000  # as JSON: tags, not a second payload
NO_METADATA: dict[str, Any] = {}  # shared by all who have none


@dataclass(frozen=True, slots=True)
class NewExample:
    """`persona` is a slug; `input`, `output` (what a model answered, if one did) and `label` (what is right, if the
    sender knows) have the shapes of its task; `client_id` is the sender's own id."""

    persona: str
    input: Mapping[str, Any]
    kind: str = ""  # the task's first kind
    output: Mapping[str, Any] | None = None
    label: Mapping[str, Any] | None = None
    client_id: str = ""
    conversation_ref: str = ""
    metadata: Mapping[str, Any] = field(default_factory=lambda: NO_METADATA)  # kept as it is, never encrypted
    consent: bool = True  # False: stored, and never trained on
    schema_version: int | None = None  # of the task that the shapes are of; None: as they are now


class ExampleResultStatus(StrEnum):
    CREATED = "created"
    EXISTS = "exists"  # sent before under this client id, though it be withdrawn since: nothing was changed
    DUPLICATE = "duplicate"  # the persona has an example with this very input: nothing was stored
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """What became of one item; `example_id` is the stored example's, or that of the one that was there before."""

    status: ExampleResultStatus
    example_id: int | None = None
    error: FlywheelError | None = None
    example: TrainingExample | None = field(default=None, compare=False, repr=False)  # if it is new


def rejected(error: FlywheelError) -> ExampleResult:
    return ExampleResult(ExampleResultStatus.REJECTED, error=error)


def build_example(*, persona: Persona, item: NewExample, source: ExampleSource, by: Actor) -> TrainingExample:
    """An example that awaits labels, neither rated nor saved yet; InvalidInput naming what the task cannot use."""
    task = task_of(persona)
    _check_version(item, task)
    cleaned = task.clean_input(item.input)
    values = {
        "organization_id": persona.organization_id,
        "persona_id": persona.pk,
        "kind": _kind_of(item, task),
        "source": source,
        "input": cleaned,
        "output": None if item.output is None else dict(item.output),
        "content_hash": content_hash(cleaned),
        "metadata": _metadata_of(item),
        "consent": item.consent,
        "schema_version": task.schema_version,
        "client_id": item.client_id,
        "conversation_ref": item.conversation_ref,
        "contributed_by": by.audit_name,
    }
    return TrainingExample(*(_defaults() | values).values())


@cache
def _defaults() -> dict[str, Any]:
    """What a new row says in each column, in their order: given all of them, Django makes it in a third of the time."""
    blank = TrainingExample()
    columns = TrainingExample._meta.concrete_fields
    return {field.attname: DEFERRED if field.generated else getattr(blank, field.attname) for field in columns}


def _check_version(item: NewExample, task: Task) -> None:
    if item.schema_version not in (None, task.schema_version):
        raise InvalidInput(
            f"schema_version: this is of version {item.schema_version} of the task's schemas, and "
            f"{task.title.lower()} reads version {task.schema_version}.",
            resolution=f"Bring it into the shape of version {task.schema_version}, or leave schema_version out.",
            code="wrong_schema_version",
            param="schema_version",
        )


def _kind_of(item: NewExample, task: Task) -> str:
    kind = item.kind or task.kinds[0]
    if kind not in task.kinds:
        raise InvalidInput(
            f"kind: {kind[:50]!r} is no kind of example of {task.title.lower()}.",
            resolution=f"Leave it out, or choose from: {', '.join(task.kinds)}.",
            param="kind",
        )
    return kind


def _metadata_of(item: NewExample) -> dict[str, Any]:
    if not item.metadata:
        return NO_METADATA
    if len(canonical_json(item.metadata)) > MAX_METADATA_CHARACTERS:
        raise InvalidInput(
            f"metadata: as JSON it has more than {MAX_METADATA_CHARACTERS:,} characters.",
            resolution="Keep to tags. What is to be learnt belongs into the input or the label.",
            param="metadata",
        )
    return dict(item.metadata)


Found = TrainingExample | int  # built just now, or the id of one that is there


class Intake:
    """Items of one persona on their way in. Whoever calls holds the persona and the transaction.

    An item with a label is accepted on the word of `by`, which no tester is credited for; with `label_as` the labels
    are that tester's (then every item needs one), and decide as far as the persona asks for no more than one. With
    `is_rehearsal` everything happens but the storing: nothing is written, and repeats are remembered instead.
    """

    def __init__(
        self,
        persona: Persona,
        *,
        by: Actor,
        now: datetime,
        label_as: Tester | None = None,
        split_pin: str = "",
        upload: Upload | None = None,
        is_rehearsal: bool = False,
    ) -> None:
        self.persona, self.by, self.now, self.is_rehearsal = persona, by, now, is_rehearsal
        self.label_as, self.split_pin, self.upload = label_as, split_pin, upload
        self.source = ExampleSource.IMPORT if upload is None else ExampleSource.UPLOAD
        self.task, self.facts = task_of(persona), facts_of(persona)
        self.decides = label_as is None or persona.labels_per_example == 1
        self._new: list[tuple[TrainingExample, dict[str, Any] | None]] = []
        self._by_id: dict[str, Found] = {}
        self._by_hash: dict[str, Found] = {}
        self._rehearsed: set[str] = set()

    def take_in(self, items: Sequence[NewExample | FlywheelError]) -> list[ExampleResult]:
        """A result for each item, in their order; an item that could not be read is its own reason."""
        built = [self._build(item) for item in items]
        examples = [pair[0] for pair in built if isinstance(pair, tuple)]
        self._by_id = self._known_ids([one.client_id for one in examples if one.client_id])
        self._by_hash = self._stored("content_hash", [one.content_hash for one in examples], withdrawn_at=None)
        self._new = []
        sorted_out = [self._sort(pair) for pair in built]
        self._store()  # from here on the new ones have their ids
        return [_result(status, found) for status, found in sorted_out]

    def _build(self, item: NewExample | FlywheelError) -> tuple[TrainingExample, dict[str, Any] | None] | FlywheelError:
        if isinstance(item, FlywheelError):
            return item
        try:
            label = None if item.label is None else self.task.clean_label(item.label, self.facts)
            if label is None and self.label_as is not None:
                raise InvalidInput("category: it is empty, so there is nothing to label it with.")
            example = build_example(persona=self.persona, item=item, source=self.source, by=self.by)
        except InvalidInput as error:
            error.__traceback__ = error.__context__ = None  # what is only told later need not keep its frames alive
            return error
        example.split_pin = self.split_pin
        example.upload_id = None if self.upload is None else self.upload.pk
        if label is not None and self.decides:
            self._accept(example, label)
        return example, label

    def _accept(self, example: TrainingExample, label: dict[str, Any]) -> None:
        example.status = ExampleStatus.ACCEPTED
        example.accepted_label = label
        example.category = self.task.category(label)[:100]
        example.accepted_at = self.now
        example.accepted_by = (self.label_as.user if self.label_as else self.by).audit_name

    def _known_ids(self, sent: Sequence[str]) -> dict[str, Found]:
        """Which of the sender's ids were used before: those of withdrawn examples are known by what stands for them."""
        sent_as = {tombstone_of(persona=self.persona.pk, client_id=each): each for each in sent}
        stored = self._stored("client_id", [*sent, *sent_as])
        return {sent_as.get(kept, kept): found for kept, found in stored.items()}

    def _stored(self, column: str, values: Sequence[str], **among: Any) -> dict[str, Found]:
        """What the persona has of these; of several with the same value the oldest."""
        if not values:
            return {}
        among[f"{column}__in"] = one_of(values)
        stored = TrainingExample.objects.filter(persona=self.persona, **among)
        return dict(stored.order_by("-pk").values_list(column, "pk"))

    def _sort(
        self, pair: tuple[TrainingExample, dict[str, Any] | None] | FlywheelError
    ) -> tuple[ExampleResultStatus, Found | FlywheelError | None]:
        if isinstance(pair, FlywheelError):
            return ExampleResultStatus.REJECTED, pair
        example, label = pair
        if known := self._by_id.get(example.client_id):
            return ExampleResultStatus.EXISTS, known
        if known := self._by_hash.get(example.content_hash):
            return ExampleResultStatus.DUPLICATE, known
        if example.content_hash in self._rehearsed:
            return ExampleResultStatus.DUPLICATE, None
        self._new.append((example, label))
        self._by_hash[example.content_hash] = example
        if example.client_id:
            self._by_id[example.client_id] = example
        return ExampleResultStatus.CREATED, example

    def _store(self) -> None:
        examples = [example for example, _ in self._new]
        if self.is_rehearsal:
            self._rehearsed.update(example.content_hash for example in examples)
            return
        for example, quality in judge_examples(persona=self.persona, examples=examples):
            example.quality_points, example.quality_score = quality.points, quality.score
        insert_rows(examples)
        if self.label_as is not None:
            self._label(self.label_as)

    def _label(self, tester: Tester) -> None:
        labels = [
            Label(
                organization_id=self.persona.organization_id,
                example=example,
                tester=tester,
                payload=label,
                payload_hash=label_hash(task=self.task, label=label or {}),
                agrees=True if self.decides else None,
            )
            for example, label in self._new
        ]
        insert_rows(labels)
        if labels and self.decides:
            add_to_contributions(persona=self.persona, agreeing=Counter({tester.pk: len(labels)}))


def _result(status: ExampleResultStatus, found: Found | FlywheelError | None) -> ExampleResult:
    if isinstance(found, FlywheelError):
        return rejected(found)
    if isinstance(found, TrainingExample):
        is_new = status == ExampleResultStatus.CREATED
        return ExampleResult(status, example_id=found.pk, example=found if is_new else None)
    return ExampleResult(status, example_id=found)

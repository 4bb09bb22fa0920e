"""Examples from files, many at a time."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.batches import in_batches
from apps.common.database import hold
from apps.common.errors import InvalidInput, NotAllowed
from apps.common.ids import content_hash
from apps.contributions.enums import ExampleSource, ExampleStatus, Split
from apps.contributions.formats import ImportRow
from apps.contributions.models import Label, Tester, TrainingExample
from apps.contributions.queries import check_may_label
from apps.contributions.services.examples import NewExample, build_example
from apps.contributions.services.quality import rate_example
from apps.contributions.services.totals import add_to_contributions
from apps.personas.models import Persona
from apps.personas.queries import facts_of, task_of

BATCH = 500  # their hashes fit into one statement on any SQLite
MAX_REJECTED = 1000  # more than that is not a file with mistakes but the wrong file


@dataclass
class ImportResult:
    created: int = 0
    duplicates: int = 0  # rows whose text the persona has already, or that repeat an earlier row; they change nothing
    rejected: list[tuple[int, str]] = field(default_factory=list)  # (line, why)


@transaction.atomic
def import_examples(
    *,
    persona: Persona,
    rows: Iterable[ImportRow],
    by: Actor,
    now: datetime,
    label_as: Tester | None = None,
    split_pin: str = "",
) -> ImportResult:
    """Store the rows as examples of the persona; one transaction, so an error that is raised leaves nothing behind.

    A row that cannot be used is left out and reported with its line; the others are stored. A row with a category is
    coded: it becomes a label of the tester `label_as` (one of the labels the persona asks for), or, without a tester,
    the accepted answer on the word of `by`, which no tester is credited for. A row without one awaits labels;
    with `label_as` it is rejected. `split_pin="test"` keeps all of them out of training for ever.
    """
    if label_as is not None:
        _check_labeller(label_as, persona)
    if split_pin and split_pin not in Split.values:
        raise InvalidInput(f"There is no split {split_pin!r}.", resolution=f"Choose from: {', '.join(Split.values)}.")
    hold(persona)
    loader = _Loader(persona=persona, by=by, now=now, label_as=label_as, split_pin=split_pin)
    for batch in in_batches(rows, BATCH):
        loader.load(batch)
    loader.credit()
    result = loader.result
    audit.record(
        "imported",
        by=by,
        target=persona,
        created=result.created,
        duplicates=result.duplicates,
        rejected=len(result.rejected),
    )
    return result


def _check_labeller(tester: Tester, persona: Persona) -> None:
    check_may_label(tester=tester)
    if tester.organization_id != persona.organization_id:
        raise NotAllowed(
            f"{tester.display_name} is a tester of another organization.",
            resolution="Label as one of the persona's own organization's testers.",
        )


class _Loader:
    """One import under way."""

    def __init__(self, *, persona: Persona, by: Actor, now: datetime, label_as: Tester | None, split_pin: str) -> None:
        self.persona, self.by, self.now = persona, by, now
        self.label_as, self.split_pin = label_as, split_pin
        self.task, self.facts = task_of(persona), facts_of(persona)
        self.decides = label_as is None or persona.labels_per_example == 1
        self.result = ImportResult()
        self.labelled = 0

    def load(self, rows: list[ImportRow]) -> None:
        read = [pair for row in rows if (pair := self._read(row)) is not None]
        fresh = self._without_duplicates(read)
        TrainingExample.objects.bulk_create([example for example, _ in fresh])
        self.result.created += len(fresh)
        if self.label_as is not None:
            self._label(self.label_as, fresh)

    def credit(self) -> None:
        if self.label_as is not None and self.decides and self.labelled:
            add_to_contributions(persona=self.persona, agreeing=Counter({self.label_as.pk: self.labelled}))

    def _read(self, row: ImportRow) -> tuple[TrainingExample, dict[str, Any] | None] | None:
        """The row as an unsaved example and its label; None, and a line in the report, if it cannot be used."""
        try:
            if row.fault:
                raise InvalidInput(row.fault)
            data, label = self.task.read_pair(row.text, row.category)
            if label is None and self.label_as is not None:
                raise InvalidInput("category: it is empty, so there is nothing to label it with.")
            label = None if label is None else self.task.clean_label(label, self.facts)
            return self._example(data, label), label
        except InvalidInput as error:
            self._reject(row, error)
            return None

    def _example(self, data: dict[str, Any], label: dict[str, Any] | None) -> TrainingExample:
        item = NewExample(self.persona.slug, data)
        example = build_example(persona=self.persona, item=item, source=ExampleSource.IMPORT, by=self.by)
        example.split_pin = self.split_pin
        if label is not None and self.decides:
            example.status = ExampleStatus.ACCEPTED
            example.accepted_label = label
            example.category = self.task.category(label)[:100]
            example.accepted_at = self.now
            example.accepted_by = (self.label_as.user if self.label_as else self.by).audit_name
            rate_example(example=example)
        return example

    def _reject(self, row: ImportRow, error: InvalidInput) -> None:
        self.result.rejected.append((row.line, str(error)))
        if len(self.result.rejected) > MAX_REJECTED:
            raise InvalidInput(
                f"More than {MAX_REJECTED:,} rows cannot be used; the first is line {self.result.rejected[0][0]}: "
                f"{self.result.rejected[0][1]}",
                resolution="Check that the file belongs to this persona. Nothing of it was stored.",
                code="too_many_rejected",
            )

    def _without_duplicates(
        self, read: list[tuple[TrainingExample, dict[str, Any] | None]]
    ) -> list[tuple[TrainingExample, dict[str, Any] | None]]:
        """Earlier batches are in the database by now, so looking there finds repeats across them too."""
        hashes = [example.content_hash for example, _ in read]
        seen = set(
            TrainingExample.objects.filter(persona=self.persona, content_hash__in=hashes).values_list(
                "content_hash", flat=True
            )
        )
        fresh = []
        for example, label in read:
            if example.content_hash in seen:
                self.result.duplicates += 1
            else:
                seen.add(example.content_hash)
                fresh.append((example, label))
        return fresh

    def _label(self, tester: Tester, fresh: list[tuple[TrainingExample, dict[str, Any] | None]]) -> None:
        Label.objects.bulk_create(
            Label(
                organization_id=self.persona.organization_id,
                example=example,
                tester=tester,
                payload=label,
                payload_hash=content_hash(label),
                agrees=True if self.decides else None,
            )
            for example, label in fresh
        )
        self.labelled += len(fresh)

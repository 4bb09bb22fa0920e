"""Examples from files, many at a time: stored for good, or rehearsed to see what would become of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.batches import in_batches
from apps.common.database import hold
from apps.common.errors import InvalidInput, NotAllowed
from apps.contributions.enums import ExampleStatus, Split
from apps.contributions.formats import ImportRow
from apps.contributions.models import Tester, TrainingExample
from apps.contributions.queries import check_may_label
from apps.contributions.services.intake import ExampleResult, ExampleResultStatus, Intake, NewExample
from apps.personas.models import Persona

BATCH = 500  # their hashes fit into one statement on any SQLite
MAX_REJECTED = 1000  # more than that is not a file with mistakes but the wrong file
SHOWN_ROWS = 20  # as they would be stored
SHOWN_DUPLICATES = 100


@dataclass
class ImportResult:
    created: int = 0
    duplicates: int = 0  # rows whose text the persona has already, or that repeat an earlier row; they change nothing
    rejected: list[tuple[int, str]] = field(default_factory=list)  # (line, why)
    accepted: int = field(default=0, compare=False)  # of those created
    # The first of each, for people to look at.
    rows: list[tuple[int, TrainingExample]] = field(default_factory=list, compare=False)
    twins: list[tuple[int, int | None]] = field(
        default_factory=list, compare=False
    )  # (line, the example there; None: an earlier row)


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
    hold(persona)
    loader = Loader(persona, by=by, now=now, label_as=label_as, split_pin=split_pin)
    for batch in in_batches(rows, BATCH):
        loader.load(batch)
    record_import(persona, loader.result, by=by)
    return loader.result


def rehearse_import(
    *,
    persona: Persona,
    rows: Iterable[ImportRow],
    by: Actor,
    now: datetime,
    label_as: Tester | None = None,
    split_pin: str = "",
) -> ImportResult:
    """What `import_examples` would do with these rows, by the same code: nothing is stored, nobody kept waiting."""
    loader = Loader(persona, by=by, now=now, label_as=label_as, split_pin=split_pin, is_rehearsal=True)
    for batch in in_batches(rows, BATCH):
        loader.load(batch)
    return loader.result


def record_import(persona: Persona, result: ImportResult, *, by: Actor) -> None:
    audit.record(
        "imported",
        by=by,
        target=persona,
        created=result.created,
        duplicates=result.duplicates,
        rejected=len(result.rejected),
    )


def check_import(*, persona: Persona, label_as: Tester | None, split_pin: str) -> None:
    """NotAllowed or InvalidInput if rows cannot come in this way, whatever they are."""
    if label_as is not None:
        check_may_label(tester=label_as)
        if label_as.organization_id != persona.organization_id:
            raise NotAllowed(
                f"{label_as.display_name} is a tester of another organization.",
                resolution="Label as one of the persona's own organization's testers.",
            )
    if split_pin and split_pin not in Split.values:
        raise InvalidInput(f"There is no split {split_pin!r}.", resolution=f"Choose from: {', '.join(Split.values)}.")


class Loader:
    """One import under way: rows in, batch by batch; the report builds up in `result`.

    `is_patient`: however many rows are rejected, it goes on; for what was checked before, and is stored in parts.
    """

    def __init__(
        self,
        persona: Persona,
        *,
        label_as: Tester | None = None,
        split_pin: str = "",
        is_patient: bool = False,
        **intake: Any,
    ) -> None:
        self.is_patient = is_patient
        check_import(persona=persona, label_as=label_as, split_pin=split_pin)
        self.intake = Intake(persona, label_as=label_as, split_pin=split_pin, **intake)
        self.result = ImportResult()

    def load(self, rows: Sequence[ImportRow]) -> list[ExampleResult]:
        """Earlier batches are stored or remembered by now, so repeats are found across them too."""
        results = self.intake.take_in([self._read(row) for row in rows])
        for row, result in zip(rows, results, strict=True):
            self._note(row.line, result)
        return results

    def _read(self, row: ImportRow) -> NewExample | InvalidInput:
        if row.fault:
            return InvalidInput(row.fault)
        try:
            data, label = self.intake.task.read_pair(row.text, row.category, row.history)
        except InvalidInput as error:
            return error
        kind = row.kind if row.kind in self.intake.task.kinds else ""
        return NewExample(self.intake.persona.slug, data, kind=kind, label=label, metadata=row.metadata)

    def _note(self, line: int, result: ExampleResult) -> None:
        if result.error is not None:
            self._reject(line, str(result.error))
        elif result.status == ExampleResultStatus.CREATED:
            self._note_new(line, result.example)
        else:
            self.result.duplicates += 1
            if len(self.result.twins) < SHOWN_DUPLICATES:
                self.result.twins.append((line, result.example_id))

    def _note_new(self, line: int, example: TrainingExample | None) -> None:
        self.result.created += 1
        if example is None:
            return
        self.result.accepted += example.status == ExampleStatus.ACCEPTED
        if len(self.result.rows) < SHOWN_ROWS:
            self.result.rows.append((line, example))

    def _reject(self, line: int, why: str) -> None:
        self.result.rejected.append((line, why))
        if len(self.result.rejected) > MAX_REJECTED and not self.is_patient:
            raise InvalidInput(
                f"More than {MAX_REJECTED:,} rows cannot be used; the first is line {self.result.rejected[0][0]}: "
                f"{self.result.rejected[0][1]}",
                resolution="Check that the file belongs to this persona. Nothing of it was stored.",
                code="too_many_rejected",
            )

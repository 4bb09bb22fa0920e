"""Reference answers (RT15): what a file of them would add, and one of them to show how a persona sounds."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

from django.db.models import QuerySet

from apps.common.batches import in_batches
from apps.common.errors import InvalidInput, NotFound
from apps.common.ids import content_hash
from apps.contributions.formats import ImportRow, read_csv
from apps.contributions.models import ReferenceAnswer
from apps.contributions.queries.chunks import CHUNK
from apps.personas.models import Persona

MAX_ROWS = 10_000  # of one file: they are examples of a tone, not a dataset
MAX_CATEGORY_CHARACTERS = 100
MAX_TEXT_CHARACTERS = 10_000


@dataclass(frozen=True)
class NewReference:
    category: str
    text: str

    @property
    def hash(self) -> str:
        return content_hash({"category": self.category, "text": self.text})


@dataclass
class ReferenceFile:
    """What a file of reference answers holds for one persona."""

    new: dict[str, NewReference] = field(default_factory=dict)  # by hash, in the order of the file
    known: int = 0  # rows that the persona has already, or that repeat an earlier row
    rejected: list[tuple[int, str]] = field(default_factory=list)  # (line, why)

    @property
    def categories(self) -> list[str]:
        return sorted({reference.category for reference in self.new.values()})


def read_reference_file(*, persona: Persona, file: BinaryIO) -> ReferenceFile:
    """Read a CSV with the columns category and text; nothing is written.

    InvalidInput if it cannot be read: it is empty, it is no CSV in UTF-8, it has other columns, it is too long. A row
    that cannot be used is left out with its line and the reason.
    """
    found = ReferenceFile()
    rows = 0
    for row in _at_most(MAX_ROWS, read_csv(file, both_columns=True)):
        rows += 1
        if fault := _fault_of(row):
            found.rejected.append((row.line, fault))
        else:
            reference = NewReference(row.category, row.text)
            found.new.setdefault(reference.hash, reference)
    for known in _stored_hashes(persona, found.new):
        del found.new[known]
    found.known = rows - len(found.rejected) - len(found.new)
    return found


def _at_most(limit: int, rows: Iterable[ImportRow]) -> Iterable[ImportRow]:
    for number, row in enumerate(rows, start=1):
        if number > limit:
            raise InvalidInput(
                f"The file has more than {limit:,} rows.",
                resolution="Split it. Nothing of it was stored.",
                code="too_many_rows",
            )
        yield row


def _fault_of(row: ImportRow) -> str:
    if row.fault:
        return row.fault
    for name, value, limit in (
        ("category", row.category, MAX_CATEGORY_CHARACTERS),
        ("text", row.text, MAX_TEXT_CHARACTERS),
    ):
        if not value:
            return f"{name}: it is empty."
        if len(value) > limit:
            return f"{name}: it has more than {limit:,} characters."
    return ""


def _stored_hashes(persona: Persona, hashes: Iterable[str]) -> list[str]:
    rows = ReferenceAnswer.objects.filter(persona=persona)
    return [
        found
        for chunk in in_batches(hashes, CHUNK)
        for found in rows.filter(content_hash__in=chunk).values_list("content_hash", flat=True)
    ]


def list_reference_answers(*, persona: Persona, category: str = "") -> QuerySet[ReferenceAnswer]:
    answers = ReferenceAnswer.objects.of_organization(persona.organization).filter(persona=persona)
    return answers.filter(category=category) if category else answers


def reference_answer_for(*, persona: Persona, category: str = "", choice: random.Random) -> ReferenceAnswer:
    """One answer of the category, each as likely as any other.

    Without a category, or where the persona has none of it, any of its answers: a tone is better than none, and the
    answer names the category that it is of. NotFound if the persona has no reference answers at all.
    """
    for wanted in (category, ""):
        answers = list_reference_answers(persona=persona, category=wanted)
        if ids := list(answers.order_by("pk").values_list("pk", flat=True)):
            return ReferenceAnswer.objects.get(pk=choice.choice(ids))
    raise NotFound(
        f"{persona.name} has no reference answers.",
        resolution="Import a CSV with the columns category and text.",
        code="no_reference_answers",
    )

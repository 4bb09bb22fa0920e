"""Reference answers (RT15) from files."""

from dataclasses import dataclass
from typing import BinaryIO

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.database import hold, insert_rows
from apps.contributions.models import ReferenceAnswer
from apps.contributions.queries import read_reference_file
from apps.personas.models import Persona


@dataclass(frozen=True)
class ReferenceImport:
    created: int
    known: int  # rows that were there already, or that repeat an earlier row; they change nothing
    rejected: list[tuple[int, str]]  # (line, why)


@transaction.atomic
def import_reference_answers(*, persona: Persona, file: BinaryIO, by: Actor) -> ReferenceImport:
    """Store what is new in a CSV with the columns category and text; the same file again changes nothing.

    InvalidInput, and nothing stored, if the file cannot be read. A row that cannot be used is left out and reported.
    """
    hold(persona)
    found = read_reference_file(persona=persona, file=file)
    insert_rows(
        [
            ReferenceAnswer(
                organization_id=persona.organization_id,
                persona=persona,
                category=reference.category,
                text=reference.text,
                content_hash=content_hash,
                added_by=by.audit_name,
            )
            for content_hash, reference in found.new.items()
        ]
    )
    audit.record(
        "imported_references",
        by=by,
        target=persona,
        created=len(found.new),
        known=found.known,
        rejected=len(found.rejected),
    )
    return ReferenceImport(created=len(found.new), known=found.known, rejected=found.rejected)

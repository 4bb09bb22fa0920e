from collections.abc import Iterator
from itertools import islice

from django.db.models import QuerySet

from apps.contributions.detectors import KnownValues, anonymise
from apps.contributions.formats import write_csv
from apps.contributions.models import TrainingExample
from apps.contributions.queries.chunks import CHUNK
from apps.contributions.queries.known_values import known_values_of
from apps.personas.queries import task_of


def csv_of_examples(*, examples: QuerySet[TrainingExample]) -> Iterator[str]:
    """Lines of a CSV file with the columns that an import reads, and the status: anonymised (PB6), as all that leaves.

    What was taken back has nothing to hand out, and is left out.
    """
    yield from write_csv([("text", "category", "status")])
    yield from write_csv(_anonymised_rows(examples))


def sample_of_csv(*, examples: QuerySet[TrainingExample], size: int = 20) -> list[str]:
    """The first questions of the file, as they would leave."""
    return [text for text, _, _ in islice(_anonymised_rows(examples), size)]


def _anonymised_rows(examples: QuerySet[TrainingExample]) -> Iterator[tuple[str, str, str]]:
    known: dict[int, KnownValues] = {}
    rows = examples.filter(withdrawn_at=None).select_related("persona", "organization").order_by("pk")
    for row in rows.iterator(chunk_size=CHUNK):
        if row.organization_id not in known:
            known[row.organization_id] = known_values_of(organization=row.organization)
        said = task_of(row.persona).user_message(row.input)
        (text,) = anonymise([said], known=known[row.organization_id]).texts
        yield text, row.category, row.status

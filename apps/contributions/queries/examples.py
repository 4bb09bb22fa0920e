from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from apps.common.ids import canonical_json
from apps.contributions.formats import write_csv
from apps.contributions.models import Label, TrainingExample
from apps.contributions.queries.chunks import CHUNK
from apps.personas.queries import task_of


def labels_given(*, example: TrainingExample) -> list[dict[str, Any]]:
    """The different labels that testers gave an example, the most frequent first."""
    given = Label.objects.filter(example=example, withdrawn_at=None).order_by("pk")
    counts = Counter(label.payload_hash for label in given)
    payloads = {label.payload_hash: label.payload or {} for label in given}
    return [payloads[payload_hash] for payload_hash, _ in counts.most_common()]


def describe_votes(*, example: TrainingExample) -> str:
    """Who said what, on one line."""
    labels = Label.objects.filter(example=example).select_related("tester").order_by("pk")
    return "; ".join(f"{label.tester}: {canonical_json(label.payload)}" for label in labels) or "none"


def csv_of_examples(*, examples: QuerySet[TrainingExample]) -> Iterator[str]:
    """Lines of a CSV file with the columns that an import reads, and the status."""
    rows = examples.select_related("persona").order_by("pk").iterator(chunk_size=CHUNK)
    yield from write_csv([("text", "category", "status")])
    yield from write_csv((task_of(row.persona).user_message(row.input), row.category, row.status) for row in rows)

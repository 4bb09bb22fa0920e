"""A persona with accepted examples, told in one line."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from apps.common.audit import SYSTEM
from apps.common.guards import create_guards, drop_guards
from apps.contributions.enums import ExampleStatus
from apps.contributions.models import Label, Tester, TrainingExample
from apps.datasets.models import DatasetItem, TrainingDataset
from apps.datasets.services import approve_and_publish_dataset, build_dataset
from apps.personas.models import Persona
from tests.factories import NOW, TrainingExampleFactory

CODES = ("lost_card", "exchange_rate", "top_up_failed")


def accept(persona: Persona, *, text: str = "", code: str = "lost_card", **fields: Any) -> TrainingExample:
    """One accepted example of quality 0.9."""
    given = {"input": {"text": text}} if text else {}
    example: TrainingExample = TrainingExampleFactory(
        persona=persona,
        accepted_label={"code": code},
        category=code,
        status=ExampleStatus.ACCEPTED,
        accepted_at=NOW,
        accepted_by="agreement",
        **{"quality_score": Decimal("0.900"), **given, **fields},
    )
    return example


def accept_many(persona: Persona, rows: int) -> list[TrainingExample]:
    """Accepted examples with the same texts and content hashes for every persona, codes in turn."""
    return [
        accept(persona, text=f"Question number {n}", code=CODES[n % len(CODES)], content_hash=f"q{n:063d}")
        for n in range(rows)
    ]


def label(example: TrainingExample, testers: Sequence[Tester], *, agrees: bool | None = True) -> None:
    for tester in testers:
        Label.objects.create(
            organization=example.organization,
            example=example,
            tester=tester,
            payload=example.accepted_label,
            payload_hash="0" * 64,
            agrees=agrees,
        )


def build(persona: Persona, **fields: Any) -> TrainingDataset:
    return build_dataset(**{"persona": persona, "name": "Bank questions", "by": SYSTEM, "now": NOW, **fields})


def withdraw(item: DatasetItem) -> None:
    """What a withdrawal does to a published row."""
    TrainingExample.objects.filter(pk=item.example_id).update(status=ExampleStatus.WITHDRAWN)
    DatasetItem.objects.filter(pk=item.pk).update(line="")


def alter(item: DatasetItem, line: str) -> None:
    """Change a row past the database's triggers, as somebody who dropped them could."""
    drop_guards()
    DatasetItem.objects.filter(pk=item.pk).update(line=line)
    create_guards()


def publish(dataset: TrainingDataset) -> TrainingDataset:
    return approve_and_publish_dataset(dataset=dataset, by=SYSTEM, now=NOW)

"""Why a share is what it is, in words a tester understands, from stored columns only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from apps.common.money import MICROS, format_money
from apps.contributions.enums import ExampleStatus, Split
from apps.contributions.models import Label, TrainingExample
from apps.datasets.models import WHOLE_ITEM, ItemCredit
from apps.payouts.enums import ShareBasis
from apps.payouts.models import RevenueDay, Share
from apps.personas.models import Persona
from apps.personas.queries import facts_of, task_of

TEN_CENTS = MICROS // 10


@dataclass(frozen=True)
class LabelledRow:
    """One labelled row behind a share. `part` is how much of the row is credited to the tester, above 0 up to 1."""

    day: date | None  # when the tester labelled it
    text: str
    label: str
    part: Fraction

    @property
    def part_of_row(self) -> str:
        return "1 row" if self.part == 1 else f"{float(self.part):.2g} of a row"


def explain_share(share: Share) -> str:
    """One sentence or two: the revenue, the pool, the weight, the amount. Load the share with `with_explanation`."""
    day = share.revenue_day
    revenue, pool, amount = (
        exact_money(micros, share.currency) for micros in (day.revenue_micros, day.pool_micros, share.amount_micros)
    )
    return (
        f"On {_date(day.day)}, {_count(day.run_count, 'paid run')} of {model_name(day)} earned {revenue}; "
        f"{percent_of_rate(day.share_rate)} ({pool}) goes to the people {_who(day)}. "
        f"{_what_you_did(share)} (weight {percent_of_weight(share)}), so you get {amount}."
    )


@dataclass(frozen=True)
class WeightExplained:
    """The facts behind the sentence, each as people read it."""

    rule: str
    yours: str
    all: str
    percent: str
    rows_title: str
    note: str


def explain_weight(share: Share) -> WeightExplained:
    """How the weight of a share came about, by the rule that its day was closed with."""
    day = share.revenue_day
    if day.basis == ShareBasis.LINEAGE:
        return WeightExplained(
            rule="Each training row counts as one, divided among the testers who are credited for it. Rows that only "
            "checked the training (validation) do not count.",
            yours=_count_rows(share.weight),
            all=_count_rows(day.total_weight),
            percent=percent_of_weight(share),
            rows_title="The training rows you labelled",
            note="These rows are frozen: they are what this version was trained on.",
        )
    return WeightExplained(
        rule="The model that answered was not trained on labels of this organization, so the people who label for the "
        "persona share. Each training test counts as one: a label that agrees with the accepted one.",
        yours=_count(share.weight, "training test"),
        all=_count(day.total_weight, "training test"),
        percent=percent_of_weight(share),
        rows_title="The training tests you had completed",
        note="A label that was judged anew after the day was closed may have joined or left this list since.",
    )


def _count_rows(weight: int) -> str:
    """Millionths of rows as rows, to two decimals where one is divided."""
    rows = Fraction(weight, WHOLE_ITEM)
    whole = rows.denominator == 1
    return _count(int(rows), "row") if whole else f"{float(rows):,.2f} rows"


def model_name(day: RevenueDay) -> str:
    """``Bank question coder v1``, or the persona's name and that its base model answered."""
    return str(day.custom_model) if day.custom_model else f"{day.persona} (answered by the base model)"


def exact_money(micros: int, currency: str) -> str:
    """Cents, and below ten of them up to four decimals, so that 30 % of €0.05 is €0.015 and not €0.02."""
    exact = next((places for places in (2, 3) if micros % 10 ** (6 - places) == 0), 4)
    return format_money(micros, currency, places=2 if micros >= TEN_CENTS else exact)


def percent_of_rate(rate: Decimal) -> str:
    return f"{(rate * 100).normalize():f} %"


def percent_of_weight(share: Share) -> str:
    """The tester's part of all weights, to one decimal."""
    part = Fraction(share.weight * 100, share.revenue_day.total_weight)
    return "less than 0.1 %" if 0 < part < Fraction(1, 10) else f"{float(part):.1f} %"


def labelled_rows(share: Share, *, offset: int = 0, limit: int = 50) -> list[LabelledRow]:
    """The rows behind a share, a page at a time; `share.items` says how many there are.

    By lineage they are the frozen training items credited to the tester. By contributions they are the labels the
    tester had given for the persona when the day was closed; labels judged anew since then may differ.
    """
    window = slice(offset, offset + limit)
    return (
        _credited_rows(share, window) if share.revenue_day.basis == ShareBasis.LINEAGE else _label_rows(share, window)
    )


def _date(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _who(day: RevenueDay) -> str:
    return "whose labels trained it" if day.basis == ShareBasis.LINEAGE else f"who label for {day.persona}"


def _what_you_did(share: Share) -> str:
    day = share.revenue_day
    if day.basis == ShareBasis.CONTRIBUTIONS:
        return f"You had completed {share.items:,} of its {_count(day.total_weight, 'training test')}"
    dataset = day.custom_model.training_dataset if day.custom_model else None
    rows, labelled = dataset.training_count if dataset else 0, day.total_weight // WHOLE_ITEM
    if rows == labelled:
        return f"You labelled {share.items:,} of its {_count(rows, 'training row')}"
    return (
        f"You labelled {share.items:,} of the {labelled:,} that people labelled of its {_count(rows, 'training row')}"
    )


def _credited_rows(share: Share, window: slice) -> list[LabelledRow]:
    model = share.revenue_day.custom_model
    credits = list(
        ItemCredit.objects.filter(
            dataset=model.training_dataset_id if model else None, tester=share.tester_id, item__split=Split.TRAIN
        )
        .select_related("item__example")
        .order_by("item__position")[window]
    )
    given = _labels_by_example(share, [credit.item.example for credit in credits])
    return [
        _row(share.revenue_day.persona, credit.item.example, given.get(credit.item.example_id), weight=credit.weight)
        for credit in credits
    ]


def _label_rows(share: Share, window: slice) -> list[LabelledRow]:
    labels = (
        Label.objects.of_organization(share.organization)
        .filter(
            tester=share.tester_id,
            example__persona=share.revenue_day.persona_id,
            agrees=True,
            created_at__lte=share.created_at,
        )
        .select_related("example")
        .order_by("pk")[window]
    )
    return [_row(share.revenue_day.persona, label.example, label, weight=WHOLE_ITEM) for label in labels]


def _labels_by_example(share: Share, examples: Sequence[TrainingExample]) -> dict[int, Label]:
    labels = Label.objects.of_organization(share.organization).filter(tester=share.tester_id, example__in=examples)
    return {label.example_id: label for label in labels}


def _row(persona: Persona, example: TrainingExample, label: Label | None, *, weight: int) -> LabelledRow:
    withdrawn = example.status == ExampleStatus.WITHDRAWN
    task = task_of(persona)
    return LabelledRow(
        day=label.created_at.date() if label else None,
        text="Withdrawn at its owner's request" if withdrawn else task.user_message(example.input),
        label="" if withdrawn else _label_text(persona, label.payload if label else example.accepted_label),
        part=Fraction(weight, WHOLE_ITEM),
    )


def _label_text(persona: Persona, payload: dict[str, Any] | None) -> str:
    if not payload:
        return ""
    return task_of(persona).label_text(payload, facts_of(persona))

"""What the pages of datasets say in numbers: pairs of label and value."""

from collections.abc import Iterable, Mapping

from django.template.defaultfilters import filesizeformat, pluralize
from django.utils import timezone

from apps.common.admin import as_written, preview, took_words
from apps.common.money import format_money, round_micros, token_cost
from apps.contributions.admin.leaving import measured_fact
from apps.contributions.queries.anonymising import replaced_words
from apps.datasets.admin.forms import BuildDatasetForm
from apps.datasets.enums import LeftOut
from apps.datasets.models import DatasetItem, TrainingDataset
from apps.datasets.queries import DatasetStatistics, Download, FileEstimate, Leaving, Preview, file_name
from apps.datasets.queries.files import FILE_SPLITS, frozen_sha256
from apps.datasets.queries.previews import advise
from apps.datasets.queries.rendering import Rendered
from apps.personas.models import Persona
from apps.providers.queries import price_on

SHOWN_CATEGORIES = 20
SHOWN_CHARACTERS = 500
Facts = list[tuple[str, str]]


def withdrawn_words(rows: int) -> str:
    """The mark of a dataset, or of a model that was trained on it, whose people took rows back since (AV13)."""
    return f"contains {rows:,} withdrawn row{pluralize(rows)}" if rows else "-"


def left_out_facts(left_out: Mapping[str, int]) -> Facts:
    return [(f"Left out: {LeftOut(reason).label.lower()}", f"{rows:,}") for reason, rows in left_out.items()]


def preview_facts(form: BuildDatasetForm, found: Preview) -> Facts:
    about = "" if found.tokens_are_exact else "about "
    return [
        ("Persona", str(form.cleaned_data["persona"])),
        ("Name", form.cleaned_data["name"]),
        ("Examples", f"{found.examples:,}: {found.training:,} to train on, {found.validation:,} to validate with"),
        ("Training tokens", f"{about}{found.training_tokens:,} in each epoch"),
        ("Cost of building", "nothing"),
        ("Time to build", f"about {took_words(found.seconds)} (estimated)"),
        *training_facts(form.cleaned_data["persona"], found.training_tokens),
        *left_out_facts({str(reason): rows for reason, rows in found.left_out.items()}),
        *[pair for first in found.sample[:1] for pair in _words_of(first)],
    ]


def training_facts(persona: Persona, tokens: int) -> Facts:
    """What comes after: one epoch of so many tokens with the persona's base model, at today's price."""
    base_model = persona.base_model
    price = price_on(base_model=base_model, day=timezone.now().date())
    if price is None:
        cost = f"not known: {base_model} has no price in the catalogue"
    else:
        money = format_money(round_micros(token_cost(tokens, price.training)), price.currency)
        cost = f"about {money} for each epoch on {base_model} (estimated, at today's price)"
    return [
        ("Cost of training on it", cost),
        ("Time to train on it", "not known yet: it is estimated before a job is started"),
    ]


def export_facts(dataset: TrainingDataset, download: Download, estimate: FileEstimate) -> Facts:
    about = "" if estimate.is_exact else "about "
    return [
        ("File", f"{download.name}, {about}{filesizeformat(estimate.size)}"),
        *dataset_facts(dataset),
        ("Approved", f"by {dataset.approved_by}"),
        ("Personal data replaced", replaced_words(dataset.redactions)),
        measured_fact(),
        ("Cost of exporting", "nothing"),
        ("Time to read it", f"about {took_words(estimate.seconds)} (estimated)"),
        *training_facts(dataset.persona, dataset.training_tokens),
        ("SHA-256", download.sha256),
    ]


def _words_of(rendered: Rendered) -> Facts:
    return [
        ("First example", rendered.words.user[:SHOWN_CHARACTERS]),
        ("It is to be answered with", rendered.words.assistant[:SHOWN_CHARACTERS]),
    ]


def dataset_facts(dataset: TrainingDataset) -> Facts:
    return [
        ("Examples", f"{dataset.example_count:,}"),
        ("To train on", f"{dataset.training_count:,}"),
        ("To validate with", f"{dataset.validation_count:,}"),
        ("Training tokens", f"{dataset.training_tokens:,} in each epoch"),
    ]


def publish_facts(datasets: Iterable[TrainingDataset]) -> Facts:
    return [
        (
            str(dataset),
            f"{dataset.training_count:,} to train on, {dataset.validation_count:,} to validate with, "
            f"{dataset.training_tokens:,} training tokens. {advise(dataset.training_count)}",
        )
        for dataset in datasets
    ]


def leaving_facts(leaving: Leaving) -> Facts:
    """What was replaced, how well that works, and the lines as they would leave."""
    return [
        ("Personal data replaced", leaving.replaced),
        measured_fact(),
        *([("Every line begins with", as_written(leaving.beginning))] if leaving.beginning else []),
        *[(f"Line {place} of the sample", as_written(line)) for place, line in enumerate(leaving.lines, start=1)],
    ]


def statistics_facts(dataset: TrainingDataset, found: DatasetStatistics) -> Facts:
    tokens = ", ".join(f"{name} {count:,}" for name, count in found.tokens.items())
    biggest = list(found.categories.items())[:SHOWN_CATEGORIES]
    return [
        *dataset_facts(dataset),
        ("Tokens of an example", tokens),
        ("Over the base model's limit", f"{found.over_limit:,}"),
        (f"Categories ({len(found.categories):,})", ", ".join(f"{name or 'none'} {rows:,}" for name, rows in biggest)),
        ("Advice", advise(dataset.training_count) or "Enough examples."),
    ]


def file_facts(dataset: TrainingDataset) -> Facts:
    return [
        ("Format", dataset.format),
        ("Seed of the split", str(dataset.seed)),
        *[
            (file_name(dataset=dataset, split=split), f"SHA-256 {frozen_sha256(dataset=dataset, split=split)}")
            for split in FILE_SPLITS
            if dataset.is_published
        ],
    ]


def item_words(items: Iterable[DatasetItem]) -> list[tuple[DatasetItem, str, str]]:
    """Each item with its question and its label; the whole line, the same prompt every time, is on its own page."""
    return [(item, preview(item.example.input), preview(item.example.accepted_label)) for item in items]

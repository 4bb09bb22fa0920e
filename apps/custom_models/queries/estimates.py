import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any

from django.db.models import F, Sum, Value
from django.db.models.functions import Least

from apps.common.errors import InvalidInput
from apps.common.fine_tuning import default_epochs
from apps.common.money import round_micros, token_cost
from apps.contributions.enums import Split
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import FineTuneJob
from apps.datasets.models import TrainingDataset
from apps.organizations.enums import Currency
from apps.providers.models import BaseModel, ModelPrice
from apps.providers.queries import price_on

AUTO = "auto"
DEFAULT_HYPERPARAMETERS: dict[str, int | float | str] = {  # RT6
    "n_epochs": 3,
    "learning_rate_multiplier": 0.1,
    "batch_size": AUTO,
}
WHOLE_NUMBERS = {"n_epochs": (1, 50), "batch_size": (1, 256)}
PAST_JOBS = 20  # how many recent jobs an estimate of time looks at


@dataclass(frozen=True)
class Estimate:
    """`tokens` are what will be billed: those of the file times the epochs. `seconds` None: no past job to judge by."""

    examples: int
    tokens: int
    n_epochs: int
    cost_micros: int
    currency: str
    seconds: int | None


def clean_hyperparameters(given: Mapping[str, Any] | None) -> dict[str, int | float | str]:
    """`given` over the defaults, each a number in its range or "auto"; InvalidInput names the one that is not."""
    unknown = sorted(set(given or {}) - set(DEFAULT_HYPERPARAMETERS))
    if unknown:
        raise InvalidInput(
            f"There is no hyperparameter {unknown[0]!r}.",
            resolution=f"Choose from: {', '.join(DEFAULT_HYPERPARAMETERS)}.",
            param="hyperparameters",
        )
    merged = {**DEFAULT_HYPERPARAMETERS, **(given or {})}
    for name, value in merged.items():
        if value != AUTO and not _in_range(name, value):
            raise InvalidInput(
                f"{name} is {value!r}, which it cannot be.",
                resolution='Use "auto"; or n_epochs 1 to 50, batch_size 1 to 256, learning_rate_multiplier above 0.',
                param=f"hyperparameters.{name}",
            )
    return merged


def _in_range(name: str, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if name in WHOLE_NUMBERS:
        low, high = WHOLE_NUMBERS[name]
        return isinstance(value, int) and low <= value <= high
    return value > 0 and math.isfinite(value)


def estimate_fine_tune(
    *, dataset: TrainingDataset, base_model: BaseModel, hyperparameters: Mapping[str, Any] | None, day: date
) -> Estimate:
    """What a fine-tuning job would cost before it is started (AV14, SC3). Validation tokens are free."""
    epochs = clean_hyperparameters(hyperparameters)["n_epochs"]
    n_epochs = default_epochs(dataset.training_count) if epochs == AUTO else int(epochs)
    tokens = _billed_file_tokens(dataset, base_model) * n_epochs
    price = price_on(base_model=base_model, day=day)
    return Estimate(
        examples=dataset.training_count,
        tokens=tokens,
        n_epochs=n_epochs,
        cost_micros=training_cost(tokens=tokens, price=price) or 0,
        currency=price.currency if price else Currency.USD,
        seconds=_estimated_seconds(base_model, tokens),
    )


def training_cost(*, tokens: int, price: ModelPrice | None) -> int | None:
    """Micros for `tokens` trained (RT11: 1,000,000 of gpt-4o are 2500 cents); None where no price is known."""
    return round_micros(token_cost(tokens, price.training)) if price else None


def _billed_file_tokens(dataset: TrainingDataset, base_model: BaseModel) -> int:
    """Tokens of the training file, each example cut at the model's limit as the provider cuts it."""
    capped = Least(F("tokens"), Value(base_model.max_example_tokens))
    training = dataset.items.filter(split=Split.TRAIN)
    return int(training.aggregate(total=Sum(capped))["total"] or 0)


def _estimated_seconds(base_model: BaseModel, tokens: int) -> int | None:
    """By the median speed of this base model's recent jobs, whoever ran them."""
    recent = FineTuneJob.objects.filter(
        base_model=base_model, status=JobStatus.SUCCEEDED, trained_tokens__gt=0, started_at__isnull=False
    ).order_by("-finished_at")[:PAST_JOBS]
    speeds = [
        (job.finished_at - job.started_at).total_seconds() / job.trained_tokens
        for job in recent
        if job.finished_at and job.started_at and job.trained_tokens
    ]
    return math.ceil(median(speeds) * tokens) if speeds else None

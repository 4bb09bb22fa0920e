"""What can be asked about jobs and models. Nothing here writes."""

from apps.custom_models.queries.estimates import (
    AUTO,
    DEFAULT_HYPERPARAMETERS,
    Estimate,
    clean_hyperparameters,
    estimate_fine_tune,
    training_cost,
)
from apps.custom_models.queries.models import (
    fresh_job,
    held_out_examples,
    jobs_this_month,
    latest_evaluation,
    live_model,
)

__all__ = [
    "AUTO",
    "DEFAULT_HYPERPARAMETERS",
    "Estimate",
    "clean_hyperparameters",
    "estimate_fine_tune",
    "fresh_job",
    "held_out_examples",
    "jobs_this_month",
    "latest_evaluation",
    "live_model",
    "training_cost",
]

"""What changes jobs and models: a job is started, launched, polled and ended; a model is evaluated and activated."""

from apps.custom_models.services import erasing
from apps.custom_models.services.activation import ACTIVATED, DEACTIVATED, activate_model, deactivate_model
from apps.custom_models.services.cancelling import cancel_fine_tune
from apps.custom_models.services.evaluating import continue_evaluation, run_evaluation, start_evaluation
from apps.custom_models.services.evaluation_sweep import hand_out_stalled_evaluations
from apps.custom_models.services.job_sweep import hand_out_due_jobs
from apps.custom_models.services.launching import launch_fine_tune
from apps.custom_models.services.polling import poll_fine_tune
from apps.custom_models.services.settling import settle_orphan
from apps.custom_models.services.starting import start_fine_tune

__all__ = [
    "ACTIVATED",
    "DEACTIVATED",
    "activate_model",
    "cancel_fine_tune",
    "continue_evaluation",
    "deactivate_model",
    "erasing",
    "hand_out_due_jobs",
    "hand_out_stalled_evaluations",
    "launch_fine_tune",
    "poll_fine_tune",
    "run_evaluation",
    "settle_orphan",
    "start_evaluation",
    "start_fine_tune",
]

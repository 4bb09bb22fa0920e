"""Jobs, models and their records in the admin."""

from apps.custom_models.admin.answers import EvaluationAnswerAdmin
from apps.custom_models.admin.jobs import FineTuneJobAdmin
from apps.custom_models.admin.models import CustomModelAdmin
from apps.custom_models.admin.records import ActivationAdmin, EvaluationAdmin

__all__ = ["ActivationAdmin", "CustomModelAdmin", "EvaluationAdmin", "EvaluationAnswerAdmin", "FineTuneJobAdmin"]

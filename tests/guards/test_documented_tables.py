"""The tables that the customers' documents name, with the columns they name, as they stand in the database.

Scripts and reports outside read them by these names. Where a document's word is about one product only (a roast, an
avatar, cents), requirements.md gives the general one.
"""

import pytest
from django.db import IntegrityError, connection, transaction

from apps.custom_models.enums import JobStatus
from apps.datasets.enums import DatasetStatus
from apps.datasets.models import TrainingDataset
from apps.feedback.enums import FeedbackType
from tests.factories import PersonaFactory

pytestmark = pytest.mark.django_db

DOCUMENTED = {
    # UX8
    "ai_training_contributions": [
        "tester_id", "persona_id", "training_tests_completed", "contribution_weight", "earned_micros", "currency",
    ],
    # AV6
    "avatar_fine_tune_jobs": [
        "user_id", "persona_id", "dataset_id", "provider_job_id", "base_model_id", "fine_tuned_model", "status",
        "training_file_id", "validation_file_id", "hyperparameters", "result_files", "trained_tokens",
        "error_message", "created_at", "started_at", "finished_at", "estimated_finish_at",
    ],
    # RT1
    "training_datasets": [
        "organization_id", "name", "description", "example_count", "min_quality_score", "include_persona",
        "include_platform_context", "training_params", "status", "prepared_at", "created_at", "updated_at",
    ],
    # RT2
    "custom_models": [
        "organization_id", "name", "base_model_id", "fine_tuned_model_id", "training_dataset_id",
        "training_started_at", "training_completed_at", "training_duration_seconds", "training_loss",
        "validation_loss", "training_examples", "average_response_time_ms", "quality_score", "user_approval_rate",
        "is_active", "deployed_at", "training_cost_micros", "inference_cost_per_answer_micros", "created_at",
        "updated_at",
    ],
    # RT3
    "model_feedback": [
        "organization_id", "custom_model_id", "response_id", "feedback_type", "original", "edited", "quality_score",
        "tone_match", "effectiveness", "metadata", "created_at",
    ],
    # RT10
    "ab_test_metrics": [
        "organization_id", "model_type", "response_id", "quality_score", "user_approval", "response_time_ms",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("table", "columns"), DOCUMENTED.items())
def test_a_documented_table_has_its_documented_columns(table: str, columns: list[str]) -> None:
    with connection.cursor() as cursor:
        there = {column.name for column in connection.introspection.get_table_description(cursor, table)}
    assert set(columns) - there == set()


def test_statuses_and_types_are_the_documented_words() -> None:
    """A job has steps of our own before the provider has it, and pauses; these are the provider's."""
    assert set(DatasetStatus.values) == {"preparing", "ready", "training", "completed", "failed"}
    assert set(FeedbackType.values) == {"approved", "rejected", "edited", "regenerated"}
    assert {"validating_files", "queued", "running", "succeeded", "failed", "cancelled"} <= set(JobStatus.values)


def test_the_database_refuses_a_dataset_status_that_is_not_documented() -> None:
    persona = PersonaFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        TrainingDataset.objects.create(organization=persona.organization, persona=persona, name="d", status="done")

"""What is only ever looked at."""

from django.contrib import admin

from apps.abtests.models import Observation, Rollout
from apps.organizations.scoped_admin import ReadOnlyAdmin


@admin.register(Observation)
class ObservationAdmin(ReadOnlyAdmin):
    list_display = ["response_id", "variant", "unit", "model_type", "user_approval", "response_time_ms", "created_at"]
    list_select_related = ["variant"]
    list_filter = ["model_type", "user_approval"]
    search_fields = ["response_id__exact"]
    search_help_text = "A whole response id, resp_…"
    ordering = ["-pk"]
    when_empty = "While an A/B test runs, each answer it decided about is noted here."
    fields = [
        "response_id", "variant", "unit", "model_type", "quality_score", "user_approval", "response_time_ms",
        "created_at",
    ]  # fmt: skip


@admin.register(Rollout)
class RolloutAdmin(ReadOnlyAdmin):
    list_display = ["persona", "candidate", "status", "percent", "started_by", "created_at", "ended_at"]
    list_select_related = ["persona", "candidate__persona"]
    list_filter = ["status"]
    ordering = ["-pk"]
    when_empty = "Nothing starts a rollout yet: a version is activated for everybody at once."
    fields = ["persona", "candidate", "status", "percent", "started_by", "created_at", "ended_at", "ended_reason"]

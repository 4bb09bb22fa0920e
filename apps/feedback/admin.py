from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.text import Truncator
from unfold.decorators import display

from apps.common.admin import without_braces
from apps.feedback import services
from apps.feedback.models import ModelFeedback, RetrainingPolicy
from apps.organizations.scoped_admin import ReadOnlyAdmin, ScopedAdmin, acting_user

PREVIEW = 80  # characters of a comment in a list
TYPE_COLOURS = {"Approved": "success", "Rejected": "danger", "Edited": "warning", "Regenerated": "info"}


@admin.register(ModelFeedback)
class ModelFeedbackAdmin(ReadOnlyAdmin):
    list_display = ["type_badge", "answered", "corrected", "custom_model", "rating", "changed", "said", "created_at"]
    list_select_related = ["custom_model__persona"]
    list_filter = ["feedback_type"]
    search_fields = ["response__public_id__exact", "client_id__exact"]
    search_help_text = "A whole response id, or a whole client id"
    ordering = ["-pk"]
    when_empty = "What callers send to /api/feedback/ about an answer appears here."
    fields = [
        "response", "custom_model", "type_badge", "original", "edited", "changed", "rating", "quality_score",
        "tone_match", "effectiveness", "comment", "metadata", "client_id", "given_by", "created_at",
    ]  # fmt: skip
    readonly_fields = ["type_badge", "changed"]

    @display(description="type", ordering="feedback_type", label=TYPE_COLOURS)  # type: ignore[untyped-decorator]
    def type_badge(self, feedback: ModelFeedback) -> str:
        return feedback.get_feedback_type_display()

    @admin.display(description="answer")
    def answered(self, feedback: ModelFeedback) -> str:
        return Truncator(without_braces(feedback.original)).chars(PREVIEW) or "-"

    @admin.display(description="should be")
    def corrected(self, feedback: ModelFeedback) -> str:
        return Truncator(without_braces(feedback.edited)).chars(PREVIEW) or "-"

    @admin.display(description="changed", ordering="edit_share")
    def changed(self, feedback: ModelFeedback) -> str:
        return "-" if feedback.edit_share is None else f"{feedback.edit_share:.0%}"

    @admin.display(description="comment")
    def said(self, feedback: ModelFeedback) -> str:
        return Truncator(feedback.comment).chars(PREVIEW) or "-"


@admin.register(RetrainingPolicy)
class RetrainingPolicyAdmin(ScopedAdmin):
    """One for each persona, made with its first feedback."""

    list_display = ["persona", "every_n_feedback", "is_active", "feedback_count", "last_due_at", "feedback_at_last_due"]
    list_select_related = ["persona"]
    list_filter = ["is_active"]
    ordering = ["persona__name"]
    when_empty = "A persona's first feedback makes its policy: after how much feedback it should be trained again."
    fields = ["persona", "every_n_feedback", "is_active", "feedback_count", "last_due_at", "feedback_at_last_due"]
    readonly_fields = ["persona", "feedback_count", "last_due_at", "feedback_at_last_due"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: RetrainingPolicy, form: Any, change: bool) -> None:
        services.change_retraining_policy(
            policy=obj, every_n_feedback=obj.every_n_feedback, is_active=obj.is_active, by=acting_user(request)
        )

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.common.admin import LiveAdmin, Standing, link_to_list
from apps.common.money import format_money
from apps.custom_models.admin.answers import OF_EVALUATION
from apps.custom_models.admin.facts import percent
from apps.custom_models.enums import EvaluationStatus
from apps.custom_models.models import Activation, CustomModel, Evaluation, EvaluationArm
from apps.organizations.scoped_admin import ReadOnlyAdmin
from apps.personas.scoped_admin import PersonaFilter

STATUS_COLOURS = {
    EvaluationStatus.RUNNING.label: "info",
    EvaluationStatus.COMPLETED.label: "success",
    EvaluationStatus.FAILED.label: "danger",
}


@admin.register(Evaluation)
class EvaluationAdmin(LiveAdmin, ReadOnlyAdmin):
    list_display = ["candidate", "status_badge", "progress", "result", "started_by", "created_at"]
    list_select_related = ["persona", "candidate__persona", "candidate__base_model"]
    list_filter = ["status", PersonaFilter]
    when_empty = "Evaluate a version to see, on examples it never saw, whether it is better than its base model."
    ordering = ["-pk"]
    fields = [
        "standing", "persona", "candidate", "arms", "answers", "started_by", "created_at", "finished_at",
    ]  # fmt: skip
    readonly_fields = ["standing", "arms", "answers", "created_at"]
    moving = ["arms"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("arms")

    @display(description="status", ordering="status", label=STATUS_COLOURS)  # type: ignore[untyped-decorator]
    def status_badge(self, evaluation: Evaluation) -> str:
        return evaluation.get_status_display()

    @admin.display(description="progress")
    def progress(self, evaluation: Evaluation) -> str:
        return f"{evaluation.answered:,} of {2 * evaluation.test_size:,} answers"

    def standing_of(self, row: Any) -> Standing:
        return Standing(
            status=row.get_status_display(),
            colour=STATUS_COLOURS[row.get_status_display()],
            words=self.progress(row),
            percent=100 * row.answered // max(1, 2 * row.test_size),
            problem=row.error_message,
            has_ended=row.status != EvaluationStatus.RUNNING,
        )

    @admin.display(description="accuracy: base → version")
    def result(self, evaluation: Evaluation) -> str:
        arms = sorted(evaluation.arms.all(), key=lambda arm: bool(arm.custom_model_id))
        return " → ".join(percent(arm.accuracy) for arm in arms)

    @admin.display(description="models")
    def arms(self, evaluation: Evaluation) -> str:
        return self.moving_part("arms", evaluation)

    def arms_now(self, evaluation: Evaluation) -> SafeString:
        shown = [_shown(arm, evaluation.candidate) for arm in evaluation.arms.all()]
        return render_to_string("custom_models/admin/arms.html", {"arms": shown})

    @admin.display(description="answers")
    def answers(self, evaluation: Evaluation) -> str:
        of_this = {OF_EVALUATION: evaluation.pk}
        links = [
            link_to_list("custom_models_evaluationanswer", "Show the answers", **of_this),
            link_to_list("custom_models_evaluationanswer", "where only one was right", disagreement="any", **of_this),
        ]
        return format_html_join(", ", "{}", ((link,) for link in links))


def _shown(arm: EvaluationArm, candidate: CustomModel) -> dict[str, str]:
    done = arm.accuracy is not None
    return {
        "name": str(candidate) if arm.custom_model_id else f"{candidate.base_model} (base model)",
        "accuracy": percent(arm.accuracy),
        "interval": f"{100 * (arm.interval_low or 0):.1f}-{100 * (arm.interval_high or 0):.1f} %" if done else "",
        "answered": f"{arm.answered:,}",
        "latency": f"{arm.median_latency_ms or 0:.0f} ms" if done else "",
        "cost": format_money(arm.cost_micros, candidate.currency) if done else "",
    }


@admin.register(Activation)
class ActivationAdmin(ReadOnlyAdmin):
    """Which version was live from when to when, by whom and why."""

    list_display = [
        "custom_model", "activated_at", "activated_by", "activated_reason", "deactivated_at", "deactivated_by",
    ]  # fmt: skip
    list_select_related = ["custom_model__persona"]
    search_fields = ["custom_model__name"]
    ordering = ["-activated_at"]
    list_filter = [PersonaFilter]
    when_empty = "Activate a version, and it is written down here: from when to when, by whom and why."

from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from unfold.decorators import action, display

from apps.common.admin import confirm, is_confirmed, link_to_list, refusals_shown
from apps.common.errors import FlywheelError
from apps.common.money import format_money
from apps.custom_models import services
from apps.custom_models.admin.facts import (
    activation_facts,
    activation_warning,
    deactivation_facts,
    evaluation_start_facts,
    percent,
    training_cost_words,
    training_time_words,
)
from apps.custom_models.admin.forms import ReasonForm
from apps.custom_models.enums import EvaluationStatus, ModelStatus
from apps.custom_models.models import CustomModel, EvaluationArm
from apps.custom_models.queries import held_out_examples, latest_evaluation
from apps.datasets.admin.facts import withdrawn_words
from apps.organizations.scoped_admin import ReadOnlyAdmin, acting_user
from apps.personas.scoped_admin import PersonaFilter

ACTIVE = {"Active": "success", "Not active": "default"}


def _latest_arm(column: str) -> Subquery:
    arms = EvaluationArm.objects.filter(
        custom_model=OuterRef("pk"), evaluation__status=EvaluationStatus.COMPLETED
    ).order_by("-pk")
    return Subquery(arms.values(column)[:1])


@admin.register(CustomModel)
class CustomModelAdmin(ReadOnlyAdmin):
    """*Evaluate* proves, *Activate* puts a version live, *Deactivate* reverts to the base model (SC5)."""

    list_display = [
        "name", "active_badge", "tested", "base_model", "training_examples", "withdrawn", "training_cost",
        "shutdown_date", "created_at",
    ]  # fmt: skip
    list_select_related = ["persona", "base_model", "job", "training_dataset"]
    list_filter = ["is_active", PersonaFilter, "status"]
    when_empty = "A fine-tuning job that succeeds makes the persona's next version. It answers once it is activated."
    search_fields = ["name", "fine_tuned_model_id"]
    ordering = ["-pk"]
    actions = ["activate", "deactivate", "evaluate"]
    actions_detail = ["activate_this", "deactivate_this", "evaluate_this"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "persona", "number", "active_badge", "status", "deployed_at", "shutdown_date", "see_also",
                ]
            },
        ),
        ("Proof", {"fields": ["tested", "approval", "speed"]}),
        (
            "Training",
            {
                "fields": [
                    "base_model", "training_dataset", "job", "training_examples", "withdrawn", "training_completed_at",
                    "took",
                    "training_accuracy_percent", "validation_accuracy_percent", "training_loss", "validation_loss",
                ]
            },
        ),
        ("Money", {"fields": ["training_cost", "answer_cost"]}),
        ("At the provider", {"fields": ["provider", "credential", "fine_tuned_model_id"]}),
    ]  # fmt: skip
    readonly_fields = [
        "active_badge", "tested", "approval", "speed", "took", "see_also", "withdrawn",
        "training_accuracy_percent", "validation_accuracy_percent", "training_cost", "answer_cost",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        latest = {f"test_{name}": _latest_arm(name) for name in ("accuracy", "interval_low", "interval_high")}
        rows: QuerySet[Any] = super().get_queryset(request).annotate(**latest)
        return rows

    @display(description="live", ordering="is_active", label=ACTIVE)  # type: ignore[untyped-decorator]
    def active_badge(self, model: CustomModel) -> str:
        return "Active" if model.is_active else "Not active"

    @admin.display(description="test accuracy", ordering="test_accuracy")
    def tested(self, model: Any) -> str:
        if model.test_accuracy is None:
            return "not evaluated"
        low, high = 100 * model.test_interval_low, 100 * model.test_interval_high
        return f"{percent(model.test_accuracy)} ({low:.1f}-{high:.1f} %)"

    @admin.display(description="withdrawn", ordering="training_dataset__withdrawn_count")
    def withdrawn(self, model: CustomModel) -> str:
        """It cannot be un-trained: it stays marked, and a new version is trained without these rows."""
        return withdrawn_words(model.training_dataset.withdrawn_count if model.training_dataset else 0)

    @admin.display(description="approved by its readers")
    def approval(self, model: CustomModel) -> str:
        return "no feedback yet" if model.user_approval_rate is None else percent(model.user_approval_rate)

    @admin.display(description="time of an answer")
    def speed(self, model: CustomModel) -> str:
        average = model.average_response_time_ms
        return "not measured" if average is None else f"{average:,.0f} ms"

    @admin.display(description="training took")
    def took(self, model: CustomModel) -> str:
        return training_time_words(model)

    @admin.display(description="see also")
    def see_also(self, model: CustomModel) -> str:
        lists = [
            link_to_list("custom_models_evaluation", "evaluations", candidate__id__exact=model.pk),
            link_to_list("custom_models_activation", "activations", custom_model__id__exact=model.pk),
            link_to_list("chat_response", "responses", custom_model__id__exact=model.pk),
            link_to_list("feedback_modelfeedback", "feedback", custom_model__id__exact=model.pk),
            link_to_list("payouts_revenueday", "revenue days", custom_model__id__exact=model.pk),
        ]
        return format_html_join(", ", "{}", ((link,) for link in lists))

    @admin.display(description="on training rows", ordering="training_accuracy")
    def training_accuracy_percent(self, model: CustomModel) -> str:
        return percent(model.training_accuracy)

    @admin.display(description="on validation rows", ordering="validation_accuracy")
    def validation_accuracy_percent(self, model: CustomModel) -> str:
        return percent(model.validation_accuracy)

    @admin.display(description="training cost", ordering="training_cost_micros")
    def training_cost(self, model: CustomModel) -> str:
        return training_cost_words(model)

    @admin.display(description="cost of an answer")
    def answer_cost(self, model: CustomModel) -> str:
        cost = model.inference_cost_per_answer_micros
        return "not measured" if cost is None else format_money(cost, model.currency)

    @admin.action(description="Activate", permissions=["write"])
    def activate(self, request: HttpRequest, queryset: QuerySet[CustomModel]) -> HttpResponse | None:
        model = self._one(request, queryset)
        if model is None:
            return None
        if not is_confirmed(request):
            evaluation = latest_evaluation(candidate=model)
            return confirm(
                self, request, queryset, action="activate", title=f"Activate {model}?",
                facts=activation_facts(model, evaluation), warning=activation_warning(evaluation), form=ReasonForm(),
                button="Activate",
            )  # fmt: skip
        now = timezone.now()
        with refusals_shown(request):
            services.activate_model(model=model, by=acting_user(request), now=now, reason=_reason(request))
            messages.success(request, f"{services.ACTIVATED} Fallback: {model.persona.base_model}.")
        return None

    @admin.action(description="Deactivate", permissions=["write"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[CustomModel]) -> HttpResponse | None:
        model = self._one(request, queryset)
        if model is None:
            return None
        if not is_confirmed(request) and model.is_active:
            facts = deactivation_facts(model.persona, model, latest_evaluation(candidate=model))
            return confirm(
                self, request, queryset, action="deactivate", title=f"Deactivate {model}?", facts=facts,
                form=ReasonForm(), button="Deactivate",
            )  # fmt: skip
        now = timezone.now()
        with refusals_shown(request):
            services.deactivate_model(
                persona=model.persona, model=model, by=acting_user(request), now=now, reason=_reason(request)
            )
            messages.success(request, f"{services.DEACTIVATED}: {model.persona.base_model}.")
        return None

    @admin.action(description="Evaluate", permissions=["write"])
    def evaluate(self, request: HttpRequest, queryset: QuerySet[CustomModel]) -> HttpResponse | None:
        model = self._one(request, queryset)
        if model is None:
            return None
        if not is_confirmed(request):
            test_size = held_out_examples(persona=model.persona).count()
            return confirm(
                self, request, queryset, action="evaluate", title=f"Evaluate {model}?",
                facts=evaluation_start_facts(model, test_size), button="Evaluate",
            )  # fmt: skip
        try:
            evaluation = services.start_evaluation(candidate=model, by=acting_user(request), now=timezone.now())
        except FlywheelError as error:
            messages.error(request, str(error))
            return None
        messages.success(request, "The evaluation is running. This page shows how far it is.")
        return HttpResponseRedirect(reverse("admin:custom_models_evaluation_change", args=[evaluation.pk]))

    @action(description="Activate", permissions=["write"], url_path="activate")  # type: ignore[untyped-decorator]
    def activate_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.activate(request, self.only(request, object_id)) or self.back_to(object_id)

    @action(description="Deactivate", permissions=["write"], url_path="deactivate")  # type: ignore[untyped-decorator]
    def deactivate_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.deactivate(request, self.only(request, object_id)) or self.back_to(object_id)

    @action(description="Evaluate", permissions=["write"], url_path="evaluate")  # type: ignore[untyped-decorator]
    def evaluate_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.evaluate(request, self.only(request, object_id)) or self.back_to(object_id)

    def _one(self, request: HttpRequest, queryset: QuerySet[CustomModel]) -> CustomModel | None:
        chosen = list(queryset.select_related("persona__base_model", "persona__organization", "base_model", "job")[:2])
        if len(chosen) == 1:
            return chosen[0]
        messages.error(request, "Choose one version.")
        return None

    def offers(self, name: str, row: CustomModel) -> bool:
        if name == "deactivate_this":
            return row.is_active
        return row.status == ModelStatus.READY and not (name == "activate_this" and row.is_active)


def _reason(request: HttpRequest) -> str:
    form = ReasonForm(request.POST)
    return str(form.cleaned_data["reason"]) if form.is_valid() else ""

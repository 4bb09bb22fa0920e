from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from apps.common.admin import (
    LiveAdmin,
    Standing,
    confirm,
    is_confirmed,
    link_to,
    refusals_shown,
    show_facts,
    took_words,
)
from apps.common.errors import FlywheelError
from apps.custom_models import services
from apps.custom_models.admin.facts import (
    cancel_facts,
    cancelled_words,
    cost_words,
    hyperparameter_facts,
    metric_facts,
    minutes_left,
    start_facts,
    tokens_words,
)
from apps.custom_models.admin.forms import StartForm
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import FineTuneEvent, FineTuneJob
from apps.custom_models.queries import estimate_fine_tune
from apps.organizations.scoped_admin import ReadOnlyAdmin, acting_user
from apps.personas.scoped_admin import PersonaFilter

STATUS_COLOURS = {
    **{status.label: "info" for status in JobStatus.open()},
    JobStatus.PAUSED.label: "warning",
    JobStatus.SUCCEEDED.label: "success",
    JobStatus.FAILED.label: "danger",
}


def progress_of(job: FineTuneJob, last_event: str) -> str:
    """Where a job stands: its stage of seven, the provider's last words while it runs, the time left (AV15)."""
    status = JobStatus(job.status)
    if status in JobStatus.finished():
        return "ended" + took(job)
    if status == JobStatus.PAUSED:
        return "paused"
    stages = JobStatus.stages()
    words = f"stage {stages.index(status) + 1} of {len(stages)}"
    if status == JobStatus.RUNNING and last_event:
        words = last_event
    return words + minutes_left(job, timezone.now())


def percent_of(job: FineTuneJob) -> int | None:
    """Of its stages, those that are behind it."""
    stages = JobStatus.stages()
    return 100 * stages.index(JobStatus(job.status)) // len(stages) if job.status in stages else None


def took(job: FineTuneJob) -> str:
    if job.started_at is None or job.finished_at is None:
        return ""
    return f" after {took_words((job.finished_at - job.started_at).total_seconds())}"


@admin.register(FineTuneJob)
class FineTuneJobAdmin(LiveAdmin, ReadOnlyAdmin):
    """*Start fine-tuning* asks, shows the numbers and then starts; *Cancel* ends, here and at the provider."""

    list_display = [
        "name", "status_badge", "progress", "dataset", "base_model", "tokens", "cost", "created_at",
    ]  # fmt: skip
    list_select_related = ["persona", "dataset", "base_model"]
    list_filter = ["status", PersonaFilter, "method"]
    search_fields = ["dataset__name", "provider_job_id", "fine_tuned_model", "client_reference"]
    search_help_text = "A dataset's name, or an id at the provider"
    when_empty = "Publish a dataset, then start a job that trains a base model on it. What it costs is shown first."
    ordering = ["-pk"]
    actions = ["cancel"]
    actions_list = ["start"]
    actions_detail = ["evaluate_model", "activate_model", "cancel_this"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "standing", "persona", "dataset", "base_model", "made", "started_by", "created_at",
                ]
            },
        ),
        ("Training", {"fields": ["method", "suffix", "settings", "measured", "training_sha256"]}),
        ("Numbers", {"fields": ["tokens", "cost", "started_at", "finished_at", "estimated_finish_at"]}),
        ("Problems", {"fields": ["error_code", "error_message", "last_problem", "launch_attempts", "poll_failures"]}),
        (
            "At the provider",
            {
                "fields": [
                    "provider", "credential", "client_reference", "provider_job_id", "training_file_id",
                    "validation_file_id", "fine_tuned_model", "results",
                ]
            },
        ),
        ("Events", {"fields": ["events"]}),
    ]  # fmt: skip
    readonly_fields = [
        "standing", "tokens", "cost", "made", "settings", "measured", "results", "events",
    ]  # fmt: skip
    moving = ["events"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        last = FineTuneEvent.objects.filter(job=OuterRef("pk")).order_by("-pk").values("message")[:1]
        rows: QuerySet[Any] = super().get_queryset(request).annotate(last_event=Subquery(last))
        return rows

    @display(description="status", ordering="status", label=STATUS_COLOURS)  # type: ignore[untyped-decorator]
    def status_badge(self, job: FineTuneJob) -> str:
        return job.get_status_display()

    @admin.display(description="progress")
    def progress(self, job: Any) -> str:
        return progress_of(job, job.last_event or "")

    @admin.display(description="job", ordering="pk")
    def name(self, job: FineTuneJob) -> str:
        return f"{job.persona}, job {job.pk}"

    @admin.display(description="tokens", ordering="estimated_tokens")
    def tokens(self, job: FineTuneJob) -> str:
        return tokens_words(job)

    @admin.display(description="cost", ordering="estimated_cost_micros")
    def cost(self, job: FineTuneJob) -> str:
        return cost_words(job)

    def standing_of(self, row: Any) -> Standing:
        return Standing(
            status=row.get_status_display(),
            colour=STATUS_COLOURS.get(row.get_status_display(), ""),
            words=self.progress(row),
            percent=percent_of(row),
            problem=row.error_message or row.last_problem,
            has_ended=row.status in JobStatus.finished(),
        )

    @admin.display(description="custom model")
    def made(self, job: FineTuneJob) -> str:
        return link_to(getattr(job, "custom_model", None))

    @admin.display(description="settings")
    def settings(self, job: FineTuneJob) -> str:
        return show_facts(hyperparameter_facts(job))

    @admin.display(description="measured")
    def measured(self, job: FineTuneJob) -> str:
        return show_facts(metric_facts(job))

    @admin.display(description="result files")
    def results(self, job: FineTuneJob) -> str:
        return ", ".join(map(str, job.result_files)) or "-"

    @admin.display(description="events")
    def events(self, job: FineTuneJob) -> str:
        return self.moving_part("events", job)

    def events_now(self, job: FineTuneJob) -> SafeString:
        return render_to_string("custom_models/admin/events.html", {"events": job.events.order_by("-pk")[:200]})

    @action(description="Start fine-tuning", permissions=["write"], url_path="start", icon="model_training")  # type: ignore[untyped-decorator]
    def start(self, request: HttpRequest) -> HttpResponse:
        """Three steps on one address: the form, the numbers, the job.

        Other pages link here as ``admin:custom_models_finetunejob_start`` with ``?dataset=<id>``.
        """
        form = StartForm(request.POST or None, user=acting_user(request), initial=request.GET.dict())
        if not form.is_valid():
            return self._ask(request, form)
        try:
            if form.asks_for_last_step:
                return self._start(request, form)
            return self._show_numbers(request, form)
        except FlywheelError as error:
            messages.error(request, str(error))
            return self._ask(request, form)

    def _ask(self, request: HttpRequest, form: StartForm) -> HttpResponse:
        return confirm(
            self, request, FineTuneJob.objects.none(), action="", title="Start fine-tuning", facts=[],
            form=form.asked_again(), button="Show the numbers",
        )  # fmt: skip

    def _show_numbers(self, request: HttpRequest, form: StartForm) -> HttpResponse:
        dataset, base_model, now = form.cleaned_data["dataset"], form.cleaned_data["base_model"], timezone.now()
        estimate = estimate_fine_tune(
            dataset=dataset, base_model=base_model, hyperparameters=form.hyperparameters, day=now.date()
        )
        return confirm(
            self, request, FineTuneJob.objects.none(), action="", title="Start this fine-tuning job?",
            facts=start_facts(dataset, base_model, estimate, now=now), form=form.hidden(), button="Start fine-tuning",
        )  # fmt: skip

    def _start(self, request: HttpRequest, form: StartForm) -> HttpResponse:
        user = acting_user(request)
        job = services.start_fine_tune(
            dataset=form.cleaned_data["dataset"],
            base_model=form.cleaned_data["base_model"],
            credential=form.cleaned_data["credential"],
            hyperparameters=form.hyperparameters,
            suffix=form.cleaned_data["suffix"],
            by=user,
            user=user,
            now=timezone.now(),
        )
        messages.success(request, f"Fine-tuning job {job.pk} is started. This page shows how far it is.")
        return self.back_to(job.pk)

    @admin.action(description="Cancel", permissions=["write"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[FineTuneJob]) -> HttpResponse | None:
        if not is_confirmed(request):
            return confirm(
                self, request, queryset, action="cancel", title="Cancel the training?", button="Cancel the training",
                facts=cancel_facts(list(queryset.select_related("persona", "dataset")), now=timezone.now()),
                warning="The provider may charge for what it has trained so far.",
            )  # fmt: skip
        for job in queryset:
            with refusals_shown(request):
                job = services.cancel_fine_tune(job=job, by=acting_user(request), now=timezone.now())
                level = messages.SUCCESS if job.status == JobStatus.CANCELLED else messages.WARNING
                messages.add_message(request, level, cancelled_words(job))
        return None

    @action(description="Cancel", permissions=["write"], url_path="cancel")  # type: ignore[untyped-decorator]
    def cancel_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.cancel(request, self.only(request, object_id)) or self.back_to(object_id)

    @action(description="Evaluate", permissions=["write"], url_path="evaluate")  # type: ignore[untyped-decorator]
    def evaluate_model(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_model(request, object_id, "evaluate_this")

    @action(description="Activate", permissions=["write"], url_path="activate")  # type: ignore[untyped-decorator]
    def activate_model(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_model(request, object_id, "activate_this")

    def _to_model(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """The button of the same name on the page of the model that the job made."""
        model = getattr(self.only(request, object_id).get(), "custom_model", None)
        if model is None:
            raise Http404
        return HttpResponseRedirect(reverse(f"admin:custom_models_custommodel_{name}", args=[model.pk]))

    def offers(self, name: str, row: FineTuneJob) -> bool:
        if name == "cancel_this":
            return row.status in JobStatus.open()
        model = getattr(row, "custom_model", None)
        return model is not None and not (name == "activate_model" and model.is_active)

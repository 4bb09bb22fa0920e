from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.defaultfilters import pluralize
from django.utils import timezone
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.common.admin import (
    as_written,
    confirm,
    in_full,
    is_confirmed,
    link_to_list,
    preview,
    refusals_shown,
    show_facts,
)
from apps.contributions import queries, services
from apps.contributions.admin.collection import ShowsCollection
from apps.contributions.admin.deciding import DecidesExamples
from apps.contributions.admin.importing import ImportsExamples
from apps.contributions.admin.leaving import ApprovalForm, measured_fact
from apps.contributions.admin.synthetic import synthetic_page
from apps.contributions.admin.taking_back import TakesBackExamples
from apps.contributions.enums import ExampleStatus
from apps.contributions.models import Label, TrainingExample
from apps.contributions.queries.searching import find_examples
from apps.organizations.scoped_admin import ReadOnlyAdmin, ScopedInline, acting_user
from apps.personas.scoped_admin import PersonaFilter
from apps.personas.tasks.quality import MAX_POINTS

STATUS_COLOURS = {
    "Awaiting labels": "info",
    "Accepted": "success",
    "Labels disagree": "warning",
    "Rejected": "danger",
    "Withdrawn": "danger",
}


LABEL_FIELDS = ("tester", "said", "agrees", "rating", "seconds_spent", "answer_similarity", "is_flagged", "created_at")


class LabelInline(ScopedInline):
    model = Label
    fields = LABEL_FIELDS
    readonly_fields = LABEL_FIELDS
    can_delete = False

    @admin.display(description="label")
    def said(self, label: Label) -> str:
        return preview(label.payload)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RejectForm(forms.Form):
    reason = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget, help_text="Kept in the audit log.")


@admin.register(TrainingExample)
class TrainingExampleAdmin(ImportsExamples, DecidesExamples, TakesBackExamples, ShowsCollection, ReadOnlyAdmin):
    list_display = ["question", "status_badge", "label", "answer", "persona", "source", "quality_score", "created_at"]
    list_filter = ["status", PersonaFilter, "kind", "source", "split_pin", "is_gold"]
    list_select_related = ["persona"]
    search_fields = ["client_id__exact"]  # shows the box; what it finds is `find_examples`
    search_help_text = "A whole question; or an id: ours, the sender's, of the response, of the conversation"
    ordering = ["-pk"]
    actions = ["reject", "mark_gold", "unmark_gold", "take_back", "download_csv"]
    actions_detail = ["resolve_this", "reject_this", "take_back_this"]
    actions_list = ["import_file", "resolve_next", "create_synthetic", "collection", "find_duplicates"]
    when_empty = "Import a file, or let answers of personas come in; testers then label them at the review desk."
    inlines = [LabelInline]
    fieldsets = [
        (None, {"fields": ["persona", "status_badge", "question_in_full", "output_in_full", "label_in_full"]}),
        (
            "For training",
            {
                "fields": [
                    "quality", "outcome", "split_pin", "is_gold", "consent", "accepted_at", "accepted_by", "used_in",
                ]
            },
        ),
        (
            "Where it comes from",
            {
                "fields": [
                    "kind", "source", "answer_link", "conversation_ref", "upload", "client_id", "contributed_by",
                    "near_duplicate_of", "kept_apart_by", "created_at",
                ]
            },
        ),
        ("On somebody's desk", {"fields": ["leased_to", "leased_until"]}),
    ]  # fmt: skip
    readonly_fields = [
        "status_badge", "question_in_full", "output_in_full", "label_in_full", "answer_link", "used_in", "quality",
    ]  # fmt: skip

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[TrainingExample], search_term: str
    ) -> tuple[QuerySet[TrainingExample], bool]:
        """Payloads are encrypted, so what is looked for is looked for as a whole."""
        return (find_examples(examples=queryset, words=search_term) if search_term.strip() else queryset), False

    @admin.display(description="input")
    def question(self, example: TrainingExample) -> str:
        return preview(example.input)

    @admin.display(description="model's answer")
    def answer(self, example: TrainingExample) -> str:
        return preview(example.output)

    @admin.display(description="accepted label", ordering="category")
    def label(self, example: TrainingExample) -> str:
        return example.category or preview(example.accepted_label)

    @admin.display(description="input")
    def question_in_full(self, example: TrainingExample) -> str:
        return in_full(example.input)

    @admin.display(description="model's answer")
    def output_in_full(self, example: TrainingExample) -> str:
        return in_full(example.output)

    @admin.display(description="accepted label")
    def label_in_full(self, example: TrainingExample) -> str:
        return in_full(example.accepted_label)

    @display(description="status", ordering="status", label=STATUS_COLOURS)  # type: ignore[untyped-decorator]
    def status_badge(self, example: TrainingExample) -> str:
        return example.get_status_display()

    @admin.display(description="response")
    def answer_link(self, example: TrainingExample) -> str:
        return link_to_list("chat_response", example.response_id, q=example.response_id) if example.response_id else "-"

    @admin.display(description="datasets")
    def used_in(self, example: TrainingExample) -> str:
        return link_to_list("datasets_datasetitem", "its rows in datasets", example__id__exact=example.pk)

    @admin.display(description="quality")
    def quality(self, example: TrainingExample) -> str:
        found = queries.quality_of(example=example)
        points = (
            f"{example.quality_points} of {MAX_POINTS} ({', '.join(found.reasons) or 'nothing known of the answer'})"
        )
        return show_facts([("Score", f"{example.quality_score} ({found.score_reason})"), ("Points", points)])

    @admin.action(description="Reject", permissions=["write"])
    def reject(self, request: HttpRequest, queryset: QuerySet[TrainingExample]) -> HttpResponseBase | None:
        form = RejectForm(request.POST if is_confirmed(request) else None)
        if not form.is_valid():
            return confirm(
                self, request, queryset, action="reject", title="Reject these examples?",
                facts=_to_reject(queryset), form=form,
                warning="No dataset will contain them.", button="Reject",
            )  # fmt: skip
        done = 0
        for example in queryset:
            with refusals_shown(request):
                services.reject_example(
                    example=example, by=acting_user(request), now=timezone.now(), reason=form.cleaned_data["reason"]
                )
                done += 1
        messages.success(request, f"{done:,} example{pluralize(done)} rejected.")
        return None

    @action(description="Reject", permissions=["write"], url_path="reject")  # type: ignore[untyped-decorator]
    def reject_this(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self.reject(request, self.only(request, object_id)) or self.back_to(object_id)

    def offers(self, name: str, row: TrainingExample) -> bool:
        if name == "take_back_this":
            return row.withdrawal_id is None
        if name == "resolve_this":
            return row.status != ExampleStatus.WITHDRAWN
        return row.status in ExampleStatus.undecided()

    @action(description="Create synthetic examples", permissions=["write"], url_path="synthetic", icon="auto_awesome")  # type: ignore[untyped-decorator]
    def create_synthetic(self, request: HttpRequest) -> HttpResponseBase:
        return synthetic_page(self, request)

    @admin.action(description="Download as CSV", permissions=["view"])
    def download_csv(self, request: HttpRequest, queryset: QuerySet[TrainingExample]) -> HttpResponseBase:
        """What leaves is anonymised, and looked at before."""
        form = ApprovalForm(request.POST if is_confirmed(request) else None)
        if not form.is_valid():
            return confirm(
                self, request, queryset, action="download_csv", title="Download these examples?",
                facts=_to_download(queryset), form=form, button="Download",
                warning="Personal data is replaced, but not all of it is found. Look at the lines.",
            )  # fmt: skip
        services.record_download(examples=queryset, by=acting_user(request))
        return StreamingHttpResponse(
            queries.csv_of_examples(examples=queryset),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="examples-{timezone.now():%Y-%m-%d}.csv"'},
        )


def _to_download(examples: QuerySet[TrainingExample]) -> list[tuple[str, str]]:
    lines = queries.sample_of_csv(examples=examples)
    return [
        ("Examples", f"{examples.filter(withdrawn_at=None).count():,}"),
        measured_fact(),
        *[(f"Line {place} of the file", as_written(line)) for place, line in enumerate(lines, start=1)],
    ]


def _to_reject(examples: QuerySet[TrainingExample]) -> list[tuple[str, str]]:
    count = examples.count()
    return [("Example", preview(examples[0].input)) if count == 1 else ("Examples", f"{count:,}")]

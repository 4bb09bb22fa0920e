from datetime import date

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from unfold.decorators import action, display

from apps.common.admin import confirm, is_confirmed, link_to_list, refusals_shown, show_facts
from apps.common.errors import FlywheelError
from apps.contributions.admin.leaving import ApprovalForm
from apps.contributions.enums import Split
from apps.contributions.queries.anonymising import replaced_words
from apps.datasets import queries, services
from apps.datasets.admin.facts import (
    export_facts,
    file_facts,
    item_words,
    leaving_facts,
    left_out_facts,
    preview_facts,
    publish_facts,
    statistics_facts,
    withdrawn_words,
)
from apps.datasets.admin.forms import BuildDatasetForm
from apps.datasets.enums import DatasetStatus
from apps.datasets.models import DatasetItem, TrainingDataset
from apps.organizations.scoped_admin import ReadOnlyAdmin, acting_user
from apps.personas.scoped_admin import PersonaFilter

SHOWN_ITEMS = 20
STATUS_COLOURS = {
    "Preparing": "info",
    "Ready": "success",
    "Training": "warning",
    "Completed": "success",
    "Failed": "danger",
}


@admin.register(TrainingDataset)
class TrainingDatasetAdmin(ReadOnlyAdmin):
    """*Build dataset* asks, previews and then writes a draft; *Publish* freezes it; *Export JSONL* hands it out."""

    list_display = ["name", "persona", "status_badge", "examples", "withdrawn", "split", "tokens", "published"]
    list_select_related = ["persona"]
    list_filter = ["status", PersonaFilter]
    search_fields = ["name", "training_sha256"]
    search_help_text = "A name, or the SHA-256 of a training file"
    when_empty = (
        "A dataset is a choice of accepted examples, rendered for training. Build one once testers have labelled, "
        "look through it, then publish it: from then on it never changes."
    )
    ordering = ["-pk"]
    actions = ["publish", "export_jsonl"]
    actions_list = ["build"]
    actions_detail = ["publish_this", "start_training", "export_this"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "name",
                    "description",
                    "persona",
                    "prompt_version",
                    "status_badge",
                    "published_at",
                    "published_by",
                    "replaced",
                    "approved_at",
                    "approved_by",
                    "withdrawn",
                    "made_of_it",
                ]
            },
        ),
        ("Numbers", {"fields": ["statistics", "left_out"]}),
        ("Files", {"fields": ["files"]}),
        ("Items", {"fields": ["first_items"]}),
    ]
    readonly_fields = [
        "status_badge",
        "withdrawn",
        "replaced",
        "made_of_it",
        "statistics",
        "left_out",
        "files",
        "first_items",
    ]

    @display(description="status", ordering="status", label=STATUS_COLOURS)  # type: ignore[untyped-decorator]
    def status_badge(self, dataset: TrainingDataset) -> str:
        return dataset.get_status_display()

    @admin.display(description="examples", ordering="example_count")
    def examples(self, dataset: TrainingDataset) -> str:
        return f"{dataset.example_count:,}"

    @admin.display(description="withdrawn", ordering="withdrawn_count")
    def withdrawn(self, dataset: TrainingDataset) -> str:
        return withdrawn_words(dataset.withdrawn_count)

    @admin.display(description="personal data replaced")
    def replaced(self, dataset: TrainingDataset) -> str:
        return replaced_words(dataset.redactions)

    @admin.display(description="training + validation")
    def split(self, dataset: TrainingDataset) -> str:
        return f"{dataset.training_count:,} + {dataset.validation_count:,}"

    @admin.display(description="tokens", ordering="training_tokens")
    def tokens(self, dataset: TrainingDataset) -> str:
        return f"{dataset.training_tokens:,}"

    @admin.display(description="published", ordering="published_at")
    def published(self, dataset: TrainingDataset) -> date | None:
        return dataset.published_at.date() if dataset.published_at else None

    @admin.display(description="made of it")
    def made_of_it(self, dataset: TrainingDataset) -> str:
        chosen = {"dataset__id__exact": dataset.pk}
        links = [
            link_to_list("custom_models_finetunejob", "fine-tuning jobs", **chosen),
            link_to_list("custom_models_custommodel", "custom models", training_dataset__id__exact=dataset.pk),
            link_to_list("datasets_itemcredit", "who taught it", **chosen),
        ]
        return format_html_join(", ", "{}", ((link,) for link in links))

    @admin.display(description="statistics")
    def statistics(self, dataset: TrainingDataset) -> str:
        return show_facts(statistics_facts(dataset, queries.statistics_of(dataset=dataset)))

    @admin.display(description="left out")
    def left_out(self, dataset: TrainingDataset) -> str:
        return show_facts(left_out_facts(dataset.training_params.get("left_out", {})) or [("Left out", "nothing")])

    @admin.display(description="files")
    def files(self, dataset: TrainingDataset) -> str:
        return show_facts(file_facts(dataset))

    @admin.display(description="first items")
    def first_items(self, dataset: TrainingDataset) -> str:
        items = DatasetItem.objects.filter(dataset=dataset).select_related("example").order_by("split", "position")
        context = {
            "items": item_words(items[:SHOWN_ITEMS]),
            "more": max(0, dataset.example_count - SHOWN_ITEMS),
            "all_items": f"{reverse('admin:datasets_datasetitem_changelist')}?dataset__id__exact={dataset.pk}",
        }
        return render_to_string("datasets/admin/first_items.html", context)

    @action(description="Build dataset", permissions=["write"], url_path="build", icon="add")  # type: ignore[untyped-decorator]
    def build(self, request: HttpRequest) -> HttpResponse:
        """Three steps on one address: the form, the preview with its numbers, the draft.

        Other pages link here as ``admin:datasets_trainingdataset_build`` with ``?persona=<id>``.
        """
        form = BuildDatasetForm(
            request.POST or None, user=acting_user(request), initial={"persona": request.GET.get("persona")}
        )
        if not form.is_valid():
            return self._ask(request, form)
        try:
            if form.asks_for_last_step:
                return self._build(request, form)
            return self._show_preview(request, form)
        except FlywheelError as error:
            messages.error(request, str(error))
            return self._ask(request, form)

    def _ask(self, request: HttpRequest, form: BuildDatasetForm) -> HttpResponse:
        return confirm(
            self, request, TrainingDataset.objects.none(), action="", title="Build dataset", facts=[],
            form=form.asked_again(), button="Preview",
        )  # fmt: skip

    def _show_preview(self, request: HttpRequest, form: BuildDatasetForm) -> HttpResponse:
        found = queries.preview(**form.choice)
        return confirm(
            self, request, TrainingDataset.objects.none(), action="", title="Build this dataset?",
            facts=preview_facts(form, found), warning=found.advice, form=form.hidden(), button="Build dataset",
        )  # fmt: skip

    def _build(self, request: HttpRequest, form: BuildDatasetForm) -> HttpResponse:
        answers = {**form.choice, "name": form.cleaned_data["name"], "description": form.cleaned_data["description"]}
        dataset = services.build_dataset(**answers, by=acting_user(request), now=timezone.now())
        messages.success(request, f"{dataset} is built: {dataset.example_count:,} examples. Publish it to train on it.")
        return self.back_to(dataset.pk)

    @admin.action(description="Publish", permissions=["write"])
    def publish(self, request: HttpRequest, queryset: QuerySet[TrainingDataset]) -> HttpResponse | None:
        """Whoever publishes approves what leaves: they are shown it, and say that they looked."""
        if len(queryset) != 1:
            messages.error(request, "Choose one dataset: what leaves with it is looked at before.")
            return None
        (dataset,) = queryset
        form = ApprovalForm(request.POST if is_confirmed(request) else None)
        if not form.is_valid():
            leaving = queries.what_leaves(dataset=dataset)
            return confirm(
                self, request, queryset, action="publish", title="Publish for ever?",
                facts=[*publish_facts(queryset), *leaving_facts(leaving)], form=form,
                warning="A published dataset never changes again, and who taught it is written down. Personal data was "
                "replaced before; not all of it is found. Look at the lines.",
                button="Approve and publish",
            )  # fmt: skip
        with refusals_shown(request, about=dataset):
            services.approve_and_publish_dataset(dataset=dataset, by=acting_user(request), now=timezone.now())
            messages.success(request, f"{dataset} is published.")
        return None

    @admin.action(description="Export JSONL", permissions=["view"])
    def export_jsonl(self, request: HttpRequest, queryset: QuerySet[TrainingDataset]) -> HttpResponseBase | None:
        if len(queryset) != 1:
            messages.error(request, "Choose one dataset: each has a file of its own.")
            return None
        (dataset,) = queryset
        try:
            download = queries.open_file(dataset=dataset, split=Split.TRAIN)
        except FlywheelError as error:
            messages.error(request, str(error))
            return None
        if is_confirmed(request):
            return StreamingHttpResponse(download.chunks, headers=download.headers)
        return confirm(
            self, request, queryset, action="export_jsonl", title=f"Export {dataset}?",
            facts=export_facts(dataset, download, queries.estimate_file(dataset=dataset, split=Split.TRAIN)),
            button="Export",
        )  # fmt: skip

    @action(description="Publish", permissions=["write"], url_path="publish")  # type: ignore[untyped-decorator]
    def publish_this(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self.publish(request, self.only(request, object_id)) or self.back_to(object_id)

    @action(description="Export JSONL", permissions=["view"], url_path="export")  # type: ignore[untyped-decorator]
    def export_this(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self.export_jsonl(request, self.only(request, object_id)) or self.back_to(object_id)

    @action(description="Start fine-tuning", permissions=["write"], url_path="train")  # type: ignore[untyped-decorator]
    def start_training(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        dataset = self.only(request, object_id).get()
        chosen = {"dataset": dataset.pk, "base_model": dataset.persona.base_model_id}
        return HttpResponseRedirect(reverse("admin:custom_models_finetunejob_start", query=chosen))

    def offers(self, name: str, row: TrainingDataset) -> bool:
        if name == "publish_this":
            return not row.is_published
        if row.withdrawn_count:
            return False
        return row.is_published and (name != "start_training" or row.status != DatasetStatus.TRAINING)

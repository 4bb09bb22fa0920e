"""Bringing a file of examples in: the form, what its rows would become, and what became of them."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat, pluralize
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import action
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from apps.common.admin import confirm, in_full, link_to_list, refusals_shown
from apps.common.errors import FlywheelError
from apps.contributions import services
from apps.contributions.enums import Split, TesterStatus, UploadStatus
from apps.contributions.formats import ROW_FORMATS
from apps.contributions.models import Tester, TrainingExample, Upload
from apps.organizations.models import User
from apps.organizations.scoped_admin import ReadOnlyAdmin, acting_user
from apps.personas.models import Persona

RECOGNISED = "Recognised by its content"
Facts = list[tuple[str, object]]


class ImportForm(forms.Form):
    persona = forms.ModelChoiceField(Persona.objects.none(), widget=UnfoldAdminSelectWidget)
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget(
            attrs={"accept": ",".join(sorted({end for shape in ROW_FORMATS for end in shape.extensions}))}
        ),
        max_length=255,
        help_text="In UTF-8. It is checked first: you see what its rows would become before any is stored.",
    )
    shape = forms.ChoiceField(
        required=False,
        choices=[("", RECOGNISED), *((shape.name, shape.title) for shape in ROW_FORMATS)],
        widget=UnfoldAdminSelectWidget,
        help_text="CSV with text and category or answer, OpenAI chats, Hugging Face or Alpaca instructions.",
    )
    pin = forms.ChoiceField(
        label="Use for",
        required=False,
        choices=[("", "Whatever a dataset makes of them"), *Split.choices],
        widget=UnfoldAdminSelectWidget,
        help_text="What is pinned to the test is never trained on.",
    )
    label_as = forms.ModelChoiceField(
        Tester.objects.none(),
        label="Label as",
        required=False,
        empty_label="Nobody: right answers are accepted on your word",
        widget=UnfoldAdminSelectWidget,
        help_text="Whose labels the right answers in the file are. They are credited for them.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        personas = Persona.objects.writable_by(user).filter(is_active=True).select_related("organization")
        testers = Tester.objects.writable_by(user).filter(status=TesterStatus.ACTIVE).select_related("organization")
        self._offer("persona", personas)
        self._offer("label_as", testers)

    def _offer(self, name: str, rows: Any) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = rows


class ImportsExamples(ReadOnlyAdmin):
    """*Import* above the list, and a page for each file that was brought in by it."""

    def get_urls(self) -> list[Any]:
        view = path(
            "import/<row_id:upload>/",
            self.admin_site.admin_view(partial(row_file_page, self)),
            name="contributions_trainingexample_row_file",
        )
        return [view, *super().get_urls()]

    @action(description="Import", permissions=["write"], url_path="import", icon="upload_file")  # type: ignore[untyped-decorator]
    def import_file(self, request: HttpRequest) -> HttpResponse:
        return import_page(self, request)


def import_page(modeladmin: ReadOnlyAdmin, request: HttpRequest) -> HttpResponse:
    """The form; a file that can be read leads to its own page."""
    user = acting_user(request)
    form = ImportForm(
        request.POST or None, request.FILES or None, user=user, initial={"persona": request.GET.get("persona")}
    )
    if not form.is_valid():
        return _ask(modeladmin, request, form)
    answers = form.cleaned_data
    try:
        upload = services.check_row_file(
            persona=answers["persona"],
            file=answers["file"],
            name=answers["file"].name,
            size=answers["file"].size,
            shape=answers["shape"],
            split_pin=answers["pin"],
            label_as=answers["label_as"],
            by=user,
            now=timezone.now(),
        )
    except FlywheelError as error:
        form.add_error("file", str(error))
        return _ask(modeladmin, request, form)
    return HttpResponseRedirect(_url_of(upload))


def _ask(modeladmin: ReadOnlyAdmin, request: HttpRequest, form: ImportForm) -> HttpResponse:
    return confirm(
        modeladmin, request, TrainingExample.objects.none(), action="", title="Import examples", facts=[], form=form,
        button="Check",
    )  # fmt: skip


def row_file_page(modeladmin: ReadOnlyAdmin, request: HttpRequest, upload: int) -> HttpResponse:
    """How far a file is, what its rows would become, and what became of them; *Store* and *Do not store* decide."""
    user = acting_user(request)
    if not modeladmin.has_write_permission(request):
        raise PermissionDenied
    file = Upload.objects.writable_by(user).filter(pk=upload).select_related("persona__organization").first()
    if file is None or "shape" not in file.report:
        raise Http404
    if request.method == "POST":
        return _decide(request, file, user)
    return TemplateResponse(request, "contributions/admin/import.html", _context(modeladmin, request, file))


def _decide(request: HttpRequest, upload: Upload, user: User) -> HttpResponse:
    act = services.store_row_file if request.POST.get("decision") == "store" else services.drop_row_file
    with refusals_shown(request):
        act(upload=upload, by=user, now=timezone.now())
        if act is services.drop_row_file:
            messages.success(request, f"Nothing of {upload.original_name} is stored.")
            return HttpResponseRedirect(reverse("admin:contributions_trainingexample_changelist"))
    return HttpResponseRedirect(_url_of(upload))


def _url_of(upload: Upload) -> str:
    return reverse("admin:contributions_trainingexample_row_file", args=[upload.pk])


def _context(modeladmin: ReadOnlyAdmin, request: HttpRequest, upload: Upload) -> dict[str, Any]:
    status, report = UploadStatus(upload.status), upload.report
    return {
        **modeladmin.admin_site.each_context(request),
        "opts": modeladmin.model._meta,
        "title": _title(upload),
        "upload": upload,
        "is_open": status in (UploadStatus.CHECKING, UploadStatus.STORING),
        "is_checked": status == UploadStatus.CHECKED,
        "percent": 100 * upload.progress_done // max(1, upload.progress_total),
        "facts": _facts(upload),
        "rows": [(row["line"], in_full(row["input"]), _label_words(row["label"])) for row in report.get("rows", [])],
        "twins": [(line, _twin_words(pk)) for line, pk in report.get("twins", [])],
        "faults": report.get("faults", []),
        "back": reverse("admin:contributions_trainingexample_changelist"),
        "again": reverse("admin:contributions_trainingexample_import_file", query={"persona": upload.persona_id}),
    }


def _title(upload: Upload) -> str:
    return {
        UploadStatus.CHECKING: "Checking the file",
        UploadStatus.CHECKED: "Store these rows?",
        UploadStatus.STORING: "Storing the rows",
        UploadStatus.DONE: "The rows are stored",
    }.get(UploadStatus(upload.status), "Not imported")


def _facts(upload: Upload) -> Facts:
    report = upload.report
    tester = Tester.objects.filter(pk=report["label_as"]).first()
    pin = Split(report["pin"]).label if report["pin"] else "whatever a dataset makes of them"
    facts: Facts = [
        ("File", f"{upload.original_name}, {filesizeformat(upload.size_bytes)}"),
        ("Shape", ROW_FORMATS.get(report["shape"]).title),
        ("Persona", str(upload.persona)),
        ("Use for", pin),
        ("Right answers are", f"labels of {tester}" if tester else "accepted on the word of who stores them"),
    ]
    return (_numbers(upload) if "created" in report else []) + facts


def _numbers(upload: Upload) -> Facts:
    """In the future before it is stored, in the past after."""
    report, is_done = upload.report, upload.status == UploadStatus.DONE
    new, known, refused = report["created"], report["duplicates"], report["rejected"]
    created = f"{new:,} example{pluralize(new)}, {report['accepted']:,} with an accepted answer"
    linked = link_to_list("contributions_trainingexample", created, upload__id__exact=upload.pk)
    return [
        ("Stored" if is_done else "To be stored", linked if is_done and new else created),
        ("Duplicates", f"{known:,} row{pluralize(known)} left alone: the persona has them, or an earlier row says it"),
        ("Rejected", f"{refused:,} row{pluralize(refused)} left out"),
    ]


def _label_words(label: dict[str, Any] | None) -> str:
    return "awaits labels" if label is None else in_full(label)


def _twin_words(pk: int | None) -> object:
    if pk is None:
        return "repeats an earlier row of the file"
    url = reverse("admin:contributions_trainingexample_change", args=[pk])
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500" href="{}">example {}</a> says the same', url, pk
    )

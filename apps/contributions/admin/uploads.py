"""Files of conversations: bringing one in, watching it being read, and what came of it."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from apps.common.admin import LiveAdmin, Standing, confirm, refusals_shown, show_facts
from apps.common.errors import FlywheelError
from apps.contributions import queries, services
from apps.contributions.admin.upload_facts import file_facts, numbers_of, pair_facts, sections_of, wants_speaker
from apps.contributions.admin.upload_forms import SpeakerForm, UploadForm
from apps.contributions.enums import UploadStatus
from apps.contributions.models import Upload
from apps.organizations.scoped_admin import ReadOnlyAdmin, acting_user
from apps.personas.scoped_admin import PersonaFilter

STATUS_COLOURS = {
    **{status.label: "info" for status in UploadStatus.open()},
    UploadStatus.NEEDS_SPEAKER.label: "warning",
    UploadStatus.DONE.label: "success",
    UploadStatus.FAILED.label: "danger",
    UploadStatus.WITHDRAWN.label: "danger",
}


@admin.register(Upload)
class UploadAdmin(LiveAdmin, ReadOnlyAdmin):
    list_display = [
        "name", "status_badge", "progress", "persona", "examples_made", "uploaded_by", "created_at",
    ]  # fmt: skip
    list_filter = ["status", PersonaFilter]
    list_select_related = ["persona"]
    search_fields = ["original_name"]
    ordering = ["-pk"]
    actions_list = ["upload_file"]
    actions_detail = ["choose_speaker", "activate_prompt", "retry", "download"]
    when_empty = "Upload conversations of somebody: the persona learns to answer as they do."
    readonly_fields = [
        "standing", "stages", "enough", "pairs", "sample", "few_shots", "analysed", "prompt_changes", "speakers",
        "file_facts", "ask_speaker",
    ]  # fmt: skip
    moving = ["stages"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).defer("extracted_text")
        return rows

    def get_fieldsets(self, request: HttpRequest, obj: Upload | None = None) -> Any:
        """What there is to be seen: of an upload under way, no empty headings."""
        return sections_of(obj, may_write=self.has_write_permission(request, obj)) if obj else []

    @admin.display(description="file", ordering="original_name")
    def name(self, upload: Upload) -> str:
        return upload.original_name

    @admin.display(description="new examples", ordering="rows_imported")
    def examples_made(self, upload: Upload) -> int:
        return upload.rows_imported

    @display(description="status", ordering="status", label=STATUS_COLOURS)  # type: ignore[untyped-decorator]
    def status_badge(self, upload: Upload) -> str:
        return upload.get_status_display()

    @admin.display(description="progress")
    def progress(self, upload: Upload) -> SafeString:
        context = {"percent": queries.percent_of(upload), "words": queries.stage_words(upload)}
        return render_to_string("contributions/admin/upload_progress.html", context)

    def standing_of(self, row: Any) -> Standing:
        return Standing(
            status=row.get_status_display(),
            colour=STATUS_COLOURS.get(row.get_status_display(), ""),
            words=queries.stage_words(row),
            percent=queries.percent_of(row),
            problem=row.error_message,
            has_ended=row.status not in UploadStatus.open(),
        )

    @admin.display(description="stages")
    def stages(self, upload: Upload) -> SafeString:
        return self.moving_part("stages", upload)

    def stages_now(self, upload: Upload) -> SafeString:
        return render_to_string("contributions/admin/upload_stages.html", {"stages": queries.stages_of(upload)})

    @admin.display(description="enough to train?")
    def enough(self, upload: Upload) -> str:
        return queries.eligibility_sentence(persona=upload.persona, now=timezone.now())

    @admin.display(description="what came of it")
    def pairs(self, upload: Upload) -> str:
        return show_facts(pair_facts(upload))

    @admin.display(description="the first of them")
    def sample(self, upload: Upload) -> SafeString | str:
        context = {"pairs": queries.sample_pairs(upload), "upload": upload}
        return render_to_string("contributions/admin/upload_pairs.html", context) if context["pairs"] else "-"

    @admin.display(description="proposed")
    def few_shots(self, upload: Upload) -> SafeString | str:
        proposed, said = queries.few_shots_of(upload), upload.report.get("few_shots", {})
        context = {"proposed": proposed, "diversity": said.get("diversity"), "upload": upload}
        return render_to_string("contributions/admin/upload_few_shots.html", context) if proposed else "-"

    @admin.display(description="in words and numbers")
    def analysed(self, upload: Upload) -> SafeString | str:
        if not upload.analysis:
            return "-"
        context = {"analysis": upload.analysis, "numbers": numbers_of(upload.analysis["style"])}
        return render_to_string("contributions/admin/upload_analysis.html", context)

    @admin.display(description="what it changes")
    def prompt_changes(self, upload: Upload) -> SafeString | str:
        lines = queries.prompt_changes(upload)
        context = {"lines": lines, "prompt": upload.prompt_version}
        return render_to_string("contributions/admin/upload_prompt.html", context) if lines else "-"

    @admin.display(description="who speaks")
    def speakers(self, upload: Upload) -> SafeString | str:
        found = upload.report.get("speakers")
        context = {"speakers": found, "persona": upload.speaker}
        return render_to_string("contributions/admin/upload_speakers.html", context) if found else "-"

    @admin.display(description="what to do")
    def ask_speaker(self, upload: Upload) -> SafeString:
        url = reverse("admin:contributions_upload_choose_speaker", args=[upload.pk])
        return render_to_string("contributions/admin/upload_ask.html", {"url": url, "upload": upload})

    @admin.display(description="file")
    def file_facts(self, upload: Upload) -> str:
        return show_facts(file_facts(upload))

    @action(description="Upload a file", permissions=["write"], url_path="upload", icon="upload")  # type: ignore[untyped-decorator]
    def upload_file(self, request: HttpRequest) -> HttpResponse:
        """The form; then the page of the upload, which shows how far it is."""
        user = acting_user(request)
        form = UploadForm(request.POST or None, request.FILES or None, user=user, initial=request.GET.dict())
        if form.is_valid():
            try:
                return self._received(request, form)
            except FlywheelError as error:
                form.add_error(None, str(error))
        return confirm(
            self, request, Upload.objects.none(), action="", title="Upload conversations", facts=[], form=form,
            button="Upload",
            warning="" if form.has_personas else "You have no persona whose task is Conversation yet.",
        )  # fmt: skip

    def _received(self, request: HttpRequest, form: UploadForm) -> HttpResponse:
        given = form.cleaned_data
        received = services.receive_upload(
            persona=given["persona"],
            file=given["file"].file,
            name=given["file"].name,
            speaker=given["speaker"],
            allows_vision=given.get("allows_vision", False),
            by=acting_user(request),
        )
        if received.is_new:
            messages.success(request, "The file is stored and waits to be read. This page shows how far it is.")
        else:
            messages.info(request, f"{given['persona']} was given this very file before. This is what became of it.")
        return self.back_to(received.upload.pk)

    @action(description="Say who the persona is", permissions=["write"], url_path="speaker")  # type: ignore[untyped-decorator]
    def choose_speaker(self, request: HttpRequest, object_id: str) -> HttpResponse:
        rows = self.only(request, object_id)
        upload = rows.get()
        form = SpeakerForm(request.POST or None, upload=upload)
        if not form.is_valid():
            return confirm(
                self, request, rows, action="", title="Who of them is the persona?", form=form, button="Go on",
                facts=[("Persona", str(upload.persona)), ("File", upload.original_name)],
            )  # fmt: skip
        with refusals_shown(request):
            services.choose_speaker(
                upload=upload, speaker=form.cleaned_data["speaker"], by=acting_user(request), now=timezone.now()
            )
            messages.success(request, "Reading goes on.")
        return self.back_to(object_id)

    @action(description="Activate the prompt", permissions=["write"], url_path="prompt")  # type: ignore[untyped-decorator]
    def activate_prompt(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The button of that name on the prompt's own page, which asks first."""
        prompt = self.only(request, object_id).get().prompt_version_id
        return HttpResponseRedirect(reverse("admin:personas_promptversion_activate_this", args=[prompt or 0]))

    @action(description="Try again", permissions=["write"], url_path="retry")  # type: ignore[untyped-decorator]
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        upload = self.only(request, object_id).get()
        if request.method != "POST":
            return confirm(
                self, request, self.only(request, object_id), action="", title="Read the file again?",
                button="Try again",
                facts=[("File", upload.original_name), ("What happened", upload.error_message)],
            )  # fmt: skip
        with refusals_shown(request):
            services.retry_upload(upload=upload, by=acting_user(request), now=timezone.now())
            messages.success(request, "It is tried again.")
        return self.back_to(object_id)

    @action(description="Download the original", permissions=["view"], url_path="original")  # type: ignore[untyped-decorator]
    def download(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """As it was brought in: personal data and all."""
        upload = self.only(request, object_id).get()
        try:
            file = services.hand_out_original(upload=upload, by=acting_user(request))
        except FlywheelError as error:
            messages.error(request, str(error))
            return self.back_to(object_id)
        answer = FileResponse(file, as_attachment=True, filename=upload.original_name)
        answer["Content-Type"] = upload.media_type or "application/octet-stream"
        answer["X-Content-Type-Options"] = "nosniff"
        return answer

    def offers(self, name: str, row: Upload) -> bool:
        if name == "choose_speaker":
            return wants_speaker(row)
        if name == "activate_prompt":
            return row.prompt_version is not None and not row.prompt_version.is_active
        if name == "retry":
            return row.status == UploadStatus.FAILED and bool(row.media_type)
        return bool(row.file)

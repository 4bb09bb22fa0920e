from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat, truncatechars
from django.urls import reverse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldBooleanWidget

from apps.common.admin import confirm
from apps.common.errors import FlywheelError
from apps.contributions import queries, services
from apps.contributions.models import ReferenceAnswer
from apps.organizations.models import User
from apps.organizations.scoped_admin import ReadOnlyAdmin, acting_user
from apps.personas.models import Persona
from apps.personas.scoped_admin import PersonaFilter

MAX_FILE_BYTES = 20 * 2**20  # more than any file of the rows that one may have
SHOWN = 20  # rejected rows that are named one by one


class ImportReferencesForm(forms.Form):
    persona = forms.ModelChoiceField(Persona.objects.none(), widget=UnfoldAdminSelectWidget)
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget,
        help_text="CSV in UTF-8 with the columns category and text. What is known already is left alone.",
    )
    only_look = forms.BooleanField(
        required=False,
        initial=True,
        label="Only look",
        widget=UnfoldBooleanWidget,
        help_text="Say what would be imported, and store nothing.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        personas = Persona.objects.writable_by(user).filter(is_active=True).select_related("organization")
        self.fields["persona"] = forms.ModelChoiceField(personas, widget=UnfoldAdminSelectWidget)

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_FILE_BYTES:
            raise forms.ValidationError(f"The file is larger than {filesizeformat(MAX_FILE_BYTES)}. Split it.")
        return file


@admin.register(ReferenceAnswer)
class ReferenceAnswerAdmin(ReadOnlyAdmin):
    list_display = ["short_text", "category", "persona", "added_by", "created_at"]
    list_filter = [PersonaFilter]
    list_select_related = ["persona"]
    search_fields = ["category"]
    ordering = ["-pk"]
    actions_list = ["import_file"]
    fields = ["persona", "category", "text", "added_by", "created_at"]
    when_empty = "Answers that show how a persona should sound appear here once a CSV of them was imported."

    @admin.display(description="text")
    def short_text(self, answer: ReferenceAnswer) -> str:
        return truncatechars(answer.text, 80)

    @action(description="Import a CSV", permissions=["write"], url_path="import", icon="upload")  # type: ignore[untyped-decorator]
    def import_file(self, request: HttpRequest) -> HttpResponse:
        """A form and what came of it; to look first costs choosing the file twice."""
        user = acting_user(request)
        form = ImportReferencesForm(request.POST or None, request.FILES or None, user=user)
        if not form.is_valid():
            return self._ask(request, form)
        given = {"persona": form.cleaned_data["persona"], "file": form.cleaned_data["file"]}
        try:
            if form.cleaned_data["only_look"]:
                found = queries.read_reference_file(**given)
                again = ImportReferencesForm(user=user, initial={"persona": given["persona"], "only_look": False})
                return self._ask(request, again, found)
            result = services.import_reference_answers(**given, by=user)
        except FlywheelError as error:
            form.add_error("file", str(error))
            return self._ask(request, form)
        messages.success(
            request,
            f"{result.created:,} reference answers imported, {result.known:,} known already, "
            f"{len(result.rejected):,} rows left out.",
        )
        return HttpResponseRedirect(reverse("admin:contributions_referenceanswer_changelist"))

    def _ask(
        self, request: HttpRequest, form: ImportReferencesForm, found: queries.ReferenceFile | None = None
    ) -> HttpResponse:
        return confirm(
            self, request, ReferenceAnswer.objects.none(), action="", title="Import reference answers",
            facts=_facts_of(found) if found else [], form=form, button="Go on",
            warning="Nothing is stored yet. Choose the file again to import it." if found else "",
        )  # fmt: skip


def _facts_of(found: queries.ReferenceFile) -> list[tuple[str, str]]:
    return [
        ("New", f"{len(found.new):,}"),
        ("Of the categories", truncatechars(", ".join(found.categories), 300) or "-"),
        ("Known already", f"{found.known:,}"),
        ("Left out", f"{len(found.rejected):,}"),
        *((f"Line {line}", why) for line, why in found.rejected[:SHOWN]),
    ]

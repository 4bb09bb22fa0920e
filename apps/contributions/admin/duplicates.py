"""Searches for near-duplicates, and the page on which people say what is to become of what they found."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.defaultfilters import pluralize
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from apps.common.admin import confirm, is_confirmed, refusals_shown
from apps.common.ids import is_row_id
from apps.contributions import queries, services
from apps.contributions.enums import SearchStatus
from apps.contributions.models import DuplicateSearch
from apps.contributions.queries.duplicates import SHOWN_GROUPS
from apps.organizations.models import User
from apps.organizations.scoped_admin import ReadOnlyAdmin, acting_user
from apps.personas.models import Persona

STATUS_COLOURS = {"Asked for": "info", "Running": "warning", "Done": "success", "Failed": "danger"}


class PersonaForm(forms.Form):
    persona = forms.ModelChoiceField(queryset=Persona.objects.none(), widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["persona"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = Persona.objects.writable_by(user)


@admin.register(DuplicateSearch)
class DuplicateSearchAdmin(ReadOnlyAdmin):
    list_display = ["persona", "status_badge", "progress", "groups_link", "finished_at"]
    list_filter = ["status"]
    list_select_related = ["persona"]
    ordering = ["-pk"]
    actions_list = ["search"]
    actions_detail = ["groups", "search_this"]
    fields = ["persona", "status_badge", "progress", "groups_link", "requested_by", "error_message", "finished_at"]
    readonly_fields = ["status_badge", "progress", "groups_link"]
    when_empty = (
        "A search finds examples of a persona that are nearly the same. Each night it looks at personas with new "
        "examples; start one here if you do not want to wait."
    )

    @display(description="status", ordering="status", label=STATUS_COLOURS)  # type: ignore[untyped-decorator]
    def status_badge(self, search: DuplicateSearch) -> str:
        return search.get_status_display()

    @admin.display(description="looked at")
    def progress(self, search: DuplicateSearch) -> str:
        return f"{search.progress_done:,} of {search.progress_total:,} examples"

    @admin.display(description="near-duplicates", ordering="found")
    def groups_link(self, search: DuplicateSearch) -> str:
        url = reverse("admin:contributions_duplicatesearch_groups", args=[search.pk])
        return format_html(
            '<a href="{}" class="text-primary-600 dark:text-primary-500">{} example{}</a>',
            url, f"{search.found:,}", pluralize(search.found),
        )  # fmt: skip

    def offers(self, name: str, row: DuplicateSearch) -> bool:
        return name != "search_this" or row.status not in SearchStatus.open()

    @action(description="Search for duplicates", permissions=["write"], url_path="search", icon="search")  # type: ignore[untyped-decorator]
    def search(self, request: HttpRequest) -> HttpResponseBase:
        form = PersonaForm(request.POST if is_confirmed(request) else None, user=acting_user(request))
        if not form.is_valid():
            return confirm(
                self, request, DuplicateSearch.objects.none(), action="", title="Search for duplicates", facts=[],
                form=form, button="Search",
            )  # fmt: skip
        self._request(request, form.cleaned_data["persona"])
        return HttpResponseRedirect(reverse("admin:contributions_duplicatesearch_changelist"))

    @action(description="Search again", permissions=["write"], url_path="search")  # type: ignore[untyped-decorator]
    def search_this(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        searches = self.only(request, object_id)
        if not is_confirmed(request):
            return confirm(
                self, request, searches, action="", title="Search again?", button="Search",
                facts=[("Persona", str(searches.get().persona))],
            )  # fmt: skip
        self._request(request, searches.get().persona)
        return self.back_to(object_id)

    def _request(self, request: HttpRequest, persona: Persona) -> None:
        with refusals_shown(request):
            services.request_duplicate_search(persona=persona, by=acting_user(request), now=timezone.now())
            messages.success(request, f"The examples of {persona} are compared now. Look here again in a minute.")

    @action(description="Look at the groups", permissions=["view"], url_path="groups")  # type: ignore[untyped-decorator]
    def groups(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The groups of one page side by side; what people choose for some of them is posted to the same address."""
        searches: QuerySet[DuplicateSearch] = self.only(request, object_id)
        search = searches.select_related("persona").get()
        if request.method == "POST":
            self._decide(request, search.persona)
            return HttpResponseRedirect(request.get_full_path())
        count = queries.count_groups(persona=search.persona)
        pages = max(1, -(-count // SHOWN_GROUPS))
        asked = request.GET.get("page", "")
        page = min(max(1, int(asked)), pages) if is_row_id(asked) else 1
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Duplicates of {search.persona}",
            "search": search,
            "groups": queries.duplicate_groups(persona=search.persona, page=page),
            "count": count,
            "page": page,
            "pages": pages,
            "may_write": self.has_write_permission(request, search),
        }
        return TemplateResponse(request, "contributions/admin/duplicates.html", context)

    def _decide(self, request: HttpRequest, persona: Persona) -> None:
        chosen = request.POST.getlist("example")
        if not all(is_row_id(pk) for pk in chosen):
            raise Http404
        said: dict[str, Any] = {
            "persona": persona, "example_ids": [int(pk) for pk in chosen], "by": acting_user(request),
            "now": timezone.now(),
        }  # fmt: skip
        if request.POST.get("act") == "keep":
            count = services.keep_apart(**said)
            messages.success(request, f"{count:,} example{pluralize(count)} kept apart from now on.")
        elif request.POST.get("act") == "reject":
            count = services.reject_near_duplicates(**said)
            messages.success(request, f"{count:,} example{pluralize(count)} rejected.")

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.decorators import action
from unfold.widgets import UnfoldAdminEmailInputWidget

from apps.common.admin import as_written, confirm, is_confirmed, link_to_list, refusals_shown
from apps.contributions import services
from apps.contributions.admin.taking_back import TakesBackTesters
from apps.contributions.enums import TesterStatus
from apps.contributions.models import Label, Tester
from apps.organizations.models import User
from apps.organizations.scoped_admin import ScopedAdmin, acting_user

QUALITY = reverse_lazy("admin:contributions_label_quality")


class InviteForm(forms.ModelForm[Tester]):
    email = forms.EmailField(
        label="E-mail",
        widget=UnfoldAdminEmailInputWidget,
        help_text="The invitation goes there, and they sign in with it: no password needed.",
    )

    class Meta:
        model = Tester
        fields = ["organization", "display_name"]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        known = Tester.objects.filter(
            organization=cleaned.get("organization"), user__email=cleaned.get("email", "").lower()
        )
        if known.exists():
            self.add_error("email", "This person is a tester of this organization already.")
        return cleaned


@admin.register(Tester)
class TesterAdmin(TakesBackTesters, ScopedAdmin):
    """Testers are invited, paused and resumed; what they agreed to is theirs and is only shown."""

    list_display = ["display_name", "email", "organization", "status", "consented_at", "label_count"]
    list_filter = ["status"]
    list_select_related = ["organization", "user"]
    search_fields = ["display_name", "user__email"]
    actions = ["pause", "resume"]
    actions_detail = ["pause_this", "resume_this", "take_back_this"]
    readonly_fields = ["consent_in_full", "see_also"]
    when_empty = "Invite somebody by e-mail: they read how their labels are used, agree, and start at the review desk."
    add_words = "Invite a tester"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        labels = Label.objects.filter(tester=OuterRef("pk")).values("tester").annotate(count=Count("pk"))
        rows: QuerySet[Any] = super().get_queryset(request).annotate(labelled=Subquery(labels.values("count")))
        return rows

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if change else {"form": InviteForm}), **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ("organization", "email", "display_name")
        return (
            "display_name",
            "email",
            "organization",
            "status",
            "created_at",
            "see_also",
            "consented_at",
            "consent_in_full",
        )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    @admin.display(description="e-mail", ordering="user__email")
    def email(self, tester: Tester) -> str:
        return tester.user.email

    @admin.display(description="labels", ordering="labelled")
    def label_count(self, tester: Any) -> int:
        return tester.labelled or 0

    def save_model(self, request: HttpRequest, obj: Tester, form: Any, change: bool) -> None:
        obj.pk = services.invite_tester(
            **form.cleaned_data,
            by=acting_user(request),
            review_url=request.build_absolute_uri(reverse("review_home")),
        ).pk
        obj.user = User.objects.get(tester_of=obj.pk)

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Tester]) -> None:
        self._each(request, queryset, services.pause_tester, "paused")

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Tester]) -> None:
        self._each(request, queryset, services.resume_tester, "resumed")

    def _each(self, request: HttpRequest, queryset: QuerySet[Tester], service: Any, done: str) -> None:
        count = 0
        for tester in queryset:
            with refusals_shown(request):
                service(tester=tester, by=acting_user(request), now=timezone.now())
                count += 1
        messages.success(request, f"{count} tester{pluralize(count)} {done}.")

    @action(description="Pause", permissions=["write"], url_path="pause")  # type: ignore[untyped-decorator]
    def pause_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        warning = "Until resumed they can sign in and see what they earned, but cannot label."
        return self._ask_or(self.pause, request, object_id, name="pause", warning=warning)

    @action(description="Resume", permissions=["write"], url_path="resume")  # type: ignore[untyped-decorator]
    def resume_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_or(self.resume, request, object_id, name="resume", warning="They can label again.")

    def _ask_or(self, act: Any, request: HttpRequest, object_id: str, *, name: str, warning: str) -> HttpResponse:
        chosen = self.only(request, object_id)
        if not is_confirmed(request):
            facts = [("Tester", str(tester)) for tester in chosen] + [("Labels", f"{chosen[0].labelled or 0:,}")]
            return confirm(
                self, request, chosen, action=name, title=f"{name.capitalize()} {chosen[0]}?", facts=facts,
                warning=warning, button=name.capitalize(),
            )  # fmt: skip
        act(request, chosen)
        return self.back_to(object_id)

    def offers(self, name: str, row: Tester) -> bool:
        if name == "take_back_this":
            return row.status != TesterStatus.WITHDRAWN
        return row.status == (TesterStatus.ACTIVE if name == "pause_this" else TesterStatus.PAUSED)

    @admin.display(description="what they agreed to")
    def consent_in_full(self, tester: Tester) -> str:
        return as_written(tester.consent_wording)

    @admin.display(description="see also")
    def see_also(self, tester: Tester) -> str:
        links = [
            link_to_list("contributions_label", "labels", tester__id__exact=tester.pk),
            format_html('<a href="{}" class="text-primary-600 dark:text-primary-500">how good they are</a>', QUALITY),
            link_to_list("contributions_contribution", "totals", tester__id__exact=tester.pk),
            link_to_list("payouts_share", "shares", tester__id__exact=tester.pk),
        ]
        return format_html_join(", ", "{}", ((link,) for link in links))

"""What must not leave the house, and who asked for what to be forgotten."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action, display

from apps.common.admin import as_written, confirm, is_confirmed, refusals_shown
from apps.common.errors import FlywheelError
from apps.contributions import services
from apps.contributions.admin.taking_back import FOR_GOOD, OrganizationForm, page_of
from apps.contributions.enums import WithdrawalStatus
from apps.contributions.models import ProtectedName, Withdrawal
from apps.organizations.enums import Role
from apps.organizations.queries import roles_of
from apps.organizations.scoped_admin import ReadOnlyAdmin, ScopedAdmin, acting_user

STATUS_COLOURS = {"Requested": "info", "Erasing": "warning", "Done": "success", "Failed": "danger"}


class ProtectedNameForm(forms.ModelForm[ProtectedName]):
    class Meta:
        model = ProtectedName
        fields = ["organization", "kind", "value"]
        help_texts = {"value": "Replaced wherever it occurs, in every dataset built from now on."}


@admin.register(ProtectedName)
class ProtectedNameAdmin(ScopedAdmin):
    """Added and taken away; never changed, so that the log says what was protected when."""

    form = ProtectedNameForm
    list_display = ["value", "kind", "organization", "added_by", "created_at"]
    list_filter = ["kind"]
    list_select_related = ["organization"]
    ordering = ["-pk"]
    actions = ["stop_protecting"]
    readonly_fields = ["added_by", "created_at"]
    when_empty = "Names, addresses and numbers listed here are replaced wherever they occur before data leaves."
    add_words = "Protect a name"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        chosen = ["organization", "kind", "value"]
        return [*chosen, "added_by", "created_at"] if obj else chosen

    def save_model(self, request: HttpRequest, obj: ProtectedName, form: Any, change: bool) -> None:
        obj.pk = services.protect_name(**form.cleaned_data, by=acting_user(request)).pk

    @admin.action(description="Protect no longer", permissions=["write"])
    def stop_protecting(self, request: HttpRequest, queryset: QuerySet[ProtectedName]) -> HttpResponseBase | None:
        if not is_confirmed(request):
            return confirm(
                self, request, queryset, action="stop_protecting", title="Protect these no longer?",
                facts=[(name.get_kind_display(), name.value) for name in queryset],
                warning="Datasets built from now on may contain them.", button="Remove",
            )  # fmt: skip
        for name in queryset:
            with refusals_shown(request):
                services.stop_protecting_name(name=name, by=acting_user(request))
        messages.success(request, "They are protected no longer.")
        return None


@admin.register(Withdrawal)
class WithdrawalAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "status_badge", "tester", "examples_count", "progress", "requested_by", "created_at"]
    list_filter = ["status", "scope"]
    list_select_related = ["tester"]
    ordering = ["-pk"]
    actions_list = ["take_everything_back"]
    actions_detail = ["retry_this"]
    fieldsets = [
        (None, {"fields": ["scope", "tester", "status_badge", "reason_in_full", "requested_by", "created_at"]}),
        ("Who holds it", {"fields": ["affected"]}),
        ("What was erased", {"fields": ["labels_count", "examples_count", "progress", "left", "finished_at"]}),
    ]
    readonly_fields = ["status_badge", "reason_in_full", "affected", "progress", "left"]
    when_empty = "When somebody asks for their data to be deleted, what was done appears here."

    @display(description="status", ordering="status", label=STATUS_COLOURS)  # type: ignore[untyped-decorator]
    def status_badge(self, withdrawal: Withdrawal) -> str:
        return withdrawal.get_status_display()

    @admin.display(description="reason")
    def reason_in_full(self, withdrawal: Withdrawal) -> str:
        return as_written(withdrawal.reason)

    @admin.display(description="erased")
    def progress(self, withdrawal: Withdrawal) -> str:
        return f"{withdrawal.erased_count:,} of {withdrawal.examples_count:,} examples"

    @admin.display(description="datasets and models")
    def affected(self, withdrawal: Withdrawal) -> str:
        found = withdrawal.report.get("affected", [])
        personas = sorted({one["persona"] for one in found})
        build = reverse("admin:datasets_trainingdataset_build")
        context = {
            "found": [(one, _page(one["kind"], one["id"])) for one in found],
            "builds": [f"{build}?persona={persona}" for persona in personas],
        }
        return render_to_string("contributions/admin/affected.html", context)

    @admin.display(description="left elsewhere")
    def left(self, withdrawal: Withdrawal) -> str:
        return as_written("\n".join(withdrawal.report.get("left", []))) or "nothing"

    def offers(self, name: str, row: Withdrawal) -> bool:
        return row.status == WithdrawalStatus.FAILED

    def has_own_permission(self, request: HttpRequest) -> bool:
        """For the button that takes everything back."""
        user = acting_user(request)
        return user.is_superuser or Role.OWNER in roles_of(user=user).values()

    @action(description="Delete everything of an organization", permissions=["own"], url_path="everything")  # type: ignore[untyped-decorator]
    def take_everything_back(self, request: HttpRequest) -> HttpResponseBase:
        user = acting_user(request)
        form = OrganizationForm(request.POST if is_confirmed(request) else None, user=user)
        if form.is_valid():
            try:
                return page_of(services.withdraw_organization(**form.cleaned_data, by=user, now=timezone.now()))
            except FlywheelError as error:
                messages.error(request, str(error))
        return confirm(
            self, request, Withdrawal.objects.none(), action="", title="Delete everything of an organization?",
            facts=[("Erased", "examples, labels, uploads, answers, feedback, reference answers"),
                   ("Kept", "personas and prompts, numbers, shares and payouts")],
            form=form, warning=FOR_GOOD, button="Delete everything",
        )  # fmt: skip

    @action(description="Try again what was left", permissions=["write"], url_path="retry")  # type: ignore[untyped-decorator]
    def retry_this(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        chosen = self.only(request, object_id)
        if not is_confirmed(request):
            return confirm(
                self, request, chosen, action="retry_this", title="Look for copies once more?",
                facts=[("Left elsewhere", one) for one in chosen[0].report.get("left", [])],
                warning="Erasing again what is erased does no harm.", button="Try again",
            )  # fmt: skip
        with refusals_shown(request):
            services.retry_withdrawal(withdrawal=chosen[0], by=acting_user(request), now=timezone.now())
        return self.back_to(object_id)


def _page(kind: str, pk: int) -> str:
    return reverse(f"admin:{kind.replace('.', '_')}_change", args=[pk])

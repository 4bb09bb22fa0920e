from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import date as format_date
from django.template.defaultfilters import pluralize
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from apps.common.admin import confirm, is_confirmed
from apps.organizations import services
from apps.organizations.enums import Scope
from apps.organizations.models import ApiKey
from apps.organizations.scoped_admin import ScopedAdmin, acting_user

KEY_COLOURS = {"Works": "success", "Expired": "warning", "Revoked": "danger"}


class ApiKeyForm(forms.ModelForm[ApiKey]):
    scopes = forms.MultipleChoiceField(choices=Scope.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget)

    class Meta:
        model = ApiKey
        fields = ["organization", "name", "scopes"]


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedAdmin):
    form = ApiKeyForm
    list_display = ["name", "organization", "public_id", "scope_names", "state", "expires_at", "last_used_on"]
    list_select_related = ["organization"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["name", "public_id"]
    actions = ["revoke"]
    when_empty = (
        "Programs use a key to ask personas, send feedback and add examples. It is shown once, when it is made."
    )
    add_words = "Create an API key"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ["organization", "name", "scopes"]
        return [
            "name", "organization", "public_id", "allowed", "state", "expires_at", "last_used_on", "created_by",
            "created_at", "revoked_at", "revoked_by",
        ]  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [] if obj is None else self.get_fields(request, obj)

    @admin.display(description="scopes")
    def scope_names(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description="may")
    def allowed(self, key: ApiKey) -> str:
        return "; ".join(Scope(scope).label for scope in key.scopes)

    @display(description="state", label=KEY_COLOURS)  # type: ignore[untyped-decorator]
    def state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return "Revoked"
        return "Expired" if key.expires_at and key.expires_at <= timezone.now() else "Works"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: ApiKeyForm, change: bool) -> None:
        key, token = services.create_api_key(
            organization=obj.organization,
            name=obj.name,
            scopes=form.cleaned_data["scopes"],
            by=acting_user(request),
            now=timezone.now(),
        )
        obj.pk = key.pk
        messages.success(request, f"Copy this key now, it is shown only once: {token}")

    @admin.action(description="Revoke", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        if not is_confirmed(request):
            return confirm(
                self, request, queryset, action="revoke", title="Revoke for ever?",
                facts=[(key.name, f"fw_{key.public_id}_…, {_last_use(key)}") for key in queryset],
                warning="Programs that use it are refused from now on. It cannot be taken back.", button="Revoke",
            )  # fmt: skip
        user, now = acting_user(request), timezone.now()
        done = sum(services.revoke_api_key(key=key, by=user, now=now) for key in queryset)
        messages.success(request, f"{done} key{pluralize(done)} revoked.")
        return None


def _last_use(key: ApiKey) -> str:
    return f"last used on {format_date(key.last_used_on)}" if key.last_used_on else "never used"

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from apps.common.admin import RefusalsShownAdmin
from apps.common.changes import changes_of
from apps.organizations import services
from apps.organizations.models import User
from apps.organizations.scoped_admin import acting_user

admin.site.unregister(Group)  # rights come from memberships
admin.site.unregister(EmailAddress)  # a person has one address, their user's


@admin.register(User)
class UserAdmin(RefusalsShownAdmin):
    """People of the installation: for superusers, who alone hold the model permissions this plain admin asks for."""

    list_display = ["email", "name", "is_staff", "is_superuser", "is_active", "last_login"]
    list_filter = ["is_staff", "is_superuser", "is_active"]
    search_fields = ["email", "name"]
    readonly_fields = ["last_login", "date_joined"]
    ordering = ["email"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        chosen = ["email", "name", "is_staff", "is_superuser"]
        return [*chosen, "is_active", *self.readonly_fields] if obj else chosen

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        user = acting_user(request)
        if change:
            services.change_user(user=obj, by=user, **changes_of(form))
        else:
            obj.pk = services.create_user(by=user, **form.cleaned_data).pk

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What people did keeps their name; who left is made inactive."""
        return False

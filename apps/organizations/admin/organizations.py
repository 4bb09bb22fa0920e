from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from apps.common.changes import changes_of
from apps.organizations import services
from apps.organizations.enums import Role
from apps.organizations.models import Membership, Organization
from apps.organizations.queries import roles_of
from apps.organizations.scoped_admin import ScopedAdmin, ScopedInline, acting_user


class MembershipForm(forms.ModelForm[Membership]):
    """A member does not become somebody else: they are removed, and the other one is added."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "user" in self.fields:
            self.fields["user"].disabled = True


class MembershipInline(ScopedInline):
    """Owners give and take roles. Whom to make a member, only superusers choose: they alone may see all people."""

    model = Membership
    form = MembershipForm
    fields = ["user", "role"]
    autocomplete_fields = ["user"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user = acting_user(request)
        return user.is_superuser or (obj is not None and roles_of(user=user).get(obj.pk) == Role.OWNER)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if request.user.is_superuser else ("user",)


@admin.register(Organization)
class OrganizationAdmin(ScopedAdmin):
    organization_path = "pk"
    list_display = ["name", "slug", "plan", "currency", "collects_training_data", "member_count", "is_active"]
    list_filter = ["plan", "is_active"]
    search_fields = ["name", "slug"]
    inlines = [MembershipInline]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        chosen = ["name", "slug", "plan", "currency", "collects_training_data"]
        return [*chosen, "is_active"] if obj else chosen

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The plan is sold, not chosen. The slug names the trainer's account and the log: it never passes to others."""
        if obj is None:
            return ()
        return ("slug",) if request.user.is_superuser else ("slug", "plan", "is_active")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        members = Membership.objects.filter(organization=OuterRef("pk")).values("organization").annotate(n=Count("pk"))
        rows: QuerySet[Any] = super().get_queryset(request).annotate(members=Subquery(members.values("n")))
        return rows

    @admin.display(description="members", ordering="members")
    def member_count(self, organization: Any) -> int:
        return organization.members or 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        user = acting_user(request)
        if change:
            services.change_organization(organization=obj, by=user, **changes_of(form))
        else:
            obj.pk = services.create_organization(by=user, **form.cleaned_data).pk

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Members go through their services, so that each change is in the audit log."""
        saved = formset.save(commit=False)
        services.change_members(
            organization=form.instance,
            roles={membership.user: membership.role for membership in saved},
            removed=formset.deleted_objects,
            by=acting_user(request),
        )

from django.apps import apps
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.common.admin import link_to
from apps.common.models import AuditEvent
from apps.organizations.queries import organizations_of
from apps.organizations.scoped_admin import ReadOnlyAdmin, acting_user


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """The log has no foreign keys; an organization's events are known by its slug."""

    list_display = ["at", "actor", "verb", "about", "details", "organization"]
    list_filter = ["at"]
    search_fields = ["actor", "verb"]
    ordering = ["-id"]
    fields = ["at", "actor", "verb", "about", "details", "organization"]
    when_empty = "Nothing has been written down about this yet."

    @admin.display(description="what", ordering="object_type")
    def about(self, event: AuditEvent) -> str:
        try:
            model = apps.get_model(event.object_type)
        except LookupError:  # it outlives what it describes
            return f"{event.object_type} {event.object_id}"
        name = f"{model._meta.verbose_name} {event.object_id}"
        return link_to(model(pk=event.object_id), name[0].upper() + name[1:])

    @admin.display(description="details")
    def details(self, event: AuditEvent) -> str:
        return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in event.data.items()) or "-"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        user = acting_user(request)
        if user.is_superuser:
            return AuditEvent.objects.all()
        return AuditEvent.objects.filter(organization__in=[o.slug for o in organizations_of(user=user)])

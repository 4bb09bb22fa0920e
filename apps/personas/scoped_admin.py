from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.common.ids import is_row_id
from apps.organizations.scoped_admin import acting_user
from apps.personas.models import Persona


class PersonaFilter(admin.SimpleListFilter):
    """The user's own personas only; Django's filter on a foreign key would name everybody's."""

    title = "persona"
    parameter_name = "persona"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        personas = Persona.objects.visible_to(acting_user(request)).values_list("pk", "name", "organization__name")
        return [(str(pk), f"{name} ({organization})") for pk, name, organization in personas]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value() or ""
        return queryset.filter(persona=chosen) if is_row_id(chosen) else queryset

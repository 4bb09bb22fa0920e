from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from apps.organizations.enums import Scope
from apps.organizations.permissions import organization_of
from apps.personas.models import Persona


class PersonaSerializer(serializers.ModelSerializer[Persona]):
    base_model = serializers.CharField(source="base_model.name", read_only=True)

    class Meta:
        model = Persona
        fields = [
            "id", "slug", "name", "task", "base_model", "temperature", "price_per_run_micros", "currency",
            "revenue_share_rate", "labels_per_example", "guidelines", "is_active", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields


class PersonaViewSet(ReadOnlyModelViewSet[Persona]):
    """An organization's personas. The slug is what `model` names in a chat completion."""

    serializer_class = PersonaSerializer
    queryset = Persona.objects.none()  # for the schema; requests start from their organization
    lookup_field = "slug"
    read_scopes = (Scope.READ,)

    def get_queryset(self) -> QuerySet[Persona]:
        return Persona.objects.of_organization(organization_of(self.request)).select_related("base_model")

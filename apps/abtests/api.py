from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from apps.abtests import queries
from apps.abtests.models import ABTest, Variant
from apps.organizations.enums import Scope
from apps.organizations.permissions import organization_of


class VariantSerializer(serializers.ModelSerializer[Variant]):
    class Meta:
        model = Variant
        fields = ["id", "name", "custom_model", "weight"]
        read_only_fields = fields


class ABTestSerializer(serializers.ModelSerializer[ABTest]):
    persona = serializers.SlugRelatedField[str](slug_field="slug", read_only=True)  # type: ignore[type-var]
    variants = VariantSerializer(many=True, read_only=True)

    class Meta:
        model = ABTest
        fields = ["id", "name", "persona", "status", "duration_days", "started_at", "ended_at", "variants"]
        read_only_fields = fields


class ABTestViewSet(ReadOnlyModelViewSet[ABTest]):
    """Comparisons of models on live traffic."""

    serializer_class = ABTestSerializer
    queryset = ABTest.objects.none()  # for the schema; requests start from their organization
    read_scopes = (Scope.READ,)

    def get_queryset(self) -> QuerySet[ABTest]:
        return queries.list_abtests(organization=organization_of(self.request))

from datetime import date
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from apps.organizations.enums import Scope
from apps.providers.models import BaseModel, ModelPrice


class ModelPriceSerializer(serializers.ModelSerializer[ModelPrice]):
    """Micros of `currency` per million tokens."""

    class Meta:
        model = ModelPrice
        fields = [
            "currency", "valid_from", "valid_to", "training", "input", "cached_input", "output", "tuned_input",
            "tuned_cached_input", "tuned_output",
        ]  # fmt: skip
        read_only_fields = fields


class BaseModelSerializer(serializers.ModelSerializer[BaseModel]):
    price = serializers.SerializerMethodField(help_text="What holds today; null if none is known.")

    class Meta:
        model = BaseModel
        fields = [
            "id", "provider", "name", "title", "can_train", "max_example_tokens", "context_tokens", "shutdown_date",
            "price",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(ModelPriceSerializer(allow_null=True))
    def get_price(self, model: BaseModel) -> Any:
        prices = list(model.prices.all())  # prefetched: those of today
        return ModelPriceSerializer(prices[0]).data if prices else None


def _prices_of(day: date) -> Prefetch[Any]:
    prices = ModelPrice.objects.filter(valid_from__lte=day).filter(Q(valid_to=None) | Q(valid_to__gt=day))
    return Prefetch("prices", queryset=prices)


class BaseModelViewSet(ReadOnlyModelViewSet[BaseModel]):
    """The catalogue: models that providers serve and, some of them, fine-tune. The same for every organization."""

    serializer_class = BaseModelSerializer
    queryset = BaseModel.objects.none()
    read_scopes = (Scope.READ,)

    def get_queryset(self) -> QuerySet[BaseModel]:
        return BaseModel.objects.filter(is_active=True).prefetch_related(_prices_of(timezone.now().date()))

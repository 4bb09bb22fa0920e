from typing import Any

from rest_framework import serializers


class AnswerFields(serializers.Serializer[Any]):
    """What every answer says of itself, however it was asked for. For a serializer of Response, before its base."""

    response_id = serializers.CharField(source="public_id")
    model = serializers.CharField(source="model_name")
    version = serializers.IntegerField(
        source="custom_model.number", default=None, allow_null=True, help_text="null: the base model answered."
    )

"""Requests and answers of ``/v1/``. What is not listed is refused by name: nothing reaches a provider unseen."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.personas.models import Persona

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
MAX_MESSAGES = 2048
MAX_TAGS = 16
NOT_PASSED_ON = {"model", "messages", "stream", "stream_options", "user", "metadata", "store"}


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}], "nullable": True})
class ContentField(serializers.JSONField):
    """Text, or a list of parts that name their type."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str):
            return data
        if isinstance(data, list) and all(
            isinstance(part, dict) and isinstance(part.get("type"), str) for part in data
        ):
            return data
        raise serializers.ValidationError("It must be text, or a list of parts that each have a type.")


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}], "nullable": True})
class StopField(serializers.JSONField):
    def to_internal_value(self, data: Any) -> Any:
        texts = data if isinstance(data, list) else [data]
        if len(texts) <= 4 and all(isinstance(text, str) for text in texts):
            return data
        raise serializers.ValidationError("It must be text, or a list of at most 4 texts.")


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "object"}], "nullable": True})
class ChoiceOrObjectField(serializers.JSONField):
    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str | dict):
            return data
        raise serializers.ValidationError("It must be a word or an object.")


class MessageSerializer(serializers.Serializer[Any]):
    """One message. It is checked, and passed on as it came."""

    role = serializers.ChoiceField(choices=ROLES)
    content = ContentField(required=False, allow_null=True)
    name = serializers.CharField(required=False, max_length=64)
    tool_calls = serializers.ListField(child=serializers.DictField(), required=False, allow_null=True)
    tool_call_id = serializers.CharField(required=False, max_length=200)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        checked = super().to_internal_value(data)
        calls_tools = checked["role"] == "assistant" and (data.get("tool_calls") or data.get("function_call"))
        if checked.get("content") is None and not calls_tools:
            raise serializers.ValidationError({"content": ["This field is required."]})
        return dict(data)


class StreamOptionsSerializer(serializers.Serializer[Any]):
    include_usage = serializers.BooleanField(required=False, default=False)
    include_obfuscation = serializers.BooleanField(required=False, default=False)


class ChatCompletionRequestSerializer(serializers.Serializer[Any]):
    model = serializers.CharField(max_length=100, help_text="The slug of a persona.")
    messages = serializers.ListField(child=MessageSerializer(), allow_empty=False, max_length=MAX_MESSAGES)
    stream = serializers.BooleanField(required=False, allow_null=True)
    stream_options = StreamOptionsSerializer(required=False, allow_null=True)
    user = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=100, help_text="The sticky unit of A/B tests."
    )
    metadata = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=512),
        required=False,
        allow_null=True,
        help_text="Tags. `conversation_id` groups answers, `kind` is the kind of example they become.",
    )
    store = serializers.BooleanField(
        required=False, allow_null=True, help_text="Accepted and not passed on: Flywheel stores answers itself."
    )

    temperature = serializers.FloatField(
        required=False, allow_null=True, min_value=0, max_value=2, help_text="The persona's own unless given."
    )
    top_p = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=1)
    n = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=128)
    max_tokens = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    max_completion_tokens = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    stop = StopField(required=False, allow_null=True)
    seed = serializers.IntegerField(required=False, allow_null=True, min_value=-(2**63), max_value=2**63 - 1)
    frequency_penalty = serializers.FloatField(required=False, allow_null=True, min_value=-2, max_value=2)
    presence_penalty = serializers.FloatField(required=False, allow_null=True, min_value=-2, max_value=2)
    logit_bias = serializers.DictField(child=serializers.FloatField(), required=False, allow_null=True)
    logprobs = serializers.BooleanField(required=False, allow_null=True)
    top_logprobs = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=20)
    response_format = serializers.DictField(required=False, allow_null=True)
    tools = serializers.ListField(child=serializers.DictField(), required=False, allow_null=True, max_length=128)
    tool_choice = ChoiceOrObjectField(required=False, allow_null=True)
    parallel_tool_calls = serializers.BooleanField(required=False, allow_null=True)
    functions = serializers.ListField(child=serializers.DictField(), required=False, allow_null=True, max_length=128)
    function_call = ChoiceOrObjectField(required=False, allow_null=True)
    reasoning_effort = serializers.CharField(required=False, allow_null=True, max_length=20)
    verbosity = serializers.CharField(required=False, allow_null=True, max_length=20)
    modalities = serializers.ListField(child=serializers.CharField(), required=False, allow_null=True)
    audio = serializers.DictField(required=False, allow_null=True)
    prediction = serializers.DictField(required=False, allow_null=True)
    service_tier = serializers.CharField(required=False, allow_null=True, max_length=20)
    safety_identifier = serializers.CharField(required=False, allow_null=True, max_length=100)
    prompt_cache_key = serializers.CharField(required=False, allow_null=True, max_length=100)

    @property
    def options(self) -> dict[str, Any]:
        """The optional parameters that were given, for the provider."""
        given = self.validated_data.items()
        return {name: value for name, value in given if name not in NOT_PASSED_ON and value is not None}

    @property
    def include_usage(self) -> bool:
        return bool((self.validated_data.get("stream_options") or {}).get("include_usage"))

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            for name in data.keys() - self.fields.keys():
                raise serializers.ValidationError({name[:100]: ["Unrecognized request argument."]})
        return super().to_internal_value(data)

    def validate_metadata(self, tags: dict[str, str] | None) -> dict[str, str]:
        tags = tags or {}
        if len(tags) > MAX_TAGS or any(len(name) > 64 for name in tags):
            raise serializers.ValidationError("At most 16 tags, their names at most 64 characters long.")
        if len(tags.get("conversation_id", "")) > 100:
            raise serializers.ValidationError({"conversation_id": ["At most 100 characters."]})
        return tags


class AnswerMessageSerializer(serializers.Serializer[Any]):
    role = serializers.CharField()
    content = serializers.CharField(allow_null=True)
    tool_calls = serializers.ListField(child=serializers.DictField(), required=False)


class AnswerChoiceSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    message = AnswerMessageSerializer()
    finish_reason = serializers.CharField()


class UsageSerializer(serializers.Serializer[Any]):
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    total_tokens = serializers.IntegerField()


class ChatCompletionSerializer(serializers.Serializer[Any]):
    """For the schema: the body is the provider's own, with our `id` and the `model` that answered."""

    id = serializers.CharField(help_text="Our response id: send feedback on it.")
    object = serializers.CharField()
    created = serializers.IntegerField()
    model = serializers.CharField(help_text="The model that answered.")
    choices = AnswerChoiceSerializer(many=True)
    usage = UsageSerializer(required=False)


class OpenAIModelSerializer(serializers.Serializer[Persona]):
    id = serializers.CharField(source="slug")
    object = serializers.SerializerMethodField()
    created = serializers.SerializerMethodField()
    owned_by = serializers.CharField(source="organization.slug")

    def get_object(self, _persona: Persona) -> str:
        return "model"

    def get_created(self, persona: Persona) -> int:
        return int(persona.created_at.timestamp())


class OpenAIErrorDetailSerializer(serializers.Serializer[Any]):
    message = serializers.CharField()
    type = serializers.CharField()
    param = serializers.CharField(allow_null=True)
    code = serializers.CharField(allow_null=True)


class OpenAIErrorSerializer(serializers.Serializer[Any]):
    error = OpenAIErrorDetailSerializer()

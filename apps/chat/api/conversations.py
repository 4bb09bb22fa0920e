from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response as Answer
from rest_framework.viewsets import ReadOnlyModelViewSet

from apps.chat import queries
from apps.chat.api.answers import AnswerFields
from apps.chat.models import Conversation, Response
from apps.common.ids import ROW_ID
from apps.organizations.enums import Scope
from apps.organizations.permissions import organization_of

LATEST = 50


class ResponseSerializer(AnswerFields, serializers.ModelSerializer[Response]):
    messages = serializers.JSONField(help_text="As the caller sent them.")

    class Meta:
        model = Response
        fields = [
            "response_id", "created_at", "kind", "status", "messages", "output", "finish_reason", "model", "version",
            "is_fallback", "routing_reason", "prompt_tokens", "cached_tokens", "completion_tokens", "cost_micros",
            "cost_currency", "latency_ms", "first_token_ms", "tags",
        ]  # fmt: skip
        read_only_fields = fields


class ConversationSerializer(serializers.ModelSerializer[Conversation]):
    persona = serializers.CharField(source="persona.slug")

    class Meta:
        model = Conversation
        fields = ["id", "reference", "persona", "title", "unit", "created_at"]
        read_only_fields = fields


class ConversationDetailSerializer(ConversationSerializer):
    responses = serializers.SerializerMethodField(help_text="The latest 50, newest first.")

    class Meta(ConversationSerializer.Meta):
        fields = [*ConversationSerializer.Meta.fields, "responses"]
        read_only_fields = fields

    @extend_schema_field(ResponseSerializer(many=True))
    def get_responses(self, conversation: Conversation) -> list[dict[str, object]]:
        latest = (
            queries.list_responses(organization=conversation.organization)
            .filter(conversation=conversation)
            .order_by("-id")[:LATEST]
        )
        return list(ResponseSerializer(latest, many=True).data)


class ConversationViewSet(ReadOnlyModelViewSet[Conversation]):
    """Conversations with their answers. `reference` is the caller's own id, `metadata.conversation_id` of the calls."""

    queryset = Conversation.objects.none()  # for the schema; requests start from their organization
    read_scopes = (Scope.READ,)
    lookup_value_regex = ROW_ID

    def get_serializer_class(self) -> type[ConversationSerializer]:
        return ConversationDetailSerializer if self.action == "retrieve" else ConversationSerializer

    def get_queryset(self) -> QuerySet[Conversation]:
        conversations = queries.list_conversations(organization=organization_of(self.request))
        reference = self.request.query_params.get("reference")
        return conversations if reference is None else conversations.filter(reference=reference)

    @extend_schema(parameters=[OpenApiParameter("reference", str, description="Only the one of this reference.")])
    def list(self, request: Request, *args: object, **kwargs: object) -> Answer:
        return super().list(request, *args, **kwargs)


class ConversationResponses(ListAPIView[Response]):
    """List all answers of a conversation, newest first."""

    serializer_class = ResponseSerializer
    queryset = Response.objects.none()  # for the schema; requests start from their organization
    read_scopes = (Scope.READ,)

    def get_queryset(self) -> QuerySet[Response]:
        organization = organization_of(self.request)
        conversation = get_object_or_404(queries.list_conversations(organization=organization), pk=self.kwargs["pk"])
        return queries.list_responses(organization=organization).filter(conversation=conversation)

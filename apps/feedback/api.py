from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response as Answer
from rest_framework.viewsets import GenericViewSet

from apps.feedback import queries, services
from apps.feedback.enums import FeedbackType
from apps.feedback.models import ModelFeedback
from apps.organizations.enums import Scope
from apps.organizations.permissions import acting, organization_of

MAX_TEXT = 100_000  # characters of an edited answer


class _Score(serializers.FloatField):
    def __init__(self) -> None:
        super().__init__(required=False, allow_null=True, min_value=0, max_value=1)


class NewFeedbackSerializer(serializers.Serializer[Any]):
    response_id = serializers.CharField(max_length=64, help_text="The `id` of the answer.")
    type = serializers.ChoiceField(choices=FeedbackType.choices)
    edited = serializers.CharField(
        required=False, max_length=MAX_TEXT, trim_whitespace=False, help_text="With type edited: the text as it is now."
    )
    rating = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=5)
    quality_score = _Score()
    tone_match = _Score()
    effectiveness = _Score()
    comment = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    client_id = serializers.CharField(
        required=False, max_length=100, help_text="Your own id of this feedback: sending it twice changes nothing."
    )


class FeedbackSerializer(serializers.ModelSerializer[ModelFeedback]):
    response_id = serializers.CharField(source="response.public_id")
    type = serializers.CharField(source="feedback_type")

    class Meta:
        model = ModelFeedback
        fields = [
            "id", "response_id", "type", "edited", "edit_share", "rating", "quality_score", "tone_match",
            "effectiveness", "comment", "client_id", "custom_model", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class FeedbackViewSet(ListModelMixin, GenericViewSet[ModelFeedback]):
    """What people think of answers. Append-only: the latest feedback on a response counts."""

    serializer_class = FeedbackSerializer
    queryset = ModelFeedback.objects.none()  # for the schema; requests start from their organization
    read_scopes = (Scope.READ,)
    write_scopes = (Scope.FEEDBACK,)

    def get_queryset(self) -> QuerySet[ModelFeedback]:
        return queries.list_feedback(organization=organization_of(self.request))

    @extend_schema(request=NewFeedbackSerializer, responses={201: FeedbackSerializer, 200: FeedbackSerializer})
    def create(self, request: Request) -> Answer:
        """Give feedback on an answer. 201; 200 with the first one if this client id was sent before."""
        said = NewFeedbackSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        given = dict(said.validated_data)
        feedback = services.record_feedback(
            response=queries.find_response(organization=organization_of(request), public_id=given.pop("response_id")),
            feedback_type=given.pop("type"),
            by=acting(request),
            now=timezone.now(),
            **given,
        )
        return Answer(FeedbackSerializer(feedback).data, status=200 if feedback.is_repeat else 201)

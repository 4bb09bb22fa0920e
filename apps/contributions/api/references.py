import random
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.contributions import queries
from apps.contributions.models import ReferenceAnswer
from apps.organizations.enums import Scope
from apps.organizations.permissions import organization_of
from apps.personas.queries import get_persona


class ReferenceFilterSerializer(serializers.Serializer[Any]):
    category = serializers.CharField(
        required=False, allow_blank=True, max_length=100, help_text="Of this category only, spelt as it was imported."
    )


class ReferenceAnswerSerializer(serializers.ModelSerializer[ReferenceAnswer]):
    class Meta:
        model = ReferenceAnswer
        fields = ["id", "category", "text", "created_at"]
        read_only_fields = fields


class ReferenceAnswers(ListAPIView[ReferenceAnswer]):
    serializer_class = ReferenceAnswerSerializer
    queryset = ReferenceAnswer.objects.none()  # for the schema; requests start from their organization
    read_scopes = (Scope.READ,)

    def get_queryset(self) -> QuerySet[ReferenceAnswer]:
        persona = get_persona(organization=organization_of(self.request), slug=self.kwargs["slug"])
        return queries.list_reference_answers(persona=persona, category=_category_of(self.request))

    @extend_schema(operation_id="list_reference_answers", parameters=[ReferenceFilterSerializer])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The persona's reference answers: how it should sound. Newest first."""
        return super().get(request, *args, **kwargs)


class RandomReferenceAnswer(APIView):
    read_scopes = (Scope.READ,)

    @extend_schema(
        operation_id="choose_reference_answer",
        parameters=[ReferenceFilterSerializer],
        responses={200: ReferenceAnswerSerializer},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Choose a reference answer by chance. It is of the category, or of any where the persona has none of that.

        `category` in the answer says which. 404 if the persona has no reference answers.
        """
        persona = get_persona(organization=organization_of(request), slug=slug)
        answer = queries.reference_answer_for(
            persona=persona, category=_category_of(request), choice=random.SystemRandom()
        )
        return Response(ReferenceAnswerSerializer(answer).data)


def _category_of(request: Request) -> str:
    asked = ReferenceFilterSerializer(data=request.query_params)
    asked.is_valid(raise_exception=True)
    return str(asked.validated_data.get("category", ""))

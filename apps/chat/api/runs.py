from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response as Answer
from rest_framework.views import APIView

from apps.chat import services
from apps.chat.api.answers import AnswerFields
from apps.chat.models import Response
from apps.chat.queries import parse_output
from apps.common.errors import InvalidInput
from apps.organizations.enums import Scope
from apps.organizations.permissions import acting, organization_of
from apps.personas.queries import get_persona

MAX_KEY = 200


class RunRequestSerializer(serializers.Serializer[Any]):
    input = serializers.DictField(help_text='What the persona\'s task works on, e.g. {"text": ...}.')
    customer = serializers.CharField(
        required=False, allow_blank=True, max_length=100, help_text="Your own reference of who pays for the run."
    )
    kind = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=30,
        help_text="Of example, e.g. section_edit; else the task's first.",
    )
    user = serializers.CharField(
        required=False, allow_blank=True, max_length=100, help_text="The sticky unit of A/B tests; else the customer."
    )


class RunSerializer(AnswerFields, serializers.ModelSerializer[Response]):
    parsed = serializers.SerializerMethodField(help_text="The answer as the task reads it; null if it is unparsed.")

    class Meta:
        model = Response
        fields = [
            "response_id", "status", "output", "parsed", "model", "version", "is_fallback", "price_micros",
            "price_currency", "customer", "prompt_tokens", "completion_tokens", "latency_ms",
        ]  # fmt: skip
        read_only_fields = fields

    def get_parsed(self, response: Response) -> dict[str, Any] | None:
        return parse_output(persona=response.persona, output=response.output)


class RunView(APIView):
    write_scopes = (Scope.CHAT,)

    @extend_schema(
        operation_id="run_task",
        request=RunRequestSerializer,
        responses=RunSerializer,
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                str,
                OpenApiParameter.HEADER,
                description="Your own id of this run, at most 200 characters. Sent again, nothing is run or charged.",
            )
        ],
    )
    def post(self, request: Request, slug: str) -> Answer:
        """Run the persona's task on one input.

        The answer is checked by the task. One that does not parse comes back with `"status": "unparsed"`, `parsed`
        null and a price of 0: it is stored, and it is not charged.
        """
        asked = RunRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        response = services.run_task(
            persona=get_persona(organization=organization_of(request), slug=slug),
            input=asked.validated_data["input"],
            customer=asked.validated_data.get("customer", ""),
            unit=asked.validated_data.get("user", ""),
            kind=asked.validated_data.get("kind", ""),
            idempotency_key=_idempotency_key(request),
            by=acting(request),
            now=timezone.now(),
        )
        return Answer(RunSerializer(response).data)


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > MAX_KEY:
        raise InvalidInput(
            f"The Idempotency-Key is longer than {MAX_KEY} characters.",
            resolution="Send a shorter one, a UUID for example.",
            param="Idempotency-Key",
        )
    return key

"""``/v1/``: OpenAI's protocol, so that its SDKs and everything built on them work unchanged."""

from typing import Any

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.chat import queries, services
from apps.chat.api.gateway_serializers import (
    ChatCompletionRequestSerializer,
    ChatCompletionSerializer,
    OpenAIErrorSerializer,
    OpenAIModelSerializer,
)
from apps.common.api import as_flywheel_error, openai_error_body
from apps.common.errors import NotFound
from apps.organizations.authentication import ApiKeyAuthentication
from apps.organizations.enums import Scope
from apps.organizations.permissions import acting, organization_of

MODEL_LIST = inline_serializer(
    "OpenAIModelList", {"object": serializers.CharField(), "data": OpenAIModelSerializer(many=True)}
)
ERRORS = dict.fromkeys((400, 401, 403, 404, 413, 502), OpenAIErrorSerializer)


def render_openai_error(exc: Exception, context: dict[str, Any]) -> Response | None:
    error = as_flywheel_error(exc, context.get("view"))
    if error is None:
        return None  # a defect: Django's 500
    if error.status == 401:
        error.code = "invalid_api_key"
    elif error.param and isinstance(exc, APIException):
        error.message = f"{error.param}: {error.message}"  # SDKs show the message alone
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    if getattr(error, "temporary", None) is False:
        headers["x-should-retry"] = "false"  # the SDKs obey it: this failure will not go away
    return Response(openai_error_body(error), status=error.status, headers=headers)


class GatewayJSONRenderer(JSONRenderer):
    """A provider's answer goes out as it came: it may hold half a surrogate pair, or a NaN among the logprobs."""

    ensure_ascii = True
    strict = False


class AlwaysJSON(DefaultContentNegotiation):
    """Streaming clients ask for text/event-stream, others for nothing or everything; errors are JSON to all of them."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class OpenAIView(APIView):
    """What the gateway's views share: keys only, JSON only, errors in OpenAI's shape."""

    authentication_classes = (ApiKeyAuthentication,)
    renderer_classes = (GatewayJSONRenderer,)
    content_negotiation_class = AlwaysJSON
    read_scopes = (Scope.CHAT,)
    write_scopes = (Scope.CHAT,)

    def get_exception_handler(self) -> Any:
        return render_openai_error


class ChatCompletions(OpenAIView):
    @extend_schema(
        operation_id="create_chat_completion",
        request=ChatCompletionRequestSerializer,
        responses={
            (200, "application/json"): ChatCompletionSerializer,
            (200, "text/event-stream"): OpenApiTypes.STR,
            **ERRORS,
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Answer a chat as a persona. `model` is its slug. With `stream` the answer comes as server-sent events."""
        asked = ChatCompletionRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        arguments: dict[str, Any] = {
            "persona": queries.find_persona(organization=organization_of(request), model=asked.validated_data["model"]),
            "messages": asked.validated_data["messages"],
            "options": asked.options,
            "unit": asked.validated_data.get("user") or "",
            "tags": asked.validated_data.get("metadata") or {},
            "by": acting(request),
            "now": timezone.now(),
        }
        if asked.validated_data.get("stream"):
            return _streamed(services.stream_chat(**arguments, include_usage=asked.include_usage))
        completion = services.complete_chat(**arguments)
        return Response(completion.body, headers=completion.headers)


def _streamed(stream: services.AnswerStream) -> StreamingHttpResponse:
    """The server calls the stream's `close` at the end, also when the caller hangs up."""
    headers = {**stream.headers, "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(stream, content_type="text/event-stream", headers=headers)


class Models(OpenAIView):
    @extend_schema(operation_id="list_models", responses={200: MODEL_LIST, **ERRORS})
    def get(self, request: Request) -> Response:
        """List what `model` may be: the organization's personas."""
        personas = queries.list_personas(organization=organization_of(request))
        return Response({"object": "list", "data": [OpenAIModelSerializer(persona).data for persona in personas]})


class Model(OpenAIView):
    @extend_schema(operation_id="retrieve_model", responses={200: OpenAIModelSerializer, **ERRORS})
    def get(self, request: Request, model: str) -> Response:
        """Retrieve a persona as a model. 404 for one that there is not, or that is another organization's."""
        persona = queries.find_persona(organization=organization_of(request), model=model)
        return Response(OpenAIModelSerializer(persona).data)


@extend_schema(exclude=True)
class UnknownEndpoint(OpenAIView):
    """Everything else under /v1/, so that SDKs can show what is wrong."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound(
            f"Unknown request URL: {request.method} {request.path}.",
            resolution="This gateway serves /v1/chat/completions and /v1/models.",
            code="unknown_url",
        )

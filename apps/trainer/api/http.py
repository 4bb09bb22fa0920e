"""Requests and answers in the protocol's manner: JSON in, JSON out, and one shape for everything that goes wrong."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from apps.common.api import openai_error_body
from apps.common.errors import FlywheelError, InvalidInput, NotFound, TooLarge
from apps.common.safe_json import BadJson, parse_json
from apps.trainer.authentication import account_of
from apps.trainer.models import Account

logger = logging.getLogger(__name__)

Handler = Callable[..., HttpResponseBase]
View = Callable[..., HttpResponseBase]


class MethodNotAllowed(FlywheelError):
    status = 405
    default_code = "method_not_supported"

    def __init__(self, request: HttpRequest, allowed: list[str]) -> None:
        super().__init__(
            f"Not allowed to {request.method} on {request.path}.", resolution=f"Allowed: {', '.join(allowed)}."
        )
        self.allowed = allowed


class ServerError(FlywheelError):
    status = 500
    default_code = "server_error"


def endpoint(**handlers: Handler) -> View:
    """A view of one URL: a handler per method, called as ``handler(request, account, **url arguments)``."""

    @csrf_exempt  # callers carry a key, never a cookie
    def view(request: HttpRequest, **arguments: str) -> HttpResponseBase:
        try:
            account = account_of(request)
            return _handler_of(request, handlers)(request, account, **arguments)
        except Exception as error:
            return render_error(_as_error(error, request))

    return view


def unknown_url(request: HttpRequest, _account: Account, **_arguments: str) -> HttpResponseBase:
    raise NotFound(
        f"Invalid URL ({request.method} {request.path})",
        resolution="The base URL ends in /trainer/v1.",
        code="unknown_url",
    )


def answer_json(body: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(text, content_type="application/json", status=status)


def render_error(error: FlywheelError) -> HttpResponse:
    response = answer_json(openai_error_body(error), status=error.status)
    if error.status == 401:
        response["www-authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowed):
        response["allow"] = ", ".join(error.allowed)
    return response


def read_json(request: HttpRequest) -> dict[str, Any]:
    """The JSON object in the body; InvalidInput for anything else."""
    try:
        data = parse_json(request.body)
    except BadJson as bad:
        raise InvalidInput(f"The body of your request {bad}.", code="invalid_json") from None
    if not isinstance(data, dict):
        raise InvalidInput("The body of your request is not a JSON object.", code="invalid_json")
    return data


def is_short_number(text: str) -> bool:
    """Digits that `int` takes: it refuses thousands of them."""
    return text.isascii() and text.isdigit() and len(text) <= 18


def read_limit(request: HttpRequest, *, default: int, maximum: int) -> int:
    given = request.GET.get("limit", "")
    if not given:
        return default
    if not is_short_number(given) or not 1 <= int(given) <= maximum:
        raise InvalidInput(f"Invalid limit {given[:20]!r}: expected 1 to {maximum}.", param="limit")
    return int(given)


def _handler_of(request: HttpRequest, handlers: Mapping[str, Handler]) -> Handler:
    handler = handlers.get((request.method or "").lower()) or handlers.get("any")
    if handler is None:
        raise MethodNotAllowed(request, [method.upper() for method in handlers])
    return handler


def _as_error(error: Exception, request: HttpRequest) -> FlywheelError:
    if isinstance(error, FlywheelError):
        return error
    if isinstance(error, RequestDataTooBig):
        return TooLarge("The request body is too large.", resolution="Send less than 10 MB, or upload a file.")
    if isinstance(error, SuspiciousOperation | MultiPartParserError | UnreadablePostError):
        return InvalidInput(f"The request could not be read: {error}")
    logger.exception("%s %s failed", request.method, request.path, exc_info=error)
    return ServerError(
        "The server had an error while processing your request.", resolution="Try again; its log says more."
    )

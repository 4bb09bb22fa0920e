"""How errors look to programs: ``{"error": {"code", "message", "param", "resolution"}}``, or as OpenAI shapes them."""

from math import ceil
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from apps.common.errors import FlywheelError, InvalidInput, NotAllowed, NotFound, TooLarge

# What to do about an error whose raiser did not say, by HTTP status.
RESOLUTIONS = {
    400: "Correct what was sent, and send it again.",
    401: "Send a valid key as `Authorization: Bearer KEY`; keys are made at /admin/organizations/apikey/.",
    403: "Ask an owner or manager of your organization.",
    404: "Check the address and the ids in it.",
    405: "Use another method.",
    406: "Send `Accept: application/json`.",
    409: "Look at how it stands now, then decide.",
    413: "Send less at once.",
    415: "Send `Content-Type: application/json`.",
    429: "Wait a while, then try again.",
    502: "Try again in a minute.",
}
REPORT = "Try again, and report the x-request-id of this answer if it stays."


def resolution_of(error: FlywheelError) -> str:
    return error.resolution or RESOLUTIONS.get(error.status, REPORT)


def error_body(error: FlywheelError) -> dict[str, Any]:
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "param": error.param,
            "resolution": resolution_of(error),
        }
    }


def openai_error_body(error: FlywheelError) -> dict[str, Any]:
    """OpenAI's shape, ``{"error": {"message", "type", "param", "code"}}``; the message ends with what to do next."""
    message = f"{error.message} {resolution_of(error)}"
    return {"error": {"message": message, "type": _openai_type(error.status), "param": error.param, "code": error.code}}


def _openai_type(status: int) -> str:
    if status >= 500:
        return "server_error"
    return "rate_limit_error" if status == 429 else "invalid_request_error"


def _first_detail(detail: Any, param: str = "") -> tuple[str, str | None]:
    """The first message of DRF's nested details, with the path of the field it is about: ``lines[1].amount``."""
    if isinstance(detail, dict):
        key, value = next(iter(detail.items()))
        return _first_detail(value, _path(param, key))
    if isinstance(detail, list):
        index, value = next(((i, item) for i, item in enumerate(detail) if item), (0, "Invalid."))
        return _first_detail(value, _path(param, index) if isinstance(value, dict) else param)
    return str(detail), param or None


def _path(param: str, key: str | int) -> str:
    if key == "non_field_errors":
        return param
    if isinstance(key, int):  # a row of a list
        return f"{param}[{key}]"
    return f"{param}.{key}" if param else key


def as_flywheel_error(exc: Exception, view: APIView | None = None) -> FlywheelError | None:
    """Our error for an exception that DRF or Django raised, in this view; None for one that is a defect."""
    if isinstance(exc, FlywheelError):
        return exc
    if isinstance(exc, Http404):
        return NotFound("Not found.", resolution="Check the id, and that it belongs to your organization.")
    if isinstance(exc, PermissionDenied):
        return NotAllowed("You may not do this.", resolution="Ask an owner of your organization.")
    if isinstance(exc, RequestDataTooBig):
        megabytes = (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) // 2**20
        return TooLarge("The request body is too large.", resolution=f"Send less than {megabytes} MB at once.")
    if isinstance(exc, exceptions.APIException):
        message, param = _first_detail(exc.detail)
        resolution = _way_out(exc, param, view)
        error: FlywheelError = InvalidInput(message, param=param, code=str(exc.default_code), resolution=resolution)
        error.status = exc.status_code
        return error
    return None


def _way_out(exc: exceptions.APIException, param: str | None, view: APIView | None) -> str:
    """What to do next, where more can be said than `RESOLUTIONS` does; else empty."""
    if isinstance(exc, exceptions.ValidationError):
        return f"Correct {f'`{param}`' if param else 'what was sent'}: /api/docs/ says what is expected."
    if isinstance(exc, exceptions.ParseError):
        return "Send the body that /api/docs/ describes for this address."
    if isinstance(exc, exceptions.MethodNotAllowed) and view:
        return f"Use one of: {', '.join(view.allowed_methods)}."
    if isinstance(exc, exceptions.UnsupportedMediaType) and view:
        return f"Send `Content-Type: {' or '.join(parser.media_type for parser in view.parser_classes)}`."
    if wait := getattr(exc, "wait", None):
        return f"Try again in {ceil(wait)} seconds."
    if isinstance(exc, exceptions.PermissionDenied) and str(exc.detail).startswith("CSRF"):
        return "Reload the page, or call with an API key."
    return ""


def render_exception(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER."""
    error = as_flywheel_error(exc, context.get("view"))
    if error is None:
        return exception_handler(exc, context)  # None: Django's 500, which is what a defect deserves
    headers = {}
    if auth_header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(ceil(wait))
    return Response(error_body(error), status=error.status, headers=headers)

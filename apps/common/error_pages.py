"""The last answers: what Django says when nothing else did, in the shape the caller reads."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

from apps.common.api import error_body, openai_error_body
from apps.common.errors import FlywheelError, NotFound


class Defect(FlywheelError):
    """Something of ours broke."""

    status = 500
    default_code = "internal_error"


def _for_program(request: HttpRequest, error: FlywheelError) -> JsonResponse | None:
    """JSON under /api/ and, in OpenAI's shape, under /v1/ and /trainer/; None for a page that a person reads."""
    if request.path.startswith(("/v1/", "/trainer/")):
        return JsonResponse(openai_error_body(error), status=error.status)
    return JsonResponse(error_body(error), status=error.status) if request.path.startswith("/api/") else None


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    error = NotFound("There is nothing at this address.", resolution="The addresses are listed at /api/docs/.")
    return _for_program(request, error) or defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    request_id = getattr(request, "request_id", "")
    error = Defect(
        "Something broke on our side.", resolution=f"Try again, and report request {request_id} if it stays."
    )
    return _for_program(request, error) or defaults.server_error(request)

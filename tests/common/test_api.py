from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, serializers
from rest_framework.authentication import BasicAuthentication
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from apps.common.api import openai_error_body, resolution_of
from apps.common.errors import (
    Conflict,
    FlywheelError,
    InvalidInput,
    LimitReached,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    ProviderError,
    TooLarge,
)
from apps.organizations.enums import Scope
from tests.clients import key_client
from tests.factories import OrganizationFactory


class Raising(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    error: Exception

    def get(self, request: Request) -> Response:
        raise self.error


def answer(error: Exception) -> Any:
    view = type("View", (Raising,), {"error": error})
    return view.as_view()(APIRequestFactory().get("/"))  # type: ignore[attr-defined]


def body(code: str, message: str, *, param: str | None = None, resolution: str = "") -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "param": param, "resolution": resolution}}


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (InvalidInput, 400, "invalid_request"),
        (NotAuthenticated, 401, "not_authenticated"),
        (NotAllowed, 403, "not_allowed"),
        (NotFound, 404, "not_found"),
        (Conflict, 409, "conflict"),
        (TooLarge, 413, "too_large"),
        (LimitReached, 429, "limit_reached"),
    ],
)
def test_our_errors_say_what_and_what_next(kind: type[FlywheelError], status: int, code: str) -> None:
    response = answer(kind("It is so.", resolution="Do that.", param="name"))
    assert response.status_code == status
    assert response.data == body(code, "It is so.", param="name", resolution="Do that.")
    assert str(kind("It is so.", resolution="Do that.")) == "It is so. Do that."
    assert answer(kind("So.", code="special")).data["error"]["code"] == "special"


def test_a_provider_error_knows_whether_it_may_pass() -> None:
    error = ProviderError("It is down.", temporary=True)
    assert error.temporary
    assert answer(error).status_code == 502


KINDS = [kind for kind in FlywheelError.__subclasses__() if kind.__module__.startswith("apps.common.")]


@pytest.mark.parametrize("kind", [FlywheelError, *KINDS])
def test_an_error_whose_raiser_says_no_way_out_has_one(kind: type[FlywheelError]) -> None:
    error = kind("So.", temporary=True) if kind is ProviderError else kind("So.")
    assert answer(error).data["error"]["resolution"].endswith(".")
    assert openai_error_body(error)["error"]["message"] == f"So. {resolution_of(error)}"


DETAILED = {exceptions.MethodNotAllowed: ["POST"], exceptions.UnsupportedMediaType: ["text/html"]}


@pytest.mark.parametrize("kind", [exceptions.APIException, *exceptions.APIException.__subclasses__()])
def test_every_error_of_the_framework_has_a_way_out(kind: type[exceptions.APIException]) -> None:
    assert answer(kind(*DETAILED.get(kind, []))).data["error"]["resolution"].endswith(".")


@pytest.mark.parametrize(
    ("error", "resolution"),
    [
        (exceptions.MethodNotAllowed("POST"), "Use one of: GET, HEAD, OPTIONS."),
        (exceptions.UnsupportedMediaType("text/html"), "Send `Content-Type: application/json`."),
        (exceptions.Throttled(wait=4.2), "Try again in 5 seconds."),
        (exceptions.ValidationError({"name": ["No."]}), "Correct `name`: /api/docs/ says what is expected."),
        (exceptions.PermissionDenied("CSRF Failed: no token."), "Reload the page, or call with an API key."),
    ],
)
def test_the_way_out_is_exact_where_it_is_known(error: Exception, resolution: str) -> None:
    assert answer(error).data["error"]["resolution"] == resolution


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "says"),
    [
        ("post", "/api/examples/", {"data": {}}, 400, "`persona`"),
        ("post", "/api/examples/", {"data": "{", "content_type": "application/json"}, 400, "/api/docs/"),
        ("post", "/api/examples/", {"data": "x", "content_type": "text/html"}, 415, "application/json"),
        ("get", "/api/examples/?status=odd", {}, 400, "`status`"),
        ("get", "/api/examples/?colour=red", {}, 400, "Filter by: "),
        ("get", "/api/examples/?cursor=odd", {}, 404, "follow `next`"),
        ("get", "/api/examples/999999/", {}, 404, "Check the id"),
        ("get", "/api/examples/", {"headers": {"Accept": "text/html"}}, 406, "application/json"),
        ("put", "/api/examples/", {"data": {}}, 405, "GET, POST"),
        ("post", "/api/personas/", {"data": {}}, 405, "GET"),
        ("get", "/api/examples/", {"key": ""}, 401, "/admin/organizations/apikey/"),
        ("get", "/api/examples/", {"key": "Bearer fw_no_no"}, 401, "/admin/organizations/apikey/"),
        ("post", "/api/fine-tuning-jobs/", {"data": {}}, 403, "makes a key with that scope"),
        ("post", "/v1/chat/completions", {"data": {}}, 400, "`model`"),
        ("post", "/v1/chat/completions", {"data": "{", "content_type": "application/json"}, 400, "/api/docs/"),
        ("get", "/v1/chat/completions", {}, 405, "POST"),
        ("get", "/v1/models", {"key": ""}, 401, "/admin/organizations/apikey/"),
        ("get", "/v1/models/nobody", {}, 404, ""),
    ],
)  # fmt: skip
def test_every_kind_of_refusal_says_what_to_do_next(
    method: str, path: str, sent: dict[str, Any], status: int, says: str
) -> None:
    client = key_client(OrganizationFactory(), Scope.READ, Scope.CONTRIBUTE, Scope.CHAT)
    if "key" in sent:
        client.credentials(HTTP_AUTHORIZATION=sent["key"])
    refused = getattr(client, method)(path, **{name: value for name, value in sent.items() if name != "key"})
    error = refused.json()["error"]
    assert refused.status_code == status, error
    resolution = error["message"] if path.startswith("/v1/") else error["resolution"]
    assert says in resolution
    assert len(resolution) > 20


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Http404("secret"), 404, "not_found"),
        (PermissionDenied("secret"), 403, "not_allowed"),
        (exceptions.MethodNotAllowed("GET"), 405, "method_not_allowed"),
        (exceptions.ParseError(), 400, "parse_error"),
        (exceptions.NotAcceptable(), 406, "not_acceptable"),
    ],
)
def test_what_others_raise_looks_the_same_and_gives_nothing_away(error: Exception, status: int, code: str) -> None:
    response = answer(error)
    assert response.status_code == status
    assert set(response.data["error"]) == {"code", "message", "param", "resolution"}
    assert response.data["error"]["code"] == code
    assert "secret" not in str(response.data)


class Inner(serializers.Serializer[Any]):
    amount = serializers.IntegerField(min_value=1)


class Outer(serializers.Serializer[Any]):
    name = serializers.CharField()
    lines = Inner(many=True, required=False)

    def validate(self, attrs: Any) -> Any:
        if attrs["name"] == "nobody":
            raise serializers.ValidationError("Nobody is nobody.")
        return attrs


@pytest.mark.parametrize(
    ("data", "param", "message"),
    [
        ({}, "name", "This field is required."),
        ({"name": "a", "lines": [{"amount": 1}, {"amount": 0}]}, "lines[1].amount", None),
        ({"name": "a", "lines": [{"amount": 1}, {}]}, "lines[1].amount", "This field is required."),
        ({"name": "a", "lines": 3}, "lines", None),
        ({"name": "nobody"}, None, "Nobody is nobody."),
        ([], None, None),
    ],
)
def test_a_validation_error_names_the_field(data: Any, param: str | None, message: str | None) -> None:
    with pytest.raises(serializers.ValidationError) as caught:
        Outer(data=data).is_valid(raise_exception=True)
    error = answer(caught.value).data["error"]
    assert (error["code"], error["param"]) == ("invalid", param)
    assert error["message"] == (message or error["message"])


def test_a_throttled_caller_learns_when_to_come_back() -> None:
    response = answer(exceptions.Throttled(wait=4.2))
    assert response.status_code == 429
    assert response["Retry-After"] == "5"


def test_a_stranger_is_asked_to_authenticate() -> None:
    class Closed(APIView):
        authentication_classes = (BasicAuthentication,)
        permission_classes = (IsAuthenticated,)

    response = Closed.as_view()(APIRequestFactory().get("/"))
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Basic")
    assert response.data["error"]["code"] == "not_authenticated"


def test_a_defect_is_not_dressed_up() -> None:
    with pytest.raises(ZeroDivisionError):
        answer(ZeroDivisionError())

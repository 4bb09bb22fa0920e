import json
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.parsers import JSONParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from apps.common.parsers import SafeJSONParser
from apps.common.safe_json import MAX_DEPTH


class Echo(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (SafeJSONParser,)

    def post(self, request: Request) -> Response:
        return Response(request.data)


def post(body: bytes) -> Any:
    response = Echo.as_view()(APIRequestFactory().post("/", body, content_type="application/json"))
    response.render()
    return response


@pytest.mark.parametrize(
    "value", [{}, [], "ü", {"a": [1, 2.5, None, True, {"b": "😀"}]}, "\\u0000 as six characters", "\ud83d\ude00"]
)
def test_ordinary_json_comes_through(value: Any) -> None:
    response = post(json.dumps(value).encode())
    assert response.status_code == 200
    assert json.loads(response.content) == json.loads(json.dumps(value))


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 400, 1_000, 1_500, 100_000, 1_000_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_brackets_without_end_are_a_400(depth: int, opening: bytes, closing: bytes) -> None:
    response = post(opening * depth + b"1" + closing * depth)
    assert response.status_code == 400
    assert response.data["error"]["code"] == "parse_error"
    assert "nested more than 100 levels" in response.data["error"]["message"]


def test_the_deepest_json_that_is_allowed() -> None:
    assert post(b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH).status_code == 200


@pytest.mark.parametrize("text", [r"\u0000", r"a\u0000b", r"\ud800", r"\udc00\ud800", r"x\udfff"])
@pytest.mark.parametrize("shape", ['"%s"', '{"%s": 1}', '{"a": ["%s"]}'])
def test_text_that_no_database_takes_is_a_400(text: str, shape: str) -> None:
    response = post((shape % text).encode())
    assert response.status_code == 400
    assert response.data["error"]["message"] == "The JSON contains a NUL character or half of a surrogate pair."


@pytest.mark.parametrize("body", [b"{", b"", b"nonsense", b"\xff\xfe", b"NaN", b"[Infinity]", b"1" * 5_000])
def test_what_is_not_json_is_a_400(body: bytes) -> None:
    assert post(body).status_code in (200, 400)
    assert post(body).status_code == (200 if body == b"" else 400)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" + "0" * 19, "-" + "9" * 400, "9" * 5_000])
@pytest.mark.parametrize("shape", ["%s", '{"a": [%s]}'])
def test_a_number_that_nothing_holds_is_a_400(number: str, shape: str) -> None:
    """Stored once, an infinity would break every list that shows it."""
    response = post((shape % number).encode())
    assert response.status_code == 400
    assert response.data["error"]["message"] == "The JSON contains a number that is too large."


def test_numbers_that_64_bits_hold_come_through() -> None:
    numbers = [2**63 - 1, -(2**63), 1.7e308, 0, -0.5]
    assert json.loads(post(json.dumps(numbers).encode()).content) == numbers


@pytest.mark.parametrize("charset", ["nonsense", "utf-16", "hex"])
def test_the_encoding_that_a_caller_names_changes_nothing(charset: str) -> None:
    request = APIRequestFactory().generic("POST", "/", b"[1]", content_type=f"application/json; charset={charset}")
    assert Echo.as_view()(request).status_code == 200


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=2**20)
def test_a_body_over_the_limit_is_a_413() -> None:
    assert post(b'"' + b"x" * (2**20 - 2) + b'"').status_code == 200
    response = post(b'"' + b"x" * 2**20 + b'"')
    assert response.status_code == 413
    assert response.data["error"] == {
        "code": "too_large",
        "message": "The request body is too large.",
        "param": None,
        "resolution": "Send less than 1 MB at once.",
    }


def test_the_parser_that_ours_replaces_would_fail() -> None:
    """So that the tests above prove something."""

    class Naive(Echo):
        parser_classes = (JSONParser,)

    request = APIRequestFactory().post("/", b"[" * 100_000, content_type="application/json")
    with pytest.raises(RecursionError):
        Naive.as_view()(request)

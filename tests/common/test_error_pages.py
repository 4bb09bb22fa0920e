import json
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory, override_settings
from pytest_django import Settings

from apps.common.error_pages import server_error

pytestmark = pytest.mark.django_db


@override_settings(DEBUG=False)
def test_an_unknown_address_answers_in_the_callers_shape() -> None:
    client = Client()
    under_api = client.get("/api/nowhere/")
    assert under_api.status_code == 404
    assert under_api.json()["error"]["code"] == "not_found"
    assert "/api/docs/" in under_api.json()["error"]["resolution"]


@pytest.mark.parametrize(
    ("path", "keys"),
    [("/api/stats/", {"code", "message", "param", "resolution"}), ("/v1/models", {"message", "type", "param", "code"})],
)
def test_a_defect_answers_in_the_callers_shape(path: str, keys: set[str]) -> None:
    answer = server_error(RequestFactory().get(path))
    assert answer.status_code == 500
    error = json.loads(answer.content)["error"]
    assert set(error) == keys
    assert error["code"] == "internal_error"


@pytest.mark.urls("tests.common.urls_of_errors")
@pytest.mark.parametrize(
    ("path", "status", "heading", "words"),
    [
        ("/misread/", 400, "This request cannot be understood", "Go back and try again"),
        ("/refused/", 403, "This page is not for your account", "ask your organization's staff"),
        ("/nowhere/", 404, "There is nothing at this address", "The link may be old or mistyped"),
        ("/broken/", 500, "Something broke on our side", "It was not your doing."),
    ],
)
def test_a_page_that_fails_says_why_and_leads_on(path: str, status: int, heading: str, words: str) -> None:
    answer = Client(raise_request_exception=False).get(path)
    assert answer.status_code == status
    assert_is_error_page(answer, heading, words)


def test_a_form_without_its_token_says_that_nothing_was_saved() -> None:
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/code/", {"email": "ada@example.org"})
    assert answer.status_code == 403
    assert_is_error_page(answer, "This form has expired", "Nothing was saved.")


def test_signing_in_too_often_says_to_wait(settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    cache.clear()
    _, answer = [Client().post("/accounts/login/") for _ in range(2)]
    cache.clear()
    assert answer.status_code == 429
    assert_is_error_page(answer, "That was too often in a short time", "Wait a few minutes, then try once more.")


def test_guessing_a_password_too_often_says_for_how_long(settings: Settings) -> None:
    settings.AXES_FAILURE_LIMIT = 1
    answer = Client().post("/admin/login/", {"username": "ada@example.org", "password": "wrong"})
    assert answer.status_code == 429
    assert_is_error_page(answer, "Too many wrong passwords", "is locked for an hour")
    assert settings.AXES_COOLOFF_TIME == 1


def assert_is_error_page(answer: Any, heading: str, words: str) -> None:
    page = answer.content.decode()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f"<h1>{heading}</h1>" in page
    assert words in page
    assert f'<p class="eyebrow">{answer.status_code}</p>' in page
    assert '<a class="button" href="/">Go to the front page</a>' in page

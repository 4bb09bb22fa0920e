"""What no honest caller sends is refused with a reason, never by breaking: everything here was a 500 once, or could be.

What JSON bodies may not hold is tested in tests/common/test_parsers.py; here it is sent to the endpoints themselves.
"""

import json
from base64 import b64encode
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from tests.guards.house import House, furnish
from tests.guards.test_routes import routes

pytestmark = pytest.mark.django_db

BODIES = {
    "empty": b"",
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe",
    "a number": b"1",
    "a huge number": b"9" * 5_000,
    "a list": b"[1, null, [], {}]",
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "NUL": rb'{"model": "\u0000", "input": {"text": "\u0000"}}',
    "half a pair": rb'{"model": "\ud800", "messages": [{"role": "user", "content": "\ud800"}]}',
    "infinity": b'{"output": {"a": 1e400}, "hyperparameters": {"n_epochs": 1e400}}',
    "11 MB": b'"' + b"x" * 11 * 2**20 + b'"',
}
NUMBERS = ["", "0", "-1", "1.5", "9" * 30, "9" * 5_000, "\u0661", "\x00", "'", "null"]
CURSORS = [b"p=abc", b"p=\x00", b"p=" + b"9" * 30, b"p=" + b"9" * 5_000, b"o=" + b"9" * 30, b"o=-1", b"\xff"]


@pytest.fixture
def house(settings: Settings, tmp_path: Any) -> House:
    files = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path / "media")}}
    settings.STORAGES = {**settings.STORAGES, "default": files}
    return furnish("own")


def program(token: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)


def token_for(house: House, url: str) -> str:
    return house.trainer_key if url.startswith("/trainer/") else house.token


def posts(house: House) -> list[str]:
    """Every address of a program's, with this house's ids where the walk has a 1."""
    urls = [route.url for route in routes() if route.url.startswith(("/api/", "/v1/", "/trainer/v1/"))]
    named = [url.replace("/personas/1/", f"/personas/{house.persona.slug}/") for url in urls]
    return [url.replace("/jobs/1", f"/jobs/{house.trainer_job.public_id}") for url in named]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_no_body_breaks_an_endpoint(house: House, body: bytes) -> None:
    broken = [
        (url, status)
        for url in posts(house)
        if (status := program(token_for(house, url)).post(url, body, "application/json").status_code) >= 500
    ]
    assert broken == []


def test_the_largest_bodies_are_a_413(house: House) -> None:
    paths = ["/api/examples/", "/api/feedback/", "/v1/chat/completions", "/trainer/v1/chat/completions"]
    for url in [*paths, f"/api/personas/{house.persona.slug}/runs/"]:
        assert program(token_for(house, url)).post(url, BODIES["11 MB"], "application/json").status_code == 413, url


def test_an_infinity_is_refused_before_a_list_must_show_it(house: House) -> None:
    client = program(house.token)
    body = '{"persona": "own-persona", "input": {"text": "hi"}, "output": {"a": 1e400}}'
    assert client.post("/api/examples/", body, "application/json").status_code == 400
    assert client.get("/api/examples/").status_code == 200


LISTS = [
    "/api/base-models/", "/api/personas/", "/api/examples/", "/api/datasets/", "/api/fine-tuning-jobs/",
    "/api/custom-models/", "/api/abtests/", "/api/conversations/", "/api/feedback/", "/api/earnings/",
    "/api/earnings/shares/", "/api/uploads/",
]  # fmt: skip


@pytest.mark.parametrize("url", LISTS)
def test_no_handmade_cursor_breaks_a_list(house: House, url: str) -> None:
    client = program(house.token)
    answers = {client.get(url, {"cursor": b64encode(cursor).decode()}).status_code for cursor in CURSORS}
    assert answers <= {200, 404}
    assert client.get(url, {"cursor": b64encode(b"p=abc").decode()}).status_code == 404


def test_no_number_breaks_the_trainers_lists(house: House) -> None:
    client = program(house.trainer_key)
    for path in ("files", "fine_tuning/jobs", f"fine_tuning/jobs/{house.trainer_job.public_id}/events"):
        for number in NUMBERS:
            assert client.get(f"/trainer/v1/{path}", {"limit": number}).status_code in (200, 400, 404), (path, number)


@pytest.mark.parametrize("number", NUMBERS)
def test_no_number_breaks_an_upload(house: House, number: str) -> None:
    file = SimpleUploadedFile("a.jsonl", b"{}")
    form = {"purpose": "fine-tune", "expires_after[anchor]": "created_at", "expires_after[seconds]": number}
    answer = program(house.trainer_key).post("/trainer/v1/files", {**form, "file": file})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "name", ["../../x.jsonl", r"..\..\x.jsonl", "%252e%252e%252fx.jsonl", 'a"b\r\n.svg', "\u202e.jsonl", "x" * 300]
)
def test_no_name_leads_a_file_elsewhere(house: House, name: str, tmp_path: Any) -> None:
    file = SimpleUploadedFile("a.jsonl", b"{}")
    file._name = name  # type: ignore[attr-defined]  # its setter would clean it, which a hostile client does not
    answer = program(house.trainer_key).post("/trainer/v1/files", {"purpose": "fine-tune", "file": file})
    stored = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.parent.relative_to(tmp_path).as_posix() for path in stored} == {"media/trainer/own-house"}
    if answer.status_code == 400:
        assert len(stored) == 1  # the house's own
        return
    assert {path.stem for path in stored} >= {answer.json()["id"]}
    content = program(house.trainer_key).get(f"/trainer/v1/files/{answer.json()['id']}/content")
    assert content["Content-Disposition"].startswith("attachment")
    assert content["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("rating", NUMBERS)
def test_no_number_breaks_a_label(house: House, rating: str) -> None:
    tester = Client(raise_request_exception=False)
    tester.force_login(house.tester.user, backend="django.contrib.auth.backends.ModelBackend")
    url = f"/review/own-house/own-persona/{house.examples['waiting'].pk}/"
    answer = tester.post(url, {"code": "lost_card", "rating": rating})
    assert answer.status_code in (302, 400)  # 400: the form again, which says what is wrong with it


@pytest.mark.parametrize("persona", ["9" * 30, "9" * 5_000, "abc", "'"])
def test_no_number_breaks_the_filter_by_persona(house: House, persona: str) -> None:
    manager = Client(raise_request_exception=False)
    manager.force_login(house.manager, backend="django.contrib.auth.backends.ModelBackend")
    assert manager.get("/admin/chat/response/", {"persona": persona}).status_code == 200


KEYS = [
    "",
    "fw_",
    "fw_a_b",
    "fw_' OR '1'='1_x",
    "fw_\u00ff_\u00ff",
    "sk-trainer-",
    "sk-trainer-own-house.x",
    "x" * 50_000,
]


@pytest.mark.parametrize("url", ["/api/personas/", "/v1/models", "/trainer/v1/models"])
@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_a_key_is_looked_up_as_a_value(house: House, url: str, key: str) -> None:
    assert program(key).get(url).status_code in (401, 403)
    assert program(token_for(house, url)).get(url).status_code == 200


def test_nobody_names_the_provider_in_a_request(house: House) -> None:
    """Where a question goes, with which key, is the organization's setting alone."""
    client = program(house.token)
    asked = {"model": "own-persona", "messages": [{"role": "user", "content": "hi"}]}
    for name in ("base_url", "api_base", "api_key", "extra_body", "extra_headers", "provider", "credential"):
        body = json.dumps({**asked, name: "https://evil.example"})
        answer = client.post("/v1/chat/completions", body, "application/json")
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, name)
    for model in ("recall-1", "gpt-4o", house.live.fine_tuned_model_id, "https://evil.example"):
        body = json.dumps({**asked, "model": model})
        assert client.post("/v1/chat/completions", body, "application/json").status_code == 404

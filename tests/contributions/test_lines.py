"""Many examples in one request, one on each line. Over a real connection: test_lines_live.py."""

import io
import json
import tracemalloc
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.contributions.api import lines
from apps.contributions.models import TrainingExample
from apps.organizations.enums import Scope
from apps.personas.models import Persona
from tests.clients import key_client
from tests.factories import PersonaFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db
URL = "/api/examples/"


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(slug="coder")
    return persona


@pytest.fixture
def client(persona: Persona) -> APIClient:
    return key_client(persona.organization, Scope.CONTRIBUTE)


def _new(text: str, **fields: Any) -> dict[str, Any]:
    return {"persona": "coder", "input": {"text": text}, **fields}


def _ndjson(*items: Any) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def _post(client: APIClient, body: bytes, *, content_type: str = "application/x-ndjson", **extra: Any) -> Any:
    return client.generic("POST", URL, body, content_type=content_type, **extra)


def _results(response: Any) -> list[dict[str, Any]]:
    assert (response.status_code, response["Content-Type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]


@pytest.mark.parametrize(
    "content_type", ["application/x-ndjson", "application/jsonl", "Application/X-NDJSON; charset=utf-8"]
)
def test_every_line_has_its_result(client: APIClient, content_type: str) -> None:
    body = (
        _ndjson(_new("one", client_id="a"), _new("")) + b"\n  \r\n" + _ndjson(_new("one"), _new("two", client_id="a"))
    )
    results = _results(_post(client, body, content_type=content_type))
    example = TrainingExample.objects.get()
    assert [(result["line"], result["status"], result["id"], result["client_id"]) for result in results] == [
        (1, "created", example.pk, "a"),
        (2, "rejected", None, None),
        (5, "duplicate", example.pk, None),
        (6, "exists", example.pk, "a"),
    ]
    assert [result["error"] and result["error"]["param"] for result in results] == [None, "text", None, None]


@pytest.mark.parametrize("accept", ["application/x-ndjson", "application/json", "*/*"])
def test_whatever_the_caller_accepts(client: APIClient, accept: str) -> None:
    assert len(_results(_post(client, _ndjson(_new("one")), HTTP_ACCEPT=accept))) == 1
    refused = key_client(PersonaFactory().organization, Scope.READ)
    response = _post(refused, _ndjson(_new("one")), HTTP_ACCEPT=accept)
    assert (response.status_code, json.loads(response.content)["error"]["code"]) == (403, "not_allowed")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "The line is not JSON"),
        (b"not json", "The line is not JSON"),
        (b"[" * 100_000, "The line is nested more than 100 levels deep."),
        (b'{"persona": "coder", "input": {"text": "\\u0000"}}', "The line contains a NUL character"),
        (b'{"persona": "coder", "input": {"text": "\\ud800"}}', "The line contains a NUL character or half of a surr"),
        (b'{"persona": "coder", "input": {"text": 1e400}}', "The line contains a number that is too large."),
        (b"\xff\xfe", "The line is not UTF-8 text."),
        (b'"' + b"x" * 1_000_001 + b'"', "The line has more than 1,000,000 bytes."),
        (b"[]", "Invalid data. Expected a dictionary, but got list."),
        (b"5", "Invalid data. Expected a dictionary, but got int."),
        (b"null", "No data provided"),
    ],
)
def test_a_line_that_is_no_example_spoils_no_other(client: APIClient, line: bytes, message: str) -> None:
    results = _results(_post(client, _ndjson(_new("before")) + line + b"\n" + _ndjson(_new("after"))))
    assert [result["status"] for result in results] == ["created", "rejected", "created"]
    assert results[1]["error"]["message"].startswith(message)
    assert results[1]["error"]["resolution"]


def test_an_empty_body_has_no_results(client: APIClient) -> None:
    assert _results(_post(client, b"")) == _results(_post(client, b"\n\n")) == []


def test_sending_it_all_again_changes_nothing(client: APIClient) -> None:
    body = _ndjson(*(_new(f"Question {n}", client_id=f"q-{n}") for n in range(1_200)))
    first, again = _results(_post(client, body)), _results(_post(client, body))
    assert [result["status"] for result in first] == ["created"] * 1_200
    assert [result["status"] for result in again] == ["exists"] * 1_200
    assert [result["id"] for result in first] == [result["id"] for result in again]
    assert TrainingExample.objects.count() == 1_200


def test_a_batch_is_a_handful_of_statements(client: APIClient) -> None:
    _post(client, b"")  # the key's last use of the day is noted once
    counts = []
    for rows in (1, 500, 1_500):
        with CaptureQueriesContext(connection) as statements:
            _results(_post(client, _ndjson(*(_new(f"{rows}-{n}", client_id=f"{rows}-{n}") for n in range(rows)))))
        counts.append(len(statements))
    assert counts == [9, 9, 9 + 2 * 8]  # the key, and eight for each batch


def test_examples_of_several_personas_and_strangers(client: APIClient, persona: Persona) -> None:
    PersonaFactory(slug="other", organization=persona.organization)
    PersonaFactory(slug="theirs")
    body = _ndjson(*(_new("same", persona=slug) for slug in ("coder", "other", "theirs", "none")))
    results = _results(_post(client, body))
    assert [result["status"] for result in results] == ["created", "created", "rejected", "rejected"]
    assert {result["error"]["code"] for result in results[2:]} == {"persona_not_found"}


# --- limits -----------------------------------------------------------------------------------------------------------


def test_lines_beyond_the_limit_are_refused_and_those_before_stay(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MAX_LINES", 700)
    body = _ndjson(*(_new(f"{n}", client_id=f"{n}") for n in range(701)))
    response = _post(client, body)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (413, "too_large")
    assert error["message"] == "The body has more than 700 lines. The first 700 new examples of it are stored."
    assert TrainingExample.objects.count() == 700
    assert len(_results(_post(client, _ndjson(*(_new(f"{n}", client_id=f"{n}") for n in range(700)))))) == 700


def test_a_body_that_says_that_it_is_too_large_is_refused_unread(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MAX_BYTES", 2**20)
    response = _post(client, _ndjson(_new("x")) + b" " * 2**20)
    assert response.status_code == 413
    assert response.json()["error"]["message"] == "The body has more than 1 MB. Nothing of it was stored."
    assert not TrainingExample.objects.exists()


def test_the_limit_of_other_bodies_stays(client: APIClient) -> None:
    large = b" " * (11 * 2**20)
    assert client.post(URL, b"{}" + large, content_type="application/json").status_code == 413
    assert len(_results(_post(client, _ndjson(_new("x")) + large))) == 2  # its second line is too long, and no more


# --- how the body arrives ---------------------------------------------------------------------------------------------


class Stream(io.RawIOBase):
    """A connection that gives some bytes and then ends, or breaks."""

    def __init__(self, data: bytes, *, breaks: type[Exception] | None = None) -> None:
        self.data, self.breaks = io.BytesIO(data), breaks

    def read(self, size: int = -1, /) -> bytes:
        piece = self.data.read(min(size, 1000))
        if not piece and self.breaks:
            raise self.breaks
        return piece


def _in_chunks(client: APIClient, stream: Stream) -> Any:
    """As gunicorn hands over what was sent in chunks: without a length, in a stream that ends by itself."""
    says = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    return _post(client, b"", **says, **{"wsgi.input": stream})


def test_a_body_in_chunks_is_read_to_its_end(client: APIClient) -> None:
    results = _results(_in_chunks(client, Stream(_ndjson(*(_new(f"{n}") for n in range(600))))))
    assert [result["status"] for result in results] == ["created"] * 600


def test_a_body_in_chunks_may_not_go_on_for_ever(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_BYTES", 100_000)
    response = _in_chunks(client, Stream(_ndjson(*(_new(f"{n} {'x' * 50}") for n in range(2_000)))))
    assert response.status_code == 413
    stored = TrainingExample.objects.count()
    assert 500 < stored < 2_000
    assert response.json()["error"]["message"] == (
        f"The body has more than 0 MB. The first {stored:,} new examples of it are stored."
    )


class ServersOwn(Exception):
    """What gunicorn raises for a chunk that is none has no base in common with OSError."""


@pytest.mark.parametrize("breaks", [OSError, ServersOwn, None])
def test_a_broken_connection_leaves_whole_batches(client: APIClient, breaks: type[Exception] | None) -> None:
    items = [_new(f"{n}", client_id=f"{n}") for n in range(1_300)]
    stream = Stream(_ndjson(*items)[:-20], breaks=breaks)
    if breaks:
        response = _in_chunks(client, stream)
    else:
        response = _post(client, b"", **{"wsgi.input": stream, "CONTENT_LENGTH": str(len(_ndjson(*items)))})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "connection_broken")
    assert TrainingExample.objects.count() == 1_000
    again = _results(_post(client, _ndjson(*items)))
    assert [result["status"] for result in again] == ["exists"] * 1_000 + ["created"] * 300
    assert TrainingExample.objects.count() == 1_300


def test_memory_does_not_grow_with_the_body(client: APIClient) -> None:
    """Held at once: a batch and what is made of it. The lines are all rejected, so no database has part in it."""
    line = _ndjson(_new("", client_id="x" * 90))
    _results(_post(client, line))  # what is loaded once
    peaks = []
    for rows in (2_000, 20_000):
        stream = Repeating(line, rows)
        tracemalloc.start()
        response = _in_chunks(client, stream)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert sum(1 for piece in response.streaming_content for _ in piece.splitlines()) >= rows
    assert peaks[1] < 1.2 * peaks[0]


class Repeating(Stream):
    """So many times the same line, of which no more than one piece exists."""

    def __init__(self, line: bytes, rows: int) -> None:
        super().__init__(b"")
        self.line, self.left = line, rows

    def read(self, size: int = -1, /) -> bytes:
        count = min(self.left, max(1, size // len(self.line)))
        self.left -= count
        return self.line * count


# --- what an item may carry -------------------------------------------------------------------------------------------


def test_fields_are_kept(client: APIClient) -> None:
    item = _new("one", metadata={"batch": 7}, conversation_ref="c-1", consent=False, schema_version=1, output={"a": 1})
    assert [result["status"] for result in _results(_post(client, _ndjson(item)))] == ["created"]
    example = TrainingExample.objects.get()
    assert (example.metadata, example.conversation_ref, example.schema_version) == ({"batch": 7}, "c-1", 1)
    assert (example.consent, example.output) == (False, {"a": 1})


def test_without_consent_it_is_never_trained_on(persona: Persona) -> None:
    client = key_client(persona.organization)
    items = [_new(f"{consent}", label={"code": "lost_card"}, consent=consent) for consent in (True, False)]
    assert len(_results(_post(client, _ndjson(*items)))) == 2
    assert TrainingExample.objects.accepted().count() == 2
    assert [example.input for example in TrainingExample.objects.trainable()] == [{"text": "True"}]


def test_a_key_that_may_train_brings_accepted_labels(persona: Persona) -> None:
    client = key_client(persona.organization, Scope.CONTRIBUTE, Scope.TRAIN)
    results = _results(
        _post(client, _ndjson(_new("one", label={"code": "lost_card"}), _new("two", label={"code": "x"})))
    )
    assert [result["status"] for result in results] == ["created", "rejected"]
    assert results[1]["error"]["message"].startswith("code: 'x' is not in the codebook")
    example = TrainingExample.objects.get()
    assert (example.status, example.accepted_label, example.category) == (
        "accepted",
        {"code": "lost_card"},
        "lost_card",
    )
    assert example.accepted_by.startswith("API key fw")
    assert str(example.quality_score) == "1.000"
    assert not example.labels.exists()


def test_a_key_that_may_only_contribute_decides_nothing(client: APIClient) -> None:
    for item in (_new("one", label={"code": "lost_card"}), _new("two", label=None)):
        response = client.post(URL, item)
        (result,) = _results(_post(client, _ndjson({**item, "input": {"text": "on a line"}})))
        if item["label"]:
            assert (response.status_code, response.json()["error"]["code"]) == (400, "label_not_allowed")
            assert result["error"]["code"] == "label_not_allowed"
        else:
            assert (response.status_code, result["status"]) == (201, "created")
    assert not TrainingExample.objects.accepted().exists()


def test_another_version_of_the_schemas_is_refused_naming_both(client: APIClient) -> None:
    (result,) = _results(_post(client, _ndjson(_new("one", schema_version=2))))
    assert (result["error"]["code"], result["error"]["param"]) == ("wrong_schema_version", "schema_version")
    assert "of version 2 of the task's schemas" in result["error"]["message"]
    assert "reads version 1" in result["error"]["message"]


def test_metadata_are_tags(client: APIClient) -> None:
    for metadata, message in [
        ({"a": "x" * 2_000}, "metadata: as JSON it has more than 2,000 characters."),
        ("tag", 'Expected a dictionary of items but got type "str".'),
    ]:
        (result,) = _results(_post(client, _ndjson(_new("one", metadata=metadata))))
        assert (result["error"]["message"], result["error"]["param"]) == (message, "metadata")


def test_the_same_mistake_is_told_the_same_alone_in_a_list_and_on_a_line(client: APIClient) -> None:
    TrainingExampleFactory()  # so that an id would not be 1
    for item in [
        _new("x", persona="no slug"),
        _new("x", kind="x"),
        _new("x", client_id=""),
        _new(5),
        _new("x", consent="?"),
    ]:
        single = client.post(URL, item).json()["error"]
        listed = client.post(URL, [item]).json()["results"][0]["error"]
        (on_a_line,) = _results(_post(client, _ndjson(item)))
        assert single == listed == on_a_line["error"]

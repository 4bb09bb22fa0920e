"""Servers deviate from the protocol's description, and some are hostile: nothing they answer gets through unread."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from apps.common.errors import ProviderError
from apps.providers.adapters import PROVIDERS
from apps.providers.adapters.base import Access, RemoteEvent, RemoteJob, RemoteMetrics
from apps.providers.adapters.openai import MAX_PAGES
from apps.providers.enums import RemoteStatus
from tests.faults import nobody_listens
from tests.providers.odd_server import OddServer, odd_server

PROVIDER = PROVIDERS.get("openai")
JOB = {
    "id": "ftjob-1",
    "object": "fine_tuning.job",
    "created_at": 1_700_000_000,
    "status": "running",
    "model": "gpt-4o",
    "error": None,
    "fine_tuned_model": None,
    "finished_at": None,
    "hyperparameters": {"n_epochs": "auto"},
    "result_files": [],
    "trained_tokens": None,
}


@pytest.fixture
def server() -> Iterator[OddServer]:
    with odd_server() as running:
        yield running


def access(server: OddServer) -> Access:
    return Access(server.url, "sk-test", "acme")


def retrieve(server: OddServer, **changes: Any) -> RemoteJob:
    server.on("GET", "/v1/fine_tuning/jobs/ftjob-1", {**JOB, **changes})
    return PROVIDER.retrieve_job(access(server), job_id="ftjob-1")


@pytest.mark.parametrize("error", [None, {}, {"code": None, "message": None, "param": None}, [], "none"])
def test_no_error_is_spelled_in_many_ways(server: OddServer, error: Any) -> None:
    job = retrieve(server, error=error)
    assert (job.error_code, job.error_message) == ("", "")


def test_null_hyperparameters_and_missing_fields(server: OddServer) -> None:
    server.on("GET", "/v1/fine_tuning/jobs/ftjob-1", {"id": "ftjob-1", "status": "queued", "hyperparameters": None})
    assert PROVIDER.retrieve_job(access(server), job_id="ftjob-1") == RemoteJob("ftjob-1", RemoteStatus.QUEUED)


def test_paused_is_a_status(server: OddServer) -> None:
    assert retrieve(server, status="paused").status is RemoteStatus.PAUSED


@pytest.mark.parametrize("status", ["pending", "", None, 7, "x" * 10_000])
def test_an_unknown_status_counts_as_running_and_is_noted(server: OddServer, status: Any) -> None:
    job = retrieve(server, status=status)
    assert job.status is RemoteStatus.RUNNING
    assert job.note.startswith("The provider reports the unknown status")
    assert len(job.note) < 200


def test_a_failed_job_says_why(server: OddServer) -> None:
    error = {"code": "invalid_n_examples", "message": "Training file has 7 example(s)\x00", "param": "training_file"}
    job = retrieve(server, status="failed", error=error)
    assert (job.error_code, job.error_message) == ("invalid_n_examples", "Training file has 7 example(s)")


@pytest.mark.parametrize("name", [None, "", 7, "a b", "ft:x\x00", "x" * 201])
def test_success_without_a_usable_model_is_no_success(server: OddServer, name: Any) -> None:
    with pytest.raises(ProviderError) as error:
        retrieve(server, status="succeeded", fine_tuned_model=name)
    assert (error.value.temporary, error.value.code) == (True, "unusable_answer")


def test_numbers_that_are_none(server: OddServer) -> None:
    job = retrieve(server, trained_tokens=True, created_at="soon", finished_at=-1, estimated_finish=10**30)
    assert (job.trained_tokens, job.created_at, job.finished_at, job.estimated_finish_at) == (None, None, None, None)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"null", b'"job"', b'{"id": 7}', b'{"id": "../files"}', b'{"id": ""}', b"[" * 100_000],
)
def test_garbage_is_a_temporary_error(server: OddServer, body: bytes) -> None:
    server.on("GET", "/v1/fine_tuning/jobs/ftjob-1", (200, body))
    with pytest.raises(ProviderError) as error:
        PROVIDER.retrieve_job(access(server), job_id="ftjob-1")
    assert (error.value.temporary, error.value.code) == (True, "unusable_answer")
    assert error.value.resolution


@pytest.mark.parametrize(
    ("status", "code", "ours", "temporary"),
    [
        (400, "invalid_value", "provider_refused", False),
        (401, "invalid_api_key", "invalid_provider_key", False),
        (403, "unsupported", "provider_refused", False),
        (404, "model_not_found", "not_found_at_provider", False),
        (409, None, "provider_failed", True),
        (422, None, "provider_refused", False),
        (429, "rate_limit_exceeded", "provider_rate_limit", True),
        (429, "insufficient_quota", "insufficient_quota", False),
        (500, None, "provider_failed", True),
        (503, None, "provider_failed", True),
        (302, None, "provider_refused", False),
    ],
)
def test_what_a_refusal_means(server: OddServer, status: int, code: str | None, ours: str, temporary: bool) -> None:
    body = json.dumps({"error": {"message": "The words of the server.", "code": code, "param": "model"}}).encode()
    server.on("GET", "/v1/fine_tuning/jobs/ftjob-1", (status, server.url.encode() if status == 302 else body))
    with pytest.raises(ProviderError) as error:
        PROVIDER.retrieve_job(access(server), job_id="ftjob-1")
    assert (error.value.code, error.value.temporary) == (ours, temporary)
    assert error.value.resolution
    if status != 302:
        assert "It says: The words of the server." in error.value.message
    assert len(server.requests) == 1  # nothing is retried behind our back, no redirect is followed


def test_nobody_listens() -> None:
    with nobody_listens() as url, pytest.raises(ProviderError) as error:
        PROVIDER.list_models(Access(f"{url}/v1", "sk-test", "acme"))
    assert (error.value.temporary, error.value.code) == (True, "provider_unreachable")


@pytest.mark.parametrize("key", ["sk-\n", "sk-ü", "sk-\x00"])
def test_a_key_that_cannot_be_a_header(server: OddServer, key: str) -> None:
    with pytest.raises(ProviderError):
        PROVIDER.list_models(Access(server.url, key, "acme"))


def test_a_job_is_found_by_its_reference_though_the_filter_is_ignored(server: OddServer) -> None:
    def page(environ: dict[str, Any]) -> dict[str, Any]:
        if "after=ftjob-2" in environ["QUERY_STRING"]:
            return {"data": [{**JOB, "id": "ftjob-1", "metadata": {"flywheel_job": "ours"}}], "has_more": False}
        others = [{**JOB, "id": "ftjob-3", "metadata": {"flywheel_job": "ours"}}, {**JOB, "id": "ftjob-2"}]
        return {"data": others, "has_more": True}

    server.on("GET", "/v1/fine_tuning/jobs", page)
    found = PROVIDER.find_job(access(server), reference="ours")
    assert found is not None
    assert found.id == "ftjob-1"  # the oldest, should there ever be two
    assert PROVIDER.find_job(access(server), reference="theirs") is None
    assert "metadata%5Bflywheel_job%5D=ours" in server.requests[0][2].replace("[", "%5B").replace("]", "%5D")


def test_pages_without_end_end(server: OddServer) -> None:
    server.on("GET", "/v1/fine_tuning/jobs", {"data": [{**JOB, "metadata": None}], "has_more": True})
    assert PROVIDER.find_job(access(server), reference="ours") is None
    assert len(server.requests) == MAX_PAGES


def test_events_are_oldest_first_and_flat(server: OddServer) -> None:
    def event(number: int, **more: Any) -> dict[str, Any]:
        return {"id": f"e{number}", "created_at": 1_700_000_000 + number, "level": "info", "message": "m", **more}

    data = {"step": 3, "train_loss": 0.5, "nested": {"a": 1}, "list": [1], "text": "a\x00b", "none": None}
    events = [event(3, data=data, type="metrics"), event(2), {"message": "neither id nor time"}, event(1)]
    server.on("GET", "/v1/fine_tuning/jobs/ftjob-1/events", {"data": events, "has_more": False})
    found = PROVIDER.list_events(access(server), job_id="ftjob-1")
    assert [event.id for event in found] == ["e1", "e2", "e3"]
    assert found[2] == RemoteEvent(
        "e3",
        datetime.fromtimestamp(1_700_000_003, UTC),
        "info",
        "metrics",
        "m",
        {"step": 3, "train_loss": 0.5, "text": "ab"},
    )
    assert [event.id for event in PROVIDER.list_events(access(server), job_id="ftjob-1", known=["e1", "e2"])] == ["e3"]


CSV = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,0.9,0.5,,\n2,0.4,0.75,0.6,0.7\n3,0.3,,,\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (CSV.encode(), RemoteMetrics(0.3, 0.6, 0.75, 0.7)),
        (b"\xef\xbb\xbf" + CSV.encode(), RemoteMetrics(0.3, 0.6, 0.75, 0.7)),
        (base64.b64encode(CSV.encode()), RemoteMetrics(0.3, 0.6, 0.75, 0.7)),
        (b"step,train_loss,train_mean_token_accuracy,full_valid_loss,validation_mean_token_accuracy\n1,1,.5,2,.25\n",
         RemoteMetrics(1, 2, 0.5, 0.25)),
        (b"step,train_loss,train_accuracy\n", RemoteMetrics()),
        (b"step,train_loss\n1,nan\n2,inf\n3,lots\n", RemoteMetrics()),
        (b"step,train_loss\n1,2,3,4\n", RemoteMetrics(2)),
    ],
)  # fmt: skip
def test_result_files_differ(server: OddServer, content: bytes, expected: RemoteMetrics) -> None:
    server.on("GET", "/v1/files/file-1/content", (200, content))
    job = RemoteJob("ftjob-1", RemoteStatus.SUCCEEDED, result_files=("file-1",))
    assert PROVIDER.read_metrics(access(server), job=job) == expected


def test_a_result_file_that_is_neither(server: OddServer) -> None:
    server.on("GET", "/v1/files/file-1/content", (200, b"neither!"))
    with pytest.raises(ProviderError, match="neither CSV nor base64"):
        PROVIDER.read_metrics(
            access(server), job=RemoteJob("ftjob-1", RemoteStatus.SUCCEEDED, result_files=("file-1",))
        )


def test_models_with_and_without_an_end(server: OddServer) -> None:
    models = [{"id": "a", "shutdown_date": "2027-01-14"}, {"id": "b", "shutdown_date": "soon"}, {"id": "c"}]
    server.on("GET", "/v1/models", {"data": models})
    assert [model.shutdown_date for model in PROVIDER.list_models(access(server))] == [date(2027, 1, 14), None, None]


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": None}, {"choices": ["x"]}, {"choices": [{}]}])
def test_an_answer_without_a_message(server: OddServer, body: dict[str, Any]) -> None:
    server.on("POST", "/v1/chat/completions", body)
    with pytest.raises(ProviderError, match="no message"):
        PROVIDER.chat(access(server), model="m", messages=[])


def test_an_answer_without_usage_or_content(server: OddServer) -> None:
    server.on("POST", "/v1/chat/completions", {"choices": [{"message": {"content": None}}]})
    answer = PROVIDER.chat(access(server), model="m", messages=[])
    assert (answer.text, answer.prompt_tokens, answer.cached_tokens, answer.completion_tokens) == ("", 0, 0, 0)


def test_chat_is_tried_again(server: OddServer) -> None:
    answers = iter([(500, b"{}"), (429, b"{}"), (200, b'{"choices": [{"message": {"content": "Yes."}}]}')])
    server.on("POST", "/v1/chat/completions", lambda _environ: next(answers))
    assert PROVIDER.chat(access(server), model="m", messages=[]).text == "Yes."


def test_a_stream_is_passed_on_line_by_line(server: OddServer) -> None:
    stream = b'data: {"a": 1}\r\n\r\ndata: {"b": "\xc3\xa9"}\n\ndata: [DONE]\n\n'
    server.on("POST", "/v1/chat/completions", (200, stream))
    lines = list(PROVIDER.stream_chat(access(server), model="m", messages=[]))
    assert lines == [b'data: {"a": 1}', 'data: {"b": "é"}'.encode(), b"data: [DONE]"]


def test_a_stream_that_is_refused(server: OddServer) -> None:
    server.on("POST", "/v1/chat/completions", (429, b'{"error": {"message": "No.", "code": "insufficient_quota"}}'))
    with pytest.raises(ProviderError) as error:
        next(PROVIDER.stream_chat(access(server), model="m", messages=[]))
    assert (error.value.code, error.value.temporary) == ("insufficient_quota", False)

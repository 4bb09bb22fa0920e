"""Streamed answers: what goes out, and what is on record however the stream ends."""

import json
from collections.abc import Callable
from http.client import HTTPConnection
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from pytest_django.live_server_helper import LiveServer

from apps.chat.enums import ResponseStatus
from apps.chat.models import Response
from apps.common.database import connection_kept_open
from apps.contributions.models import TrainingExample
from apps.custom_models.models import CustomModel
from tests.chat.conftest import VERSION, Home
from tests.chat.local_provider import USAGE_CHUNK, LocalProvider, chunk, events

pytestmark = pytest.mark.django_db

ASK = [{"role": "user", "content": "My card is gone"}]


def _stream(home: Home, **options: Any) -> Any:
    body = {"model": "coder", "messages": ASK, "stream": True, **options}
    return home.client().post("/v1/chat/completions", body)


def _sent(answer: Any) -> list[Any]:
    lines = b"".join(answer.streaming_content).decode().split("\n\n")
    assert lines.pop() == ""
    assert all(line.startswith("data: ") for line in lines)
    return [line if line == "data: [DONE]" else json.loads(line.removeprefix("data: ")) for line in lines]


def test_the_sdk_streams_with_usage(home: Home, version: CustomModel, provider: LocalProvider) -> None:
    stream = home.sdk().chat.completions.create(
        model="coder", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)

    response = Response.objects.get()
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "hello" == response.output
    assert {(c.id, c.model) for c in chunks} == {(response.public_id, version.fine_tuned_model_id)}
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 110
    assert (response.status, response.finish_reason) == (ResponseStatus.COMPLETED, "stop")
    assert (response.prompt_tokens, response.cached_tokens, response.completion_tokens) == (100, 40, 10)
    assert response.cost_micros == 60 * 2 + 40 * 1 + 10 * 8
    assert response.first_token_ms is not None
    assert 0 < response.first_token_ms <= response.latency_ms
    assert provider.requests[0]["stream_options"] == {"include_usage": True}
    assert TrainingExample.objects.get().response_id == response.public_id


def test_the_sdks_own_streaming_helper_works(home: Home, version: CustomModel, provider: LocalProvider) -> None:
    with home.sdk().chat.completions.stream(model="coder", messages=ASK) as stream:
        for _event in stream:
            pass
        final = stream.get_final_completion()

    assert (final.id, final.choices[0].message.content) == (Response.objects.get().public_id, "hello")
    assert provider.requests[0]["model"] == version.fine_tuned_model_id


@pytest.mark.usefixtures("provider")
def test_who_did_not_ask_for_usage_gets_none_and_it_is_on_record_all_the_same(home: Home) -> None:
    answer = _stream(home)
    sent = _sent(answer)

    assert (answer["content-type"], answer["x-flywheel-model"]) == ("text/event-stream", "base-1")
    assert sent[-1] == "data: [DONE]"
    assert len(sent) == 4
    assert all("usage" not in item for item in sent[:-1])
    assert Response.objects.get().prompt_tokens == 100


@pytest.mark.usefixtures("provider")
def test_it_is_stored_before_done_goes_out(home: Home) -> None:
    for piece in _stream(home).streaming_content:
        assert Response.objects.exists() is (piece == b"data: [DONE]\n\n")


def test_tool_calls_are_put_together(home: Home, provider: LocalProvider) -> None:
    first = {"index": 0, "id": "call_1", "function": {"name": "find", "arguments": '{"q":'}}
    rest = {"index": 0, "function": {"arguments": '"card"}'}}
    provider.streams["base-1"] = events(
        chunk(tool_calls=[first]), chunk(tool_calls=[rest]), chunk(finish_reason="tool_calls"), USAGE_CHUNK
    )
    _sent(_stream(home))

    response = Response.objects.get()
    assert json.loads(response.output) == [{"id": "call_1", "name": "find", "arguments": '{"q":"card"}'}]
    assert response.finish_reason == "tool_calls"
    assert response.first_token_ms is not None


def test_only_the_first_choice_is_on_record(home: Home, provider: LocalProvider) -> None:
    other = chunk("bye")
    other["choices"][0]["index"] = 1
    provider.streams["base-1"] = events(chunk("hello"), other, USAGE_CHUNK)
    _sent(_stream(home, n=2))

    assert Response.objects.get().output == "hello"


def _hang_up(answer: Any, *, after: int) -> None:
    content = answer.streaming_content
    for _ in range(after):
        next(content)
    with connection_kept_open():  # the end of a request, which this is to Django, lies inside the test's transaction
        answer.close()


@pytest.mark.parametrize(("after", "output"), [(0, ""), (1, "hel"), (2, "hello")])
def test_a_caller_who_hangs_up_is_on_record_with_the_tokens_counted(
    home: Home, provider: LocalProvider, after: int, output: str
) -> None:
    provider.streams["base-1"] = events(chunk("hel"), chunk("lo"), *[chunk("!")] * 50_000)
    _hang_up(_stream(home), after=after)

    response = Response.objects.get()
    assert (response.status, response.output) == (ResponseStatus.INTERRUPTED, output)
    assert response.tokens_are_counted
    assert response.prompt_tokens > 50
    assert (response.completion_tokens > 0) is bool(output)
    assert response.cost_micros > 0
    assert provider.hung_up.wait(30)  # the provider was let go
    assert not TrainingExample.objects.exists()  # half an answer is no example


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (events(chunk("lo"), done=False), "stream_broken"),
        ([b"data: {garbage\n\n"], "stream_broken"),
        ([b'data: ["not", "a", "chunk"]\n\n'], "stream_broken"),
        ([b'data: {"error": {"message": "Overloaded.", "code": "overloaded"}}\n\n'], "overloaded"),
        ([b'data: {"error": {"message": null, "code": "\\u0000odd"}}\n\n'], "odd"),
        ([b'data: {"error": "words"}\n\n'], "provider_error"),
    ],
)
def test_after_the_first_byte_a_failure_is_an_error_chunk(
    home: Home, version: CustomModel, provider: LocalProvider, ending: list[bytes], code: str
) -> None:
    provider.streams[VERSION] = [*events(chunk("hel"), done=False), *ending]
    answer = _stream(home)
    sent = _sent(answer)

    response = Response.objects.get()
    assert answer["x-flywheel-fallback"] == "false"
    assert sent[0]["choices"][0]["delta"]["content"] == "hel"
    assert (sent[-1]["error"]["type"], sent[-1]["error"]["code"]) == ("server_error", code)
    assert "data: [DONE]" not in sent
    assert (response.status, response.error_code, response.custom_model) == (ResponseStatus.FAILED, code, version)
    assert response.output.startswith("hel")
    assert response.tokens_are_counted
    assert not TrainingExample.objects.exists()


def test_the_sdk_raises_on_the_error_chunk(home: Home, provider: LocalProvider) -> None:
    provider.streams["base-1"] = events(chunk("hel"), done=False)
    stream = home.sdk().chat.completions.create(model="coder", messages=ASK, stream=True)

    with pytest.raises(openai.APIError):
        list(stream)


@pytest.mark.parametrize(
    "beginning",
    [
        [],
        [b"data: [DONE]\n\n"],
        [b"data: {garbage\n\n"],
        [b": a comment\n\n"],
        [b'data: {"error": {"message": "Overloaded.", "code": "overloaded"}}\n\n'],
    ],
)
def test_before_the_first_byte_the_base_model_takes_over(
    home: Home, version: CustomModel, provider: LocalProvider, beginning: list[bytes]
) -> None:
    provider.streams[VERSION] = beginning
    answer = _stream(home)
    sent = _sent(answer)

    response = Response.objects.get()
    assert (answer["x-flywheel-model"], answer["x-flywheel-fallback"]) == ("base-1", "true")
    assert sent[-1] == "data: [DONE]"
    assert (response.is_fallback, response.custom_model, response.output) == (True, None, "hello")
    assert response.routing_reason.startswith(f"live version {version.number}; {VERSION} failed: ")


def test_if_nobody_begins_it_is_a_plain_error(home: Home, version: CustomModel, provider: LocalProvider) -> None:
    provider.refuse(version.fine_tuned_model_id, status=404, code="model_not_found")
    provider.refuse("base-1", status=503)
    with pytest.raises(openai.InternalServerError) as raised:
        home.sdk().chat.completions.create(model="coder", messages=ASK, stream=True)

    assert raised.value.status_code == 502
    response = Response.objects.get()
    assert (response.status, response.model_name, response.is_fallback) == (ResponseStatus.FAILED, "base-1", True)
    assert response.error_code
    assert response.cost_micros == 0


def test_odd_chunks_are_passed_on_and_break_nothing(home: Home, provider: LocalProvider) -> None:
    odd: list[dict[str, Any]] = [
        {"choices": None},
        {"choices": "x"},
        {"choices": [5, {"delta": None}, {"delta": {"content": 5, "tool_calls": [None, {"index": "x"}]}}]},
        {"choices": [{"delta": {"content": "\ud800\x00"}}], "usage": []},
        {"choices": [{"finish_reason": "\x00stop" * 10}]},
        {"choices": [], "usage": {"prompt_tokens": "many", "prompt_tokens_details": 3}},
    ]
    provider.streams["base-1"] = events(chunk("hello"), *odd)
    sent = _sent(_stream(home, stream_options={"include_usage": True}))

    assert len(sent) == 8
    response = Response.objects.get()
    assert (response.status, response.output) == (ResponseStatus.COMPLETED, "hello?")
    assert response.tokens_are_counted


@pytest.mark.django_db(transaction=True)
def test_a_caller_who_hangs_up_on_a_real_server(home: Home, provider: LocalProvider, live_server: LiveServer) -> None:
    provider.streams["base-1"] = events(chunk("hello"), *[chunk("!")] * 200_000)
    url = urlsplit(live_server.url)
    caller = HTTPConnection(url.hostname or "", url.port)
    body = json.dumps({"model": "coder", "messages": ASK, "stream": True})
    headers = {"Authorization": f"Bearer {home.token}", "Content-Type": "application/json"}
    caller.request("POST", "/v1/chat/completions", body=body, headers=headers)
    answer = caller.getresponse()
    assert answer.readline().startswith(b'data: {"id":')
    answer.close()
    caller.close()

    assert provider.hung_up.wait(30)
    response = _eventually(Response.objects.first)
    assert (response.status, response.output[:6]) == (ResponseStatus.INTERRUPTED, "hello!")
    assert response.tokens_are_counted


def _eventually(look: Callable[[], Response | None]) -> Response:
    deadline = monotonic() + 30
    while monotonic() < deadline:
        if found := look():
            return found
        sleep(0.02)
    raise AssertionError("nothing was stored")

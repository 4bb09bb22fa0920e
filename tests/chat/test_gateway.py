"""`/v1/` as the official SDK and plain clients see it."""

import json
from typing import Any

import openai
import pytest

from apps.chat.enums import ResponseKind, ResponseStatus
from apps.chat.models import Conversation, Response
from apps.contributions.enums import ExampleSource
from apps.contributions.models import TrainingExample
from apps.custom_models.models import CustomModel
from apps.organizations.enums import Scope
from apps.personas.models import FewShotExample
from tests.chat.conftest import VERSION, Home, token_of
from tests.chat.local_provider import LocalProvider, completion
from tests.factories import OrganizationFactory, PersonaFactory

pytestmark = pytest.mark.django_db

ASK = [{"role": "user", "content": "My card is gone"}]
CODED = '{"code": "lost_card", "confidence": "high"}'


def test_the_sdk_gets_an_answer_and_everything_about_it_is_on_record(
    home: Home, version: CustomModel, provider: LocalProvider
) -> None:
    provider.plain[VERSION] = (200, completion(CODED))

    raw = home.sdk().chat.completions.with_raw_response.create(
        model="coder", messages=ASK, user="u1", metadata={"conversation_id": "c1", "team": "blue"}, seed=7
    )
    answer = raw.parse()

    response = Response.objects.get()
    prompt = home.persona.prompt_versions.get()
    assert (answer.id, answer.model, answer.choices[0].message.content) == (response.public_id, VERSION, CODED)
    assert answer.usage is not None
    assert answer.usage.total_tokens == 110
    assert {name: raw.headers[name] for name in raw.headers if name.startswith("x-flywheel")} == {
        "x-flywheel-response": response.public_id,
        "x-flywheel-model": VERSION,
        "x-flywheel-version": "1",
        "x-flywheel-fallback": "false",
        "x-flywheel-prompt-version": "1",
    }
    assert provider.requests == [
        {
            "model": VERSION,
            "messages": [{"role": "system", "content": prompt.system_prompt}, *ASK],
            "temperature": 0.3,
            "seed": 7,
        }
    ]
    assert response.public_id.startswith("resp_")
    assert (response.organization, response.persona, response.custom_model) == (
        home.organization,
        home.persona,
        version,
    )
    assert (response.base_model, response.prompt_version) == (home.base_model, prompt)
    assert (response.kind, response.status, response.finish_reason) == (
        ResponseKind.CHAT,
        ResponseStatus.COMPLETED,
        "stop",
    )
    assert (response.is_fallback, response.routing_reason) == (False, "live version 1")
    assert (response.messages, response.output) == (ASK, CODED)
    assert (response.prompt_tokens, response.cached_tokens, response.completion_tokens) == (100, 40, 10)
    assert not response.tokens_are_counted
    assert (response.input_price, response.cached_input_price, response.output_price) == (
        2_000_000,
        1_000_000,
        8_000_000,
    )
    assert response.cost_micros == 60 * 2 + 40 * 1 + 10 * 8
    assert response.latency_ms > 0
    assert (response.unit, response.tags) == ("u1", {"conversation_id": "c1", "team": "blue"})
    assert response.price_micros == 0
    assert response.called_by.startswith("API key fw_")
    assert response.conversation == Conversation.objects.get(organization=home.organization, reference="c1", unit="u1")


def test_the_base_model_answers_at_its_own_price_where_no_version_is_live(home: Home, provider: LocalProvider) -> None:
    answer = home.sdk().chat.completions.create(model="coder", messages=ASK, temperature=1.0)

    response = Response.objects.get()
    assert (answer.model, response.custom_model, response.model_name) == ("base-1", None, "base-1")
    assert response.routing_reason == "no live version: base model"
    assert response.cost_micros == 60 * 1 + 40 // 2 + 10 * 4
    assert response.unit == response.public_id  # nobody to stick to
    assert provider.requests[0]["temperature"] == 1.0


def test_few_shot_turns_stand_between_the_prompt_and_the_question(home: Home, provider: LocalProvider) -> None:
    FewShotExample.objects.create(
        organization=home.organization, persona=home.persona, user_message="Rates?", assistant_message="exchange_rate"
    )
    home.sdk().chat.completions.create(model="coder", messages=ASK)

    assert [message["role"] for message in provider.requests[0]["messages"]] == ["system", "user", "assistant", "user"]


def test_an_answer_becomes_a_training_example(home: Home, provider: LocalProvider) -> None:
    provider.plain["base-1"] = (200, completion(CODED))
    answer = home.sdk().chat.completions.create(model="coder", messages=ASK, metadata={"conversation_id": "c1"})

    example = TrainingExample.objects.get()
    assert (example.persona, example.source, example.kind) == (home.persona, ExampleSource.CHAT, "survey_answer")
    assert (example.input, example.output) == (
        {"text": "My card is gone"},
        {"code": "lost_card", "confidence": "high"},
    )
    assert (example.response_id, example.conversation_ref) == (answer.id, "c1")


@pytest.mark.usefixtures("provider")
def test_nothing_is_captured_for_an_organization_that_opted_out(home: Home) -> None:
    home.organization.collects_training_data = False
    home.organization.save()
    home.sdk().chat.completions.create(model="coder", messages=ASK)

    assert Response.objects.count() == 1
    assert not TrainingExample.objects.exists()


@pytest.mark.usefixtures("provider")
def test_what_the_task_cannot_read_is_answered_and_is_no_example(home: Home) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    home.sdk().chat.completions.create(model="coder", messages=[{"role": "user", "content": [image]}])  # type: ignore[list-item,misc]

    assert Response.objects.get().messages == [{"role": "user", "content": [image]}]
    assert not TrainingExample.objects.exists()


def test_tools_go_through_and_their_calls_are_the_output(home: Home, provider: LocalProvider) -> None:
    calls = [{"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"q": "card"}'}}]
    provider.plain["base-1"] = (200, completion("", tool_calls=calls) | {"extra": 1})
    tools = [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}]

    answer = home.sdk().chat.completions.create(model="coder", messages=ASK, tools=tools)  # type: ignore[call-overload]

    assert provider.requests[0]["tools"] == tools
    assert answer.choices[0].message.tool_calls[0].function.name == "find"
    assert json.loads(Response.objects.get().output) == calls


def test_an_assistants_earlier_message_is_passed_on_as_it_came(home: Home, provider: LocalProvider) -> None:
    turn = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function"}], "annotations": []}
    result = {"role": "tool", "tool_call_id": "c", "content": "found"}
    answer = home.client().post("/v1/chat/completions", {"model": "coder", "messages": [*ASK, turn, result]})

    assert answer.status_code == 200
    assert provider.requests[0]["messages"][1:] == [*ASK, turn, result]


def test_an_answer_that_does_not_report_its_tokens_is_counted(home: Home, provider: LocalProvider) -> None:
    body = completion("hello")
    del body["usage"]
    provider.plain["base-1"] = (200, body)
    home.sdk().chat.completions.create(model="coder", messages=ASK)

    response = Response.objects.get()
    assert response.tokens_are_counted
    assert response.completion_tokens == 1
    assert response.prompt_tokens > 50  # the system prompt is counted, too
    assert response.cost_micros > 0


def test_what_a_hostile_provider_answers_can_be_stored_and_sent(home: Home, provider: LocalProvider) -> None:
    body = completion("a\x00b\ud800c")
    body["usage"] = {"prompt_tokens": 2**60, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2**61}}
    body["choices"][0]["logprobs"] = {"content": [{"token": "a", "logprob": float("-inf")}]}
    provider.plain["base-1"] = (200, body)
    answer = home.client().post("/v1/chat/completions", {"model": "coder", "messages": ASK})

    assert answer.status_code == 200
    assert b"-Infinity" in answer.content
    response = Response.objects.get()
    assert response.output == "ab?c"
    assert response.prompt_tokens == response.cached_tokens == 2**31 - 1


@pytest.mark.parametrize(
    ("change", "status", "code", "param"),
    [
        ({"model": "nobody"}, 404, "model_not_found", "model"),
        ({"model": "😀"}, 404, "model_not_found", "model"),
        ({"model": None}, 400, "invalid", "model"),
        ({"messages": []}, 400, "invalid", "messages"),
        ({"messages": "hello"}, 400, "invalid", "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, 400, "invalid", "messages[0].role"),
        ({"messages": [{"role": "user"}]}, 400, "invalid", "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, 400, "invalid", "messages[0].content"),
        ({"messages": ["hello"]}, 400, "invalid", "messages[0]"),
        ({"temperature": 3}, 400, "invalid", "temperature"),
        ({"n": 0}, 400, "invalid", "n"),
        ({"stop": [1]}, 400, "invalid", "stop"),
        ({"stream_options": 5}, 400, "invalid", "stream_options"),
        ({"metadata": {"kind": "joke"}}, 400, "invalid_request", "metadata.kind"),
        ({"metadata": {"conversation_id": "x" * 101}}, 400, "invalid", "metadata.conversation_id"),
        ({"metadata": {str(n): "" for n in range(17)}}, 400, "invalid", "metadata"),
        ({"user": "x" * 101}, 400, "invalid", "user"),
        ({"base_url": "http://evil.example"}, 400, "invalid", "base_url"),
        ({"api_key": "sk-evil"}, 400, "invalid", "api_key"),
        ({"extra_headers": {"a": "b"}}, 400, "invalid", "extra_headers"),
    ],
)
def test_what_cannot_be_used_is_refused_in_openais_shape(
    home: Home, provider: LocalProvider, change: dict[str, Any], status: int, code: str, param: str
) -> None:
    answer = home.client().post("/v1/chat/completions", {"model": "coder", "messages": ASK, **change})

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param)
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert provider.requests == []
    assert not Response.objects.exists()


def test_nothing_that_is_null_reaches_the_provider(home: Home, provider: LocalProvider) -> None:
    nulls = {"max_tokens": None, "stop": None, "user": None, "metadata": None, "stream": None, "store": False}
    answer = home.client().post("/v1/chat/completions", {"model": "coder", "messages": ASK, **nulls})

    assert answer.status_code == 200
    assert set(provider.requests[0]) == {"model", "messages", "temperature"}


def _nested(levels: int) -> bytes:
    part = b'{"type":"text","text":"x","deep":' + b"[" * levels + b"]" * levels + b"}"
    return b'{"model":"coder","messages":[{"role":"user","content":[' + part + b"]}]}"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe{}", _nested(5000), _nested(100_000), b"NaN"])
def test_bodies_that_are_no_request(home: Home, body: bytes) -> None:
    answer = home.client().generic("POST", "/v1/chat/completions", body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize("levels", range(50, 500, 15))
def test_no_depth_of_nesting_breaks_anything(home: Home, levels: int) -> None:
    client = home.client()
    client.raise_request_exception = True
    answer = client.generic("POST", "/v1/chat/completions", _nested(levels), content_type="application/json")

    assert answer.status_code in {200, 400}


def test_a_body_that_is_too_large(home: Home) -> None:
    body = json.dumps({"model": "coder", "messages": [{"role": "user", "content": "x" * 11_000_000}]})
    answer = home.client().generic("POST", "/v1/chat/completions", body, content_type="application/json")

    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"


def test_a_form_is_not_json(home: Home) -> None:
    answer = home.client().post("/v1/chat/completions", "a=b", content_type="application/x-www-form-urlencoded")

    assert answer.status_code == 415
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/", "/v1/chat/completions/", "/v1/chat"])
def test_other_urls_say_what_there_is(home: Home, path: str) -> None:
    answer = home.client().post(path, {})

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown_url"
    assert "/v1/chat/completions" in answer.json()["error"]["message"]


def test_the_wrong_method(home: Home) -> None:
    answer = home.client().get("/v1/chat/completions")

    assert answer.status_code == 405
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize("accept", ["text/event-stream", "*/*", "text/html", ""])
def test_the_accept_header_does_not_matter(home: Home, accept: str) -> None:
    answer = home.client().post("/v1/chat/completions", {"model": "coder", "messages": ASK}, headers={"accept": accept})

    assert (answer.status_code, answer["content-type"]) == (200, "application/json")


def test_without_a_key_or_with_a_wrong_one(home: Home) -> None:
    for client in (home.client("fw_nobody_nothing"), home.client("sk-proj-x"), home.client("é")):
        answer = client.post("/v1/chat/completions", {"model": "coder", "messages": ASK})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
    with pytest.raises(openai.AuthenticationError):
        home.sdk("fw_nobody_nothing").models.list()


def test_a_key_without_the_chat_scope(home: Home) -> None:
    token = token_of(home.organization, Scope.READ, Scope.FEEDBACK)
    with pytest.raises(openai.PermissionDeniedError):
        home.sdk(token).chat.completions.create(model="coder", messages=ASK)


def test_a_session_is_no_key(home: Home) -> None:
    client = home.client()
    client.credentials()
    answer = client.post("/v1/chat/completions", {"model": "coder", "messages": ASK})

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


def test_models_are_the_organizations_personas(home: Home) -> None:
    PersonaFactory(slug="strangers")
    PersonaFactory(organization=home.organization, slug="gone", is_active=False)
    sdk = home.sdk()

    models = list(sdk.models.list())
    assert [(model.id, model.object, model.owned_by) for model in models] == [("coder", "model", "home")]
    assert sdk.models.retrieve("coder").created == models[0].created
    for slug in ("strangers", "gone", "ft:x:y:z", "a/b"):
        with pytest.raises(openai.NotFoundError):
            sdk.models.retrieve(slug)


def test_another_organizations_persona_does_not_exist(home: Home, provider: LocalProvider) -> None:
    stranger = token_of(OrganizationFactory())
    with pytest.raises(openai.NotFoundError) as raised:
        home.sdk(stranger).chat.completions.create(model="coder", messages=ASK)

    assert raised.value.code == "model_not_found"
    assert provider.requests == []
    home.sdk().chat.completions.create(model="coder", messages=ASK)  # something could have leaked
    assert len(provider.requests) == 1

"""The gateway before a model that the embedded trainer really trained: the official SDK in process and over HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from apps.chat.enums import ResponseStatus
from apps.chat.models import Response
from apps.chat.services import run_task
from apps.common.audit import SYSTEM
from apps.common.embedded import mint_trainer_key
from apps.contributions.models import TrainingExample
from apps.custom_models.models import CustomModel
from apps.custom_models.services import activate_model
from apps.feedback.services import record_feedback
from apps.providers.queries import access_for
from tests.chat.conftest import sdk_of, token_of
from tests.custom_models.world import make_dataset, start, work
from tests.faults import FaultProxy, Refused, Said, Truncated, nobody_listens

pytestmark = pytest.mark.django_db(transaction=True)

ASK: Any = [{"role": "user", "content": "I lost my card somewhere in Lisbon, block it"}]


@pytest.fixture
def version() -> CustomModel:
    work(start(make_dataset()))
    model = CustomModel.objects.get()
    activate_model(model=model, by=SYSTEM, now=timezone.now())
    return CustomModel.objects.select_related("persona", "organization").get()


@pytest.fixture(params=["in process", "over HTTP"])
def sdk(request: pytest.FixtureRequest, version: CustomModel) -> Iterator[openai.OpenAI]:
    over_http = request.param == "over HTTP"
    server = request.getfixturevalue("live_server").url if over_http else ""
    with sdk_of(token_of(version.organization), server=server) as client:
        yield client


def test_a_plain_answer(sdk: openai.OpenAI, version: CustomModel) -> None:
    answer = sdk.chat.completions.create(model="coder", messages=ASK, user="u1")

    response = Response.objects.get()
    assert (answer.id, answer.model) == (response.public_id, version.fine_tuned_model_id)
    assert json.loads(answer.choices[0].message.content or "") == {"code": "lost_card", "confidence": "high"}
    assert answer.usage is not None
    assert (response.prompt_tokens, response.completion_tokens) == (
        answer.usage.prompt_tokens,
        answer.usage.completion_tokens,
    )
    assert (response.status, response.is_fallback, response.custom_model) == (
        ResponseStatus.COMPLETED,
        False,
        version,
    )
    assert TrainingExample.objects.get(response_id=answer.id).output == {"code": "lost_card", "confidence": "high"}


def test_a_streamed_answer_with_usage(sdk: openai.OpenAI, version: CustomModel) -> None:
    chunks = list(
        sdk.chat.completions.create(
            model="coder", messages=ASK, stream=True, stream_options={"include_usage": True}, user="u1"
        )
    )

    response = Response.objects.get()
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert json.loads(text)["code"] == "lost_card"
    assert {(chunk.id, chunk.model) for chunk in chunks} == {(response.public_id, version.fine_tuned_model_id)}
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == response.prompt_tokens > 0
    assert response.output == text
    assert not response.tokens_are_counted


def test_errors(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        sdk.chat.completions.create(model="nobody", messages=ASK)
    assert (raised.value.code, raised.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError):
        sdk.chat.completions.create(model="coder", messages=[])
    with pytest.raises(openai.AuthenticationError):
        sdk.with_options(api_key="fw_nobody_nothing").models.list()
    assert [model.id for model in sdk.models.list()] == ["coder"]


def test_a_model_that_is_gone_leaves_the_base_model(sdk: openai.OpenAI, version: CustomModel) -> None:
    provider, access = access_for(organization=version.organization)
    provider.delete_model(access, model=version.fine_tuned_model_id)
    answer = sdk.chat.completions.create(model="coder", messages=ASK)
    chunks = list(sdk.chat.completions.create(model="coder", messages=ASK, stream=True))

    assert {answer.model, *(chunk.model for chunk in chunks)} == {"recall-1"}
    assert Response.objects.count() == 2
    for response in Response.objects.all():
        assert response.is_fallback
        assert response.routing_reason == f"live version 1; {version.fine_tuned_model_id} failed: not_found_at_provider"


def test_from_answer_to_approval_rate(sdk: openai.OpenAI, version: CustomModel) -> None:
    answer = sdk.chat.completions.create(model="coder", messages=ASK)
    response = Response.objects.get(public_id=answer.id)
    record_feedback(response=response, feedback_type="approved", by=SYSTEM, now=timezone.now())

    version.refresh_from_db()
    assert version.user_approval_rate == 1.0
    assert TrainingExample.objects.get(response_id=answer.id).outcome == "accepted"


def test_a_run(version: CustomModel) -> None:
    text = {"text": "what exchange rate do you give for wallet money"}
    response = run_task(persona=version.persona, input=text, by=SYSTEM, now=timezone.now(), customer="acme")

    assert (response.status, json.loads(response.output)["code"]) == (ResponseStatus.COMPLETED, "exchange_rate")
    assert response.custom_model == version


@pytest.fixture
def proxy(version: CustomModel, live_server: LiveServer, settings: Settings) -> Iterator[FaultProxy]:
    """What breaks stands between the gateway and the trainer."""
    with FaultProxy(upstream=live_server.url) as running:
        settings.OPENAI_BASE_URL = f"{running.url}/trainer/v1"
        settings.OPENAI_API_KEY = mint_trainer_key(account=version.organization.slug)
        yield running


def _client(version: CustomModel) -> openai.OpenAI:
    return sdk_of(token_of(version.organization))


@pytest.mark.parametrize("fault", [Refused(), Truncated(), Said(502, b"<html>Bad gateway</html>")])
def test_a_fault_on_the_way_to_the_version(version: CustomModel, proxy: FaultProxy, fault: Any) -> None:
    proxy.inject("POST", "/chat/completions", fault, times=3)  # a plain call is tried three times
    answer = _client(version).chat.completions.create(model="coder", messages=ASK)

    assert answer.model == "recall-1"
    assert Response.objects.get().is_fallback


def test_a_fault_that_a_retry_cures_is_none(version: CustomModel, proxy: FaultProxy) -> None:
    proxy.inject("POST", "/chat/completions", Refused())
    answer = _client(version).chat.completions.create(model="coder", messages=ASK)

    assert answer.model == version.fine_tuned_model_id
    assert not Response.objects.get().is_fallback


def test_a_stream_that_is_cut_off(version: CustomModel, proxy: FaultProxy) -> None:
    proxy.inject("POST", "/chat/completions", Truncated())
    with pytest.raises(openai.APIError):
        list(_client(version).chat.completions.create(model="coder", messages=ASK, stream=True))

    response = Response.objects.get()
    assert (response.status, response.custom_model) == (ResponseStatus.FAILED, version)
    assert response.error_code


def test_a_stream_that_does_not_begin(version: CustomModel, proxy: FaultProxy) -> None:
    proxy.inject("POST", "/chat/completions", Refused())
    chunks = list(_client(version).chat.completions.create(model="coder", messages=ASK, stream=True))

    assert {chunk.model for chunk in chunks} == {"recall-1"}
    assert Response.objects.get().is_fallback


def test_nobody_there_at_all(version: CustomModel, settings: Settings) -> None:
    client = _client(version)
    with nobody_listens() as url:
        settings.OPENAI_BASE_URL = url
        with pytest.raises(openai.InternalServerError) as raised:
            client.chat.completions.create(model="coder", messages=ASK, stream=True)

    assert raised.value.status_code == 502
    assert Response.objects.get().status == ResponseStatus.FAILED

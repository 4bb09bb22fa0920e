"""Structured task runs: `POST /api/personas/{slug}/runs/`."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.chat.enums import ResponseKind, ResponseStatus
from apps.chat.models import Response
from apps.chat.services import run_task
from apps.common.audit import SYSTEM
from apps.contributions.enums import ExampleSource
from apps.contributions.models import TrainingExample
from apps.custom_models.models import CustomModel
from apps.organizations.enums import Scope
from apps.personas.models import Persona
from tests.chat.conftest import VERSION, Home, token_of
from tests.chat.local_provider import LocalProvider, completion
from tests.factories import MembershipFactory, OrganizationFactory, PersonaFactory, UserFactory

pytestmark = pytest.mark.django_db

URL = "/api/personas/coder/runs/"
CODED = '{"code": "lost_card", "confidence": "high"}'


def test_a_paid_run(home: Home, version: CustomModel, provider: LocalProvider) -> None:
    provider.plain[VERSION] = (200, completion(CODED))
    answer = home.client(home.chat_only).post(URL, {"input": {"text": " My card is gone "}, "customer": "acme"})

    response = Response.objects.get()
    assert answer.status_code == 200
    assert answer.json() == {
        "response_id": response.public_id,
        "status": "completed",
        "output": CODED,
        "parsed": {"code": "lost_card", "confidence": "high"},
        "model": VERSION,
        "version": 1,
        "is_fallback": False,
        "price_micros": 50_000,
        "price_currency": "EUR",
        "customer": "acme",
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "latency_ms": response.latency_ms,
    }
    assert (response.kind, response.status) == (ResponseKind.RUN, ResponseStatus.COMPLETED)
    assert (response.price_micros, response.price_currency, response.customer) == (50_000, "EUR", "acme")
    assert response.unit == "acme"
    assert provider.requests[0]["messages"][-1] == {"role": "user", "content": "My card is gone"}
    example = TrainingExample.objects.get()
    assert (example.source, example.input, example.output) == (
        ExampleSource.RUN,
        {"text": "My card is gone"},
        {"code": "lost_card", "confidence": "high"},
    )
    assert version.responses.get() == response


def test_an_answer_keeps_the_share_rate_it_was_given_at(home: Home, provider: LocalProvider) -> None:
    for rate in ("0.2500", "0.0000"):
        Persona.objects.update(revenue_share_rate=rate)
        provider.plain["base-1"] = (200, completion(CODED))
        home.client().post(URL, {"input": {"text": "My card is gone"}})
    rates = Response.objects.order_by("pk").values_list("share_rate", flat=True)
    assert list(rates) == [Decimal("0.25"), Decimal("0")]


@pytest.mark.parametrize("said", ["I was not trained.", '{"code": "unheard_of", "confidence": "high"}', ""])
def test_an_answer_that_does_not_parse_is_reported_stored_and_not_charged(
    home: Home, provider: LocalProvider, said: str
) -> None:
    provider.plain["base-1"] = (200, completion(said))
    answer = home.client().post(URL, {"input": {"text": "My card is gone"}, "customer": "acme"})

    response = Response.objects.get()
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("status", "output", "parsed", "version", "price_micros")} == {
        "status": "unparsed",
        "output": said,
        "parsed": None,
        "version": None,
        "price_micros": 0,
    }
    assert (response.status, response.price_micros) == (ResponseStatus.UNPARSED, 0)
    example = TrainingExample.objects.get()  # a person can still say what is right
    assert (example.input, example.output) == ({"text": "My card is gone"}, None)


def test_a_run_that_is_not_paid_has_no_price(home: Home, provider: LocalProvider) -> None:
    provider.plain["base-1"] = (200, completion(CODED))
    response = run_task(persona=home.persona, input={"text": "x"}, by=SYSTEM, now=timezone.now(), paid=False)

    assert (response.status, response.price_micros, response.called_by) == (ResponseStatus.COMPLETED, 0, "system")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": "text"}, "input"),
        ({"input": {}}, "text"),
        ({"input": {"text": ""}}, "text"),
        ({"input": {"text": "x", "model": "gpt"}}, "model"),
        ({"input": {"text": "x"}, "customer": "x" * 101}, "customer"),
    ],
)
def test_what_the_task_cannot_use_names_the_field(
    home: Home, provider: LocalProvider, body: dict[str, Any], param: str
) -> None:
    answer = home.client().post(URL, body)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert provider.requests == []


def test_no_provider_is_a_clear_error_and_no_charge(home: Home, provider: LocalProvider) -> None:
    provider.refuse("base-1", status=400)
    answer = home.client().post(URL, {"input": {"text": "x"}, "customer": "acme"})

    response = Response.objects.get()
    assert answer.status_code == 502
    assert answer.json()["error"]["resolution"]
    assert (response.status, response.price_micros) == (ResponseStatus.FAILED, 0)


def _run(home: Home, key: str, text: str = "x", **more: Any) -> Any:
    body = {"input": {"text": text}, "customer": "acme", **more}
    return home.client().post(URL, body, headers={"idempotency-key": key})


def test_one_idempotency_key_is_one_charged_run(home: Home, provider: LocalProvider) -> None:
    provider.plain["base-1"] = (200, completion(CODED))
    first, again, other = _run(home, "k1"), _run(home, "k1"), _run(home, "k2")

    assert first.json() == again.json()
    assert first.json()["response_id"] != other.json()["response_id"]
    assert len(provider.requests) == 2
    assert Response.objects.filter(price_micros=50_000).count() == 2


@pytest.mark.parametrize("change", [{"text": "y"}, {"customer": "other"}])
def test_a_key_is_for_one_run(home: Home, provider: LocalProvider, change: dict[str, Any]) -> None:
    provider.plain["base-1"] = (200, completion(CODED))
    _run(home, "k1")
    answer = _run(home, "k1", **change)

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_key_used")
    assert len(provider.requests) == 1
    assert _run(home, "k" * 201).status_code == 400


def test_a_run_that_nobody_answered_can_be_repeated_under_its_key(home: Home, provider: LocalProvider) -> None:
    provider.refuse("base-1", status=400)
    assert _run(home, "k1").status_code == 502
    provider.plain["base-1"] = (200, completion(CODED))
    assert _run(home, "k1").json()["price_micros"] == 50_000


@pytest.mark.usefixtures("provider")
def test_keys_are_each_organizations_own(home: Home) -> None:
    _run(home, "k1")
    stranger = PersonaFactory(slug="coder")
    answer = run_task(persona=stranger, input={"text": "x"}, by=SYSTEM, now=timezone.now(), idempotency_key="k1")

    assert answer.organization == stranger.organization
    assert Response.objects.filter(idempotency_key="k1").count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_at_once_under_one_key_are_charged_once(home: Home, provider: LocalProvider) -> None:
    provider.plain["base-1"] = (200, completion(CODED))
    both_ask = Barrier(2)
    provider.before_answer = lambda: both_ask.wait(60)

    def run(_: int) -> str:
        try:
            return str(_run(home, "k1").json()["response_id"])
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(run, range(2))

    assert first == second
    assert len(provider.requests) == Response.objects.count() == 2  # what the second cost is on record
    assert sorted(Response.objects.values_list("price_micros", "idempotency_key")) == [(0, ""), (50_000, "k1")]


@pytest.mark.usefixtures("provider")
def test_who_may_run(home: Home) -> None:
    body = {"input": {"text": "x"}}
    stranger = token_of(OrganizationFactory())
    reader = token_of(home.organization, Scope.READ)
    assert home.client(stranger).post(URL, body).status_code == 404
    assert home.client(reader).post(URL, body).status_code == 403
    assert home.client("fw_a_b").post(URL, body).status_code == 401
    assert home.client().post(URL, body).status_code == 200  # something could have leaked

    member = MembershipFactory(organization=home.organization).user
    for user, status in ((member, 200), (UserFactory(), 403)):
        client = home.client()
        client.credentials()
        client.force_login(user)
        assert client.post(URL, body).status_code == status

"""Who answers, and who else if that fails."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import openai
import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.abtests.enums import ModelType
from apps.abtests.models import Observation
from apps.abtests.queries import assign_variant
from apps.abtests.services import NewVariant, create_abtest, start_abtest
from apps.chat.enums import ResponseStatus
from apps.chat.models import Response
from apps.common.audit import SYSTEM
from apps.common.errors import InvalidInput
from apps.custom_models.models import CustomModel
from apps.providers.models import ProviderCredential
from tests.chat.conftest import VERSION, Home, make_version
from tests.chat.local_provider import LocalProvider
from tests.factories import BaseModelFactory

pytestmark = pytest.mark.django_db

ASK: Any = [{"role": "user", "content": "My card is gone"}]


def _ask(home: Home, **options: Any) -> Response:
    answer = home.sdk().chat.completions.create(model="coder", messages=ASK, **options)
    return Response.objects.get(public_id=answer.id)


@pytest.mark.parametrize(
    ("status", "code"), [(404, "model_not_found"), (400, ""), (500, ""), (429, "insufficient_quota")]
)
def test_the_base_model_takes_over_when_the_version_fails(
    home: Home, version: CustomModel, provider: LocalProvider, status: int, code: str
) -> None:
    provider.refuse(VERSION, status=status, code=code)
    response = _ask(home)

    assert (response.model_name, response.custom_model, response.is_fallback) == ("base-1", None, True)
    assert response.routing_reason.startswith(f"live version {version.number}; {VERSION} failed: ")
    assert response.input_price == 1_000_000  # the base model's, who answered
    assert [request["model"] for request in provider.requests][-1] == "base-1"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{"message": null}]}'])
@pytest.mark.usefixtures("version")
def test_garbage_is_a_failure_too(home: Home, provider: LocalProvider, body: bytes) -> None:
    provider.plain[VERSION] = (200, body)

    assert _ask(home).is_fallback


def test_a_credential_that_reaches_nobody(home: Home, version: CustomModel, provider: LocalProvider) -> None:
    version.credential = ProviderCredential.objects.create(
        organization=home.organization,
        provider="openai",
        name="own",
        base_url="http://127.0.0.1:9/v1",
        api_key="sk-own",
    )
    version.save()

    assert _ask(home).is_fallback
    assert [request["model"] for request in provider.requests] == ["base-1"]


@pytest.mark.usefixtures("provider")
def test_a_credential_that_is_switched_off(home: Home, version: CustomModel) -> None:
    version.credential = ProviderCredential.objects.create(
        organization=home.organization, provider="openai", name="own", api_key="sk-own", is_active=False
    )
    version.save()

    response = _ask(home)
    assert response.is_fallback
    assert response.routing_reason == f"live version 1; {VERSION} failed: credential_unusable"


@pytest.mark.parametrize(("status", "retry"), [(400, "false"), (503, None)])
def test_when_nobody_answers_it_is_on_record_and_said_whether_to_retry(
    home: Home, version: CustomModel, provider: LocalProvider, status: int, retry: str | None
) -> None:
    provider.refuse(version.fine_tuned_model_id, status=status)
    provider.refuse("base-1", status=status)
    with pytest.raises(openai.InternalServerError) as raised:
        _ask(home)

    response = Response.objects.get()
    assert raised.value.status_code == 502
    assert raised.value.response.headers.get("x-should-retry") == retry
    assert (response.status, response.model_name, response.output) == (ResponseStatus.FAILED, "base-1", "")
    assert raised.value.code == response.error_code != ""
    assert (response.cost_micros, response.prompt_tokens) == (0, 0)


def test_a_version_that_was_shut_down_is_not_asked(home: Home, provider: LocalProvider) -> None:
    yesterday = timezone.now().date() - timedelta(days=1)
    make_version(home.persona, is_active=True, shutdown_date=yesterday)
    response = _ask(home)

    assert [request["model"] for request in provider.requests] == ["base-1"]
    assert response.routing_reason == f"live version 1; version 1 was shut down on {yesterday}"


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize("gone", [{"is_active": False}, {"shutdown_date": date(2026, 1, 1)}])
def test_in_place_of_a_base_model_that_is_gone_the_default_answers(
    home: Home, settings: Settings, gone: dict[str, Any]
) -> None:
    default = BaseModelFactory(name="gpt-4o-mini-2024-07-18")
    for name, value in gone.items():
        setattr(home.base_model, name, value)
    home.base_model.save()
    assert settings.OPENAI_API_KEY

    response = _ask(home)
    assert response.base_model == default
    assert response.routing_reason == "no live version: base model; base-1 is gone: the default base model"


def _run_test(home: Home, models: Sequence[CustomModel | None]) -> None:
    variants = [NewVariant(name=f"arm {n}", custom_model=model) for n, model in enumerate(models)]
    abtest = create_abtest(persona=home.persona, name="t", variants=variants, by=SYSTEM)
    start_abtest(abtest=abtest, by=SYSTEM, now=timezone.now())


def _units(home: Home, *, of_each: int = 3) -> list[str]:
    """As many units of each arm of two: which arm a unit falls to depends on the id of the test."""
    by_arm: defaultdict[object, list[str]] = defaultdict(list)
    for n in range(100):
        unit = f"user {n}"
        by_arm[assign_variant(persona=home.persona, unit=unit)].append(unit)
    first, second = by_arm.values()
    return [*first[:of_each], *second[:of_each]]


@pytest.mark.usefixtures("provider")
def test_a_running_test_decides_for_each_unit_and_observes(home: Home, version: CustomModel) -> None:
    challenger = make_version(home.persona, number=2)
    _run_test(home, [version, challenger])
    for unit in _units(home) * 2:
        variant = assign_variant(persona=home.persona, unit=unit)
        response = _ask(home, user=unit)

        observation = Observation.objects.get(response_id=response.public_id)
        assert variant is not None
        assert response.variant == observation.variant == variant
        assert response.custom_model == variant.custom_model
        assert response.routing_reason == f"variant {variant.name} of the running test t"
        assert (observation.unit, observation.model_type) == (unit, ModelType.CUSTOM)
        assert observation.response_time_ms == response.latency_ms
    assert set(Response.objects.values_list("custom_model", flat=True)) == {version.pk, challenger.pk}


@pytest.mark.usefixtures("provider")
def test_the_base_model_can_be_an_arm(home: Home, version: CustomModel) -> None:
    _run_test(home, [version, None])
    for unit in _units(home):
        _ask(home, user=unit)

    for response in Response.objects.all():
        assert response.variant is not None
        assert response.custom_model == response.variant.custom_model
        assert response.is_fallback is False
    assert {o.model_type for o in Observation.objects.all()} == {ModelType.CUSTOM, ModelType.BASE}


def test_a_failing_arm_is_observed_as_what_answered(home: Home, version: CustomModel, provider: LocalProvider) -> None:
    provider.refuse(VERSION, status=400)
    _run_test(home, [version, None])
    answers = [_ask(home, user=unit) for unit in _units(home)]

    fallbacks = [answer for answer in answers if answer.is_fallback]
    assert len(fallbacks) == 3
    for answer in fallbacks:
        observation = Observation.objects.get(response_id=answer.public_id)
        assert (observation.variant.custom_model, observation.model_type) == (version, ModelType.BASE)


@pytest.mark.usefixtures("provider", "version")
def test_a_conversation_stays_with_its_variant(home: Home, version: CustomModel) -> None:
    _run_test(home, [version, None])
    for n in range(5):
        seen = {_ask(home, metadata={"conversation_id": f"c{n}"}).variant for _ in range(3)}
        assert len(seen) == 1


def test_a_test_needs_versions_of_the_persona(home: Home) -> None:
    with pytest.raises(InvalidInput):
        _run_test(home, [None, None])

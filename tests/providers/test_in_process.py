"""The in-process provider is a request inside whatever its caller is doing: the caller must not notice."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.urls import get_script_prefix, set_script_prefix

from apps.common.errors import ProviderError
from apps.organizations.models import Organization
from apps.providers.adapters import openai as adapter
from apps.providers.adapters.base import Access, Provider
from apps.providers.queries import access_for
from tests.factories import OrganizationFactory

MESSAGES = [{"role": "user", "content": "Hello"}]


def trainer() -> tuple[Provider, Access]:
    return access_for(organization=OrganizationFactory(slug="acme"))


@pytest.mark.django_db(transaction=True)
def test_the_callers_connection_stays_open() -> None:
    provider, access = trainer()
    Organization.objects.count()
    before = connection.connection
    provider.list_models(access)
    assert connection.connection is before
    for _ in provider.stream_chat(access, model="recall-1", messages=MESSAGES):
        assert connection.connection is before
    assert connection.connection is before


@pytest.mark.django_db(transaction=True)
def test_the_callers_transaction_survives_and_can_still_roll_back() -> None:
    provider, access = trainer()
    try:
        with transaction.atomic():
            OrganizationFactory(slug="made-inside")
            provider.list_models(access)
            assert connection.in_atomic_block
            assert Organization.objects.filter(slug="made-inside").exists()
            raise InterruptedError
    except InterruptedError:
        pass
    assert not Organization.objects.filter(slug="made-inside").exists()


@pytest.mark.django_db(transaction=True)
def test_the_callers_open_cursor_goes_on() -> None:
    provider, access = trainer()
    OrganizationFactory.create_batch(5)
    rows: Iterator[Organization] = Organization.objects.order_by("pk").iterator(chunk_size=1)
    slugs = []
    for row in rows:
        provider.list_models(access)
        slugs.append(row.slug)
    assert len(slugs) == 6


@pytest.mark.django_db
def test_the_callers_url_prefix_stays() -> None:
    provider, access = trainer()
    set_script_prefix("/mounted/")
    try:
        provider.list_models(access)
        assert get_script_prefix() == "/mounted/"
    finally:
        set_script_prefix("/")


@pytest.mark.django_db
def test_an_abandoned_stream_is_closed() -> None:
    provider, access = trainer()
    stream = provider.stream_chat(access, model="recall-1", messages=MESSAGES)
    assert next(stream).startswith(b"data: {")
    stream.close()  # type: ignore[attr-defined]
    assert provider.list_models(access)


@pytest.mark.django_db
def test_a_stream_ends_with_its_usage() -> None:
    provider, access = trainer()
    lines = list(provider.stream_chat(access, model="recall-1", messages=MESSAGES))
    assert lines[-1] == b"data: [DONE]"
    assert b'"usage": {' in lines[-2].replace(b'"usage":{', b'"usage": {')


@pytest.mark.django_db
def test_what_the_trainer_says_of_itself() -> None:
    provider, access = trainer()
    models = {model.id: model for model in provider.list_models(access)}
    assert models["recall-1"].shutdown_date is None
    answer = provider.chat(access, model="recall-1", messages=MESSAGES, temperature=0.3)
    assert "not trained" in answer.text
    assert (answer.finish_reason, answer.model) == ("stop", "recall-1")
    assert min(answer.prompt_tokens, answer.completion_tokens) > 0
    with pytest.raises(ProviderError) as error:
        provider.chat(access, model="ft:recall-1:acme::nothere1", messages=MESSAGES)
    assert (error.value.code, error.value.temporary) == ("not_found_at_provider", False)


@pytest.mark.django_db
def test_a_key_of_somebody_else_opens_nothing() -> None:
    provider, access = trainer()
    with pytest.raises(ProviderError) as error:
        provider.list_models(Access("", access.api_key[:-1] + "x", "acme"))
    assert (error.value.code, error.value.temporary) == ("invalid_provider_key", False)


def test_one_client_for_an_access_whichever_thread_asks() -> None:
    access = Access("https://api.example.com/v1", "sk-1", "acme")
    clients = []
    threads = [threading.Thread(target=lambda: clients.append(adapter._client(access))) for _ in range(8)]
    adapter._client(access)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in clients}) == 1
    assert adapter._client(Access("https://api.example.com/v1", "sk-2", "acme")) is not clients[0]
    assert clients[0].max_retries == 0

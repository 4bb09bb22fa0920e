"""What one answer costs the database. The numbers are literals: whoever adds a query changes one on purpose."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.custom_models.models import CustomModel
from apps.providers.adapters.openai import OpenAIProvider
from tests.chat.conftest import Home
from tests.chat.local_provider import LocalProvider

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider")]

BODY: Any = {"model": "coder", "messages": [{"role": "user", "content": "My card is gone"}]}
TRANSACTION = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")


def _statements(home: Home, **body: Any) -> list[str]:
    """The statements of one answer, without those that only begin and end transactions."""
    client = home.client()
    client.post("/v1/chat/completions", BODY)  # the key is noted as used once a day
    with CaptureQueriesContext(connection) as queries:
        answer = client.post("/v1/chat/completions", {**BODY, **body})
        if answer.streaming:
            list(answer.streaming_content)
    assert answer.status_code == 200
    return [query["sql"] for query in queries if not query["sql"].startswith(TRANSACTION)]


@pytest.mark.usefixtures("version")
def test_a_plain_answer(home: Home) -> None:
    assert len(_statements(home)) == 11


@pytest.mark.usefixtures("version")
def test_a_streamed_answer(home: Home) -> None:
    assert len(_statements(home, stream=True)) == 11


@pytest.mark.usefixtures("version")
def test_a_conversation_costs_three_more(home: Home) -> None:
    _statements(home, metadata={"conversation_id": "c"})
    assert len(_statements(home, metadata={"conversation_id": "c"})) == 14  # the turn before is noted as continued


def test_no_provider_is_called_inside_a_transaction(
    home: Home, version: CustomModel, provider: LocalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    depth: list[int] = []
    real = OpenAIProvider.chat

    def chat(self: OpenAIProvider, *args: Any, **kwargs: Any) -> Any:
        depth.append(len(connection.savepoint_ids))
        return real(self, *args, **kwargs)

    monkeypatch.setattr(OpenAIProvider, "chat", chat)
    outside = len(connection.savepoint_ids)
    provider.refuse(version.fine_tuned_model_id, status=400)
    home.client().post("/v1/chat/completions", BODY)

    assert depth == [outside, outside]

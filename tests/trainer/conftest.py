"""A trainer of one's own: its files in a temporary folder, and clients that reach it in process or over HTTP."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from django.core.servers.basehttp import get_internal_wsgi_application
from openai.types.fine_tuning import FineTuningJob
from pytest_django import Settings

from apps.common.database import connection_kept_open
from apps.common.embedded import mint_trainer_key
from apps.common.jobs import drain
from tests.trainer.protocol import CheckedTransport

SYSTEM = "You code the questions of a bank's customers. Answer with JSON."
QUESTIONS = {
    "lost_card": [
        "I lost my card yesterday",
        "My card was stolen on the train",
        "I cannot find my card anywhere",
        "someone stole my bank card",
        "the card is lost, please block it",
        "Lost my card again",
    ],
    "exchange_rate": [
        "What exchange rate do you use?",
        "How good is your exchange rate for euros",
        "Is the exchange rate fixed?",
        "which exchange rates apply on weekends",
        "why did the exchange rate change",
        "Tell me the rate of exchange for dollars",
    ],
}


def conversation(text: str, code: str) -> dict[str, Any]:
    answer = json.dumps({"code": code, "confidence": "high"})
    return {
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": text},
            {"role": "assistant", "content": answer},
        ]
    }


def jsonl(records: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@pytest.fixture
def examples() -> list[dict[str, Any]]:
    return [conversation(text, code) for code, texts in QUESTIONS.items() for text in texts]


@pytest.fixture(autouse=True)
def own_folders(settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path / "var"
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "media")},
        }
    }


Connect = Callable[[str], openai.OpenAI]


@pytest.fixture
def transport() -> Iterator[CheckedTransport]:
    """In process: the WSGI application without a socket, each answer held against the description."""
    transport = CheckedTransport(httpx2.WSGITransport(app=get_internal_wsgi_application()))
    with connection_kept_open():  # a request would close the connection that holds the test's transaction
        yield transport
    transport.close()


@pytest.fixture
def connect(settings: Settings, transport: CheckedTransport) -> Connect:
    """In-process clients of an account."""

    def client_of(account: str) -> openai.OpenAI:
        return openai.OpenAI(
            api_key=mint_trainer_key(account=account),
            base_url=f"https://{settings.EMBEDDED_HOST}/trainer/v1",
            http_client=openai.DefaultHttpx2Client(transport=transport),
            max_retries=0,
        )

    return client_of


@pytest.fixture
def raw(settings: Settings, transport: CheckedTransport) -> httpx2.Client:
    """What no SDK would send, with the key of the account acme unless the test says otherwise."""
    return httpx2.Client(
        transport=transport,
        base_url=f"https://{settings.EMBEDDED_HOST}/trainer/v1",
        headers={"authorization": f"Bearer {mint_trainer_key(account='acme')}"},
    )


def upload(client: openai.OpenAI, records: list[dict[str, Any]], *, name: str = "train.jsonl") -> str:
    return client.files.create(file=(name, jsonl(records)), purpose="fine-tune").id


def start(client: openai.OpenAI, records: list[dict[str, Any]], **options: Any) -> FineTuningJob:
    return client.fine_tuning.jobs.create(model="recall-1", training_file=upload(client, records), **options)


def train(client: openai.OpenAI, records: list[dict[str, Any]], **options: Any) -> FineTuningJob:
    """A job that the worker's own code has taken to its end."""
    job = start(client, records, **options)
    drain()
    return client.fine_tuning.jobs.retrieve(job.id)


def ask(client: openai.OpenAI, model: str, text: str, **options: Any) -> Any:
    messages: Any = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
    return client.chat.completions.create(model=model, messages=messages, **options)

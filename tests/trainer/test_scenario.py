"""One client's whole story, told twice: in process and over HTTP by the same code."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from apps.common.embedded import mint_trainer_key
from tests.trainer.conftest import Connect, ask, jsonl, train
from tests.trainer.protocol import CheckedTransport

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["in process", "over HTTP"])
def client(request: pytest.FixtureRequest, connect: Connect) -> Iterator[openai.OpenAI]:
    if request.param == "in process":
        yield connect("acme")
        return
    server = request.getfixturevalue("live_server")
    with openai.OpenAI(
        api_key=mint_trainer_key(account="acme"),
        base_url=f"{server.url}/trainer/v1",
        http_client=openai.DefaultHttpx2Client(transport=CheckedTransport(httpx2.HTTPTransport())),
        max_retries=0,
    ) as over_http:
        yield over_http


def test_a_file_becomes_a_model_that_answers(client: openai.OpenAI, examples: list[dict[str, Any]]) -> None:
    job = train(client, examples, suffix="bank", metadata={"reference": "7"})

    assert job.status == "succeeded"
    assert job.error is None
    assert job.metadata == {"reference": "7"}
    assert job.hyperparameters.n_epochs == 8  # 12 examples: min(25, 100 // 12)
    assert job.trained_tokens > 0
    assert job.trained_tokens % 8 == 0
    prefix, base, account, suffix, key = job.fine_tuned_model.split(":")
    assert (prefix, base, account, suffix, len(key)) == ("ft", "recall-1", "acme", "bank", 8)

    answer = ask(client, job.fine_tuned_model, "where is my card, I lost it")
    assert answer.choices[0].message.content == '{"code": "lost_card", "confidence": "high"}'
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 20


def test_the_events_tell_the_story_in_the_documented_order(
    client: openai.OpenAI, examples: list[dict[str, Any]]
) -> None:
    job = train(client, examples)

    events = list(client.fine_tuning.jobs.list_events(job.id, limit=3))  # the SDK turns the pages
    assert [event.message for event in reversed(events)] == [
        f"Created fine-tuning job: {job.id}",
        f"Validating training file: {job.training_file}",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
        "Step 1/1: training accuracy=0.67",
        f"New fine-tuned model created: {job.fine_tuned_model}",
        "The job has successfully completed",
    ]
    metrics = next(event for event in events if event.type == "metrics")
    assert metrics.data == {"step": 1, "total_steps": 1, "train_accuracy": pytest.approx(2 / 3)}


def test_the_result_file_holds_what_was_measured_and_nothing_else(
    client: openai.OpenAI, examples: list[dict[str, Any]]
) -> None:
    job = train(client, examples)

    (result_id,) = job.result_files
    assert client.files.retrieve(result_id).purpose == "fine-tune-results"
    assert client.files.content(result_id).text.splitlines() == [
        "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy",
        "1,,0.66667,,",
    ]


def test_a_stream_is_the_answer_word_by_word_with_usage_at_its_end(
    client: openai.OpenAI, examples: list[dict[str, Any]]
) -> None:
    model = train(client, examples).fine_tuned_model

    plain = ask(client, model, "I lost my card")
    chunks = list(ask(client, model, "I lost my card", stream=True, stream_options={"include_usage": True}))

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == plain.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert len(chunks) > 4
    assert chunks[-1].choices == []
    assert chunks[-1].usage == plain.usage


def test_a_deleted_model_is_gone(client: openai.OpenAI, examples: list[dict[str, Any]], tmp_path: Path) -> None:
    model = train(client, examples).fine_tuned_model
    ask(client, model, "I lost my card")  # so that this process holds the model open
    assert [listed.id for listed in client.models.list()] == ["recall-1", model]

    assert len(list((tmp_path / "var").rglob("*.sqlite3"))) == 1

    assert client.models.delete(model).deleted

    assert list((tmp_path / "var").rglob("*.sqlite3")) == []
    with pytest.raises(openai.NotFoundError) as refused:
        ask(client, model, "I lost my card")
    assert refused.value.code == "model_not_found"
    assert [listed.id for listed in client.models.list()] == ["recall-1"]


def test_a_file_can_be_listed_read_back_and_deleted(
    client: openai.OpenAI, examples: list[dict[str, Any]], tmp_path: Path
) -> None:
    content = jsonl(examples)
    file = client.files.create(file=("Übung 1.jsonl", content), purpose="fine-tune")

    assert file.bytes == len(content)
    assert file.filename == "Übung 1.jsonl"
    assert client.files.content(file.id).read() == content
    assert [listed.id for listed in client.files.list(purpose="fine-tune")] == [file.id]

    assert len(list((tmp_path / "media").rglob("*.jsonl"))) == 1
    assert client.files.delete(file.id).deleted
    assert list((tmp_path / "media").rglob("*.jsonl")) == []

    assert list(client.files.list()) == []
    with pytest.raises(openai.NotFoundError):
        client.files.content(file.id)

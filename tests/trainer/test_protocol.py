"""The published description: every operation answers, and answers as described (the transport checks each answer)."""

import json
from typing import Any

import httpx2
import openai
import pytest

from apps.common.jobs import drain
from tests.trainer import protocol
from tests.trainer.conftest import Connect, ask, conversation, start, train, upload
from tests.trainer.protocol import CheckedTransport

pytestmark = pytest.mark.django_db
# What the server answers with an honest error instead: it stores no chats and keeps no checkpoints.
NOT_OFFERED = {
    "listChatCompletions",
    "listFineTuningCheckpointPermissions",
    "createFineTuningCheckpointPermission",
    "deleteFineTuningCheckpointPermission",
}
Examples = list[dict[str, Any]]


def test_every_operation_of_the_description_answers_as_described(
    connect: Connect, transport: CheckedTransport, examples: Examples
) -> None:
    if not protocol.DESCRIPTION.exists():
        pytest.skip(protocol.ABSENT)
    client = connect("acme")
    assert list(client.files.list()) == list(client.fine_tuning.jobs.list()) == []
    job = start(client, examples)
    for change in ("pause", "resume", "cancel"):
        getattr(client.fine_tuning.jobs, change)(job.id)
    job = train(client, examples, validation_file=upload(client, examples), seed=7, metadata={"a": "b"})
    failed = train(client, examples[:3])
    assert (job.status, failed.status) == ("succeeded", "failed")
    client.fine_tuning.jobs.list(limit=2)
    client.fine_tuning.jobs.list_events(job.id)
    client.fine_tuning.jobs.checkpoints.list(job.id)
    client.files.retrieve(job.training_file)
    client.files.content(job.result_files[0])
    client.files.delete(job.training_file)
    client.models.list()
    for model in ("recall-1", str(job.fine_tuned_model)):
        client.models.retrieve(model)
        ask(client, model, "I lost my card")
        list(ask(client, model, "I lost my card", stream=True))
        list(ask(client, model, "", stream=True, stream_options={"include_usage": True}))
    client.models.delete(str(job.fine_tuned_model))

    paths = protocol.description()["paths"].values()
    described = {operation["operationId"] for operations in paths for operation in operations.values()}
    assert transport.seen == described - NOT_OFFERED


def test_what_is_not_offered_says_so(raw: httpx2.Client) -> None:
    checkpoint = "/fine_tuning/checkpoints/ft:recall-1:acme::12345678:ckpt-step-1/permissions"
    for answer in (raw.get(checkpoint), raw.post(checkpoint, json={}), raw.delete(checkpoint + "/cp_1")):
        assert answer.status_code == 404
        assert "keep none" in answer.json()["error"]["message"]
    assert raw.get("/chat/completions").status_code == 405


@pytest.fixture
def client(connect: Connect) -> openai.OpenAI:
    return connect("acme")


def test_a_job_shows_its_hyperparameters_as_asked_and_then_as_used(client: openai.OpenAI, examples: Examples) -> None:
    asked: Any = {"type": "supervised", "supervised": {"hyperparameters": {"batch_size": 4}}}
    job = start(client, examples, method=asked, validation_file=upload(client, examples), suffix="My codes")

    assert job.hyperparameters.model_dump() == {
        "n_epochs": "auto",
        "batch_size": 4,
        "learning_rate_multiplier": "auto",
    }
    drain()
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert done.hyperparameters.n_epochs == 8
    assert done.method.supervised.hyperparameters.n_epochs == 8
    assert done.fine_tuned_model.startswith("ft:recall-1:acme:My-codes:")
    assert done.organization_id == "acme"
    assert done.finished_at >= done.created_at


def test_validation_counts_only_what_was_not_trained_on(client: openai.OpenAI, examples: Examples) -> None:
    unseen = [conversation("my card got lost", "lost_card"), conversation("the card got lost", "exchange_rate")]
    job = train(client, examples, validation_file=upload(client, [*unseen, examples[0]]))

    messages = [event.message for event in client.fine_tuning.jobs.list_events(job.id)]
    assert any(message.startswith("1 validation example(s) are in the training file") for message in messages)
    metrics = [event.data for event in client.fine_tuning.jobs.list_events(job.id) if event.type == "metrics"]
    assert metrics[0]["valid_mean_token_accuracy"] == 0.5
    assert client.files.content(job.result_files[0]).text.splitlines()[1] == "1,,0.66667,,0.50000"


def test_jobs_are_found_by_their_metadata(client: openai.OpenAI, examples: Examples) -> None:
    tagged = start(client, examples, metadata={"run": "17", "a__b": "x", "0": "zero"})
    start(client, examples, metadata={"run": "170"})
    untagged = start(client, examples)

    def found(**metadata: str) -> list[str]:
        return [job.id for job in client.fine_tuning.jobs.list(metadata=metadata)]

    assert found(run="17") == found(**{"a__b": "x"}) == found(**{"0": "zero"}) == [tagged.id]
    assert found(run="17", a__b="x") == [tagged.id]
    assert found(run="17", a__b="y") == found(run="1") == []
    assert [job.id for job in client.fine_tuning.jobs.list(extra_query={"metadata": "null"})] == [untagged.id]


def test_lists_turn_their_pages_newest_first(client: openai.OpenAI, examples: Examples) -> None:
    files = [upload(client, examples, name=f"{number}.jsonl") for number in range(3)]
    jobs = [start(client, examples).id for _ in range(3)]

    page = client.fine_tuning.jobs.list(limit=2)
    assert ([job.id for job in page.data], page.has_more) == ([jobs[2], jobs[1]], True)
    assert [job.id for job in client.fine_tuning.jobs.list(limit=2)] == jobs[::-1]
    ascending = [file.id for file in client.files.list(order="asc", limit=2)]
    assert ascending[:3] == files
    assert [file.id for file in client.files.list(limit=5)] == ascending[::-1]


def test_lists_take_the_same_queries_at_any_length(
    client: openai.OpenAI, examples: Examples, django_assert_num_queries: Any
) -> None:
    for _ in range(2):
        start(client, examples, metadata={"a": "b"})
        with django_assert_num_queries(2):
            client.fine_tuning.jobs.list()
        with django_assert_num_queries(1):
            client.files.list()


def test_a_file_can_be_asked_to_expire(client: openai.OpenAI, examples: Examples) -> None:
    policy: Any = {"anchor": "created_at", "seconds": 3600}
    content = json.dumps(examples[0]).encode()
    file = client.files.create(file=("a.jsonl", content), purpose="fine-tune", expires_after=policy)
    assert file.expires_at == file.created_at + 3600


def test_an_answer_ends_at_a_stop_word_or_at_the_limit_of_tokens(client: openai.OpenAI, examples: Examples) -> None:
    model = str(train(client, examples).fine_tuned_model)

    stopped = ask(client, model, "I lost my card", stop=[', "conf'])
    assert stopped.choices[0].message.content == '{"code": "lost_card"'
    cut = ask(client, model, "I lost my card", max_completion_tokens=3)
    assert cut.choices[0].finish_reason == "length"
    assert cut.usage.completion_tokens <= 3
    assert '{"code": "lost_card", "confidence": "high"}'.startswith(cut.choices[0].message.content)


def test_tool_calls_are_learned_and_given_back(client: openai.OpenAI) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "block_card", "arguments": '{"now": true}'}}
    tool = {"type": "function", "function": {"name": "block_card", "parameters": {"type": "object"}}}
    records = [
        {
            "messages": [{"role": "user", "content": f"block card {n}"}, {"role": "assistant", "tool_calls": [call]}],
            "tools": [tool],
        }
        for n in range(10)
    ]
    model = str(train(client, records).fine_tuned_model)

    choice = ask(client, model, "please block my card", tools=[tool]).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert choice.message.tool_calls[0].function.name == "block_card"
    chunks = list(ask(client, model, "please block my card", stream=True))
    assert chunks[1].choices[0].delta.tool_calls[0].function.arguments == '{"now": true}'


def test_the_base_model_knows_only_what_the_call_shows_it(client: openai.OpenAI) -> None:
    shown: Any = [
        {"role": "user", "content": "I lost my card"},
        {"role": "assistant", "content": "lost_card"},
        {"role": "user", "content": [{"type": "text", "text": "what is the exchange rate"}]},
        {"role": "assistant", "content": "exchange_rate"},
        {"role": "user", "content": "my card is lost"},
    ]
    answer = client.chat.completions.create(model="recall-1", messages=shown)
    assert answer.choices[0].message.content == "lost_card"
    alone = client.chat.completions.create(model="recall-1", messages=shown[-1:])
    assert "was not trained" in str(alone.choices[0].message.content)

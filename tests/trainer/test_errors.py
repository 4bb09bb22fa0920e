"""Whatever goes wrong is answered in OpenAI's shape (the transport checks it), with a message one can act on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from pytest_django import Settings

from apps.common.embedded import mint_trainer_key
from apps.common.jobs import drain
from apps.trainer.models import TrainerJob
from apps.trainer.services import files
from tests.trainer.conftest import Connect, ask, jsonl, start, train, upload

pytestmark = pytest.mark.django_db
Examples = list[dict[str, Any]]


@pytest.fixture
def client(connect: Connect) -> openai.OpenAI:
    return connect("acme")


def error_of(response: httpx2.Response) -> dict[str, Any]:
    return dict(response.json()["error"])


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "not_authenticated"),
        ("Basic YTpi", "not_authenticated"),
        ("Bearer ", "not_authenticated"),
        ("Bearer sk-trainer-acme.forged", "invalid_api_key"),
        ("Bearer " + mint_trainer_key(account="acme").replace("acme", "rival"), "invalid_api_key"),
    ],
)
@pytest.mark.parametrize("url", ["/files", "/models/recall-1", "/nowhere"])
def test_without_a_valid_key_nothing_is_answered(raw: httpx2.Client, url: str, authorization: str, code: str) -> None:
    answer = raw.get(url, headers={"authorization": authorization})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert error_of(answer)["code"] == code


@pytest.mark.parametrize("url", ["/", "/nowhere", "/fine_tuning", "/files/", "/models/a/b"])
def test_an_unknown_url_is_named(raw: httpx2.Client, url: str) -> None:
    answer = raw.post(url)

    assert answer.status_code == 404
    assert f"Invalid URL (POST /trainer/v1{url})" in error_of(answer)["message"]
    assert error_of(answer)["type"] == "invalid_request_error"


def test_a_method_that_is_not_there_names_those_that_are(raw: httpx2.Client) -> None:
    answer = raw.put("/files")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"
    assert error_of(answer)["message"] == "Not allowed to PUT on /trainer/v1/files. Allowed: GET, POST."


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "is not JSON (Expecting property name"),
        (b"", "is not JSON (Expecting value at character 1)"),
        (b"\xff{}", "not UTF-8"),
        (b"[1]", "is not a JSON object"),
        (b'{"model":' + b"[" * 100_000, "nested more than 100 levels deep"),
        (b'{"model":' + b"[" * 101 + b"]" * 101 + b"}", "nested more than 100 levels deep"),
        (b'{"model": "\\ud800"}', "surrogate"),
        (b'{"model": "a\\u0000b"}', "NUL"),
    ],
)
@pytest.mark.parametrize("url", ["/chat/completions", "/fine_tuning/jobs"])
def test_a_body_that_is_no_json_object(raw: httpx2.Client, url: str, body: bytes, said: str) -> None:
    answer = raw.post(url, content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert error_of(answer)["code"] == "invalid_json"
    assert said in error_of(answer)["message"]


def test_a_body_that_is_too_large(raw: httpx2.Client, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = raw.post("/chat/completions", json={"model": "m" * 2000})

    assert answer.status_code == 413
    assert error_of(answer)["code"] == "too_large"


def test_a_defect_is_a_server_error_and_is_logged(
    raw: httpx2.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("apps.trainer.queries.list_models", broken)
    answer = raw.get("/models")

    assert answer.status_code == 500
    assert error_of(answer)["type"] == "server_error"
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("form", "file", "param"),
    [
        ({"purpose": "fine-tune"}, None, "file"),
        ({"purpose": "fine-tune"}, ("a.jsonl", b""), "file"),
        ({"purpose": "fine-tune"}, ("a.txt", b"{}"), "file"),
        ({"purpose": "fine-tune"}, ("jsonl", b"{}"), "file"),
        ({"purpose": "vision"}, ("a.jsonl", b"{}"), "purpose"),
        ({}, ("a.jsonl", b"{}"), "purpose"),
        ({"purpose": "fine-tune", "expires_after[seconds]": "9999"}, ("a.jsonl", b"{}"), "expires_after.anchor"),
        (
            {"purpose": "fine-tune", "expires_after[anchor]": "created_at", "expires_after[seconds]": "60"},
            ("a.jsonl", b"{}"),
            "expires_after.seconds",
        ),
    ],
)
def test_an_upload_that_cannot_be_taken(
    raw: httpx2.Client, form: dict[str, str], file: tuple[str, bytes] | None, param: str
) -> None:
    answer = raw.post("/files", data=form, files={"file": file} if file else {"other": ("a.jsonl", b"{}")})

    assert answer.status_code == 400
    assert error_of(answer)["param"] == param


def test_an_upload_that_is_no_multipart_form(raw: httpx2.Client) -> None:
    assert raw.post("/files", json={"purpose": "fine-tune"}).status_code == 400
    broken = raw.post("/files", content=b"x", headers={"content-type": "multipart/form-data; boundary="})
    assert broken.status_code == 400


def test_a_file_over_the_limit_is_refused_before_it_is_read(
    raw: httpx2.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 100_000)
    for size in (100_001, 1_000_000):  # within what the form may weigh beside the file, and far beyond
        answer = raw.post("/files", data={"purpose": "fine-tune"}, files={"file": ("a.jsonl", b"x" * size)})
        assert answer.status_code == 413
        assert "512 MB" in error_of(answer)["message"]
    assert list((tmp_path / "media").rglob("*.*")) == []


def test_what_a_client_calls_its_file_is_never_a_path(raw: httpx2.Client, tmp_path: Path) -> None:
    answer = raw.post("/files", data={"purpose": "fine-tune"}, files={"file": ("../../etc/cron.jsonl", b"{}")})

    assert answer.json()["filename"] == "cron.jsonl"
    (stored,) = [path for path in (tmp_path / "media").rglob("*") if path.is_file()]
    assert stored == tmp_path / "media" / "trainer" / "acme" / f"{answer.json()['id']}.jsonl"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": "gpt-4o-mini"}, "model"),
        ({"model": None}, "model"),
        ({"training_file": "file-gone"}, "training_file"),
        ({"training_file": 7}, "training_file"),
        ({"validation_file": "file-gone"}, "validation_file"),
        ({"suffix": "x" * 65}, "suffix"),
        ({"suffix": ""}, "suffix"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"hyperparameters": {"n_epochs": 51}}, "hyperparameters.n_epochs"),
        (
            {"method": {"type": "supervised", "supervised": {"hyperparameters": {"batch_size": 257}}}},
            "method.supervised.hyperparameters.batch_size",
        ),
        ({"hyperparameters": {"learning_rate_multiplier": 0}}, "hyperparameters.learning_rate_multiplier"),
        ({"method": {"type": "magic"}}, "method.type"),
        ({"method": {"type": "dpo"}}, "method.type"),
        ({"integrations": [{"type": "wandb", "wandb": {"project": "p"}}]}, "integrations"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata.k"),
        ({"metadata": {"k": 1}}, "metadata.k"),
    ],
)
def test_a_job_that_cannot_be_created(
    client: openai.OpenAI, raw: httpx2.Client, examples: Examples, change: dict[str, Any], param: str
) -> None:
    body = {"model": "recall-1", "training_file": upload(client, examples)}
    assert raw.post("/fine_tuning/jobs", json=body).status_code == 200

    answer = raw.post("/fine_tuning/jobs", json=body | change)

    assert answer.status_code == 400
    assert error_of(answer)["param"] == param
    assert TrainerJob.objects.count() == 1


def test_the_dpo_method_is_refused_by_name(client: openai.OpenAI, examples: Examples) -> None:
    with pytest.raises(openai.BadRequestError, match="does not support the method 'dpo'") as refused:
        start(client, examples, method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1}}})
    assert refused.value.code == "unsupported_method"


def test_a_result_file_cannot_be_trained_on(client: openai.OpenAI, examples: Examples) -> None:
    (results,) = train(client, examples).result_files
    with pytest.raises(openai.BadRequestError, match="has the purpose 'fine-tune-results'"):
        client.fine_tuning.jobs.create(model="recall-1", training_file=results)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"content": "hello"}]}, "messages[0].role"),
        ({"messages": [{"role": "pirate", "content": "ahoy"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "function": 2}]}]},
            "messages[0].tool_calls[0].function",
        ),
        ({"n": 2}, "n"),
        ({"stream": "yes"}, "stream"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": ["1", "2", "3", "4", "5"]}, "stop"),
        ({"modalities": ["audio"]}, "modalities[0]"),
        ({"temperature": 3}, "temperature"),
    ],
)
def test_a_chat_that_cannot_be_answered(raw: httpx2.Client, change: dict[str, Any], param: str) -> None:
    body = {"model": "recall-1", "messages": [{"role": "user", "content": "hello"}], "temperature": 0}
    assert raw.post("/chat/completions", json=body).status_code == 200

    answer = raw.post("/chat/completions", json=body | change)

    assert answer.status_code == 400
    assert error_of(answer)["param"] == param


def test_a_model_that_does_not_exist(client: openai.OpenAI) -> None:
    name = "ft:recall-1:acme::00000000"
    for call in (client.models.retrieve, client.models.delete, lambda model: ask(client, model, "hello")):
        with pytest.raises(openai.NotFoundError, match=f"The model `{name}` does not exist") as refused:
            call(name)
        assert refused.value.code == "model_not_found"


def test_the_base_model_cannot_be_deleted(client: openai.OpenAI) -> None:
    with pytest.raises(openai.PermissionDeniedError):
        client.models.delete("recall-1")


def test_a_model_whose_file_is_missing_is_unavailable(
    client: openai.OpenAI, examples: Examples, tmp_path: Path
) -> None:
    model = str(train(client, examples).fine_tuned_model)
    (stored,) = (tmp_path / "var" / "trainer").rglob("*.sqlite3")
    stored.unlink()

    with pytest.raises(openai.InternalServerError) as refused:
        ask(client, model, "I lost my card")
    assert (refused.value.status_code, refused.value.code) == (503, "model_unavailable")


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=101", "after=ftjob-gone", "limit=%C2%B2"])
def test_a_page_that_is_not_there(raw: httpx2.Client, query: str) -> None:
    answer = raw.get(f"/fine_tuning/jobs?{query}")

    assert answer.status_code == 400
    assert error_of(answer)["param"] == query.partition("=")[0]


@pytest.mark.parametrize(("pairs", "status"), [(16, 200), (17, 400), (400, 400)])
def test_jobs_are_looked_for_by_as_many_pairs_as_a_job_has(raw: httpx2.Client, pairs: int, status: int) -> None:
    answer = raw.get("/fine_tuning/jobs", params={f"metadata[k{n}]": "v" for n in range(pairs)})

    assert answer.status_code == status
    if status == 400:
        assert error_of(answer)["param"] == "metadata"


def test_a_wrong_value_is_told_every_right_one(raw: httpx2.Client) -> None:
    body = {"model": "recall-1", "training_file": "file-1", "hyperparameters": {"n_epochs": 51}}
    assert error_of(raw.post("/fine_tuning/jobs", json=body))["message"] == (
        "Invalid value for 'hyperparameters.n_epochs': input should be 'auto', "
        "or input should be less than or equal to 50. Correct what was sent, and send it again."
    )


Call = Callable[[str], Any]


@pytest.mark.parametrize("name", ["cancel", "pause", "resume"])
def test_an_ended_job_cannot_be_moved(client: openai.OpenAI, examples: Examples, name: str) -> None:
    job = train(client, examples)
    move: Call = getattr(client.fine_tuning.jobs, name)

    with pytest.raises(openai.BadRequestError, match=f"Job {job.id} is succeeded and cannot be") as refused:
        move(job.id)
    assert refused.value.code == "invalid_job_status"
    assert client.fine_tuning.jobs.retrieve(job.id).status == "succeeded"


def failed(client: openai.OpenAI, content: bytes, **options: Any) -> Any:
    """The error of a job that was taken and then failed."""
    file = client.files.create(file=("train.jsonl", content), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model="recall-1", training_file=file.id, **options)
    assert job.status == "validating_files"
    drain()
    job = client.fine_tuning.jobs.retrieve(job.id)
    assert job.status == "failed"
    assert job.fine_tuned_model is job.trained_tokens is None
    assert client.fine_tuning.jobs.list_events(job.id).data[0].level == "error"
    return job.error


def test_nine_examples_fail_the_job(client: openai.OpenAI, examples: Examples) -> None:
    error = failed(client, jsonl(examples[:9]))

    assert error.code == "invalid_n_examples"
    assert error.message == "Training file has 9 example(s), but must have at least 10 examples"
    assert error.param == "training_file"


def test_a_broken_line_fails_the_job_and_is_named(client: openai.OpenAI, examples: Examples) -> None:
    del examples[6]["messages"][1]["role"]
    error = failed(client, jsonl(examples))

    assert error.code == "invalid_training_file"
    assert error.message.startswith("Invalid file format. Line 7: message 2 has the role null;")


def test_a_broken_validation_file_fails_the_job(client: openai.OpenAI, examples: Examples) -> None:
    file = client.files.create(file=("v.jsonl", b"\nnonsense"), purpose="fine-tune")
    error = failed(client, jsonl(examples), validation_file=file.id)

    assert (error.code, error.param) == ("invalid_validation_file", "validation_file")
    assert "Line 2: the line is not JSON" in error.message


def test_a_file_deleted_before_it_was_read_fails_the_job(client: openai.OpenAI, examples: Examples) -> None:
    job = start(client, examples)
    client.files.delete(job.training_file)
    drain()

    error = client.fine_tuning.jobs.retrieve(job.id).error
    assert error
    assert error.code == "invalid_training_file"
    assert f"The file {job.training_file} was deleted" in str(error.message)


def test_metadata_survives_as_sent(client: openai.OpenAI, examples: Examples) -> None:
    metadata = {"käse": "größe 😀", "": "", "x" * 64: "y" * 512}
    job = start(client, examples, metadata=metadata)
    assert client.fine_tuning.jobs.retrieve(job.id).metadata == metadata
    assert json.dumps(client.fine_tuning.jobs.list().data[0].metadata) == json.dumps(metadata)

"""What the protocol's answers say, checked and cut, as our own plain things."""

import base64
import binascii
import csv
from collections.abc import Mapping
from typing import Any

from apps.providers.adapters import reading
from apps.providers.adapters.base import ChatAnswer, RemoteEvent, RemoteJob, RemoteMetrics
from apps.providers.enums import RemoteStatus

KNOWN_STATUSES = {status.value for status in RemoteStatus}

# The provider's column -> our metric. Names differ between servers and have changed over the years.
METRIC_COLUMNS = {
    "training_loss": ("train_loss", "training_loss"),
    "validation_loss": ("full_valid_loss", "valid_loss", "validation_loss"),
    "training_accuracy": ("train_accuracy", "train_mean_token_accuracy", "training_accuracy"),
    "validation_accuracy": (
        "full_valid_mean_token_accuracy", "valid_accuracy", "valid_mean_token_accuracy",
        "validation_mean_token_accuracy", "validation_accuracy",
    ),
}  # fmt: skip


def read_job(body: Mapping[str, Any]) -> RemoteJob:
    said = reading.text(body.get("status"), limit=50)
    status = RemoteStatus(said) if said in KNOWN_STATUSES else RemoteStatus.RUNNING
    note = (
        ""
        if said in KNOWN_STATUSES
        else f"The provider reports the unknown status {said!r}; it is taken as still running."
    )
    model = body.get("fine_tuned_model")
    if status is RemoteStatus.SUCCEEDED:
        model = reading.identifier(model, what="name of the tuned model", pattern=reading.MODEL_NAME)
    # No error is spelled null, {} or an object of nulls.
    error = reading.mapping(body.get("error"))
    files = body.get("result_files")
    return RemoteJob(
        id=reading.identifier(body.get("id"), what="job id"),
        status=status,
        fine_tuned_model=reading.text(model, limit=200),
        trained_tokens=reading.whole_number(body.get("trained_tokens")),
        error_code=reading.text(error.get("code"), limit=100),
        error_message=reading.text(error.get("message")),
        result_files=tuple(reading.text(file, limit=100) for file in files if file) if isinstance(files, list) else (),
        created_at=reading.moment(body.get("created_at")),
        finished_at=reading.moment(body.get("finished_at")),
        estimated_finish_at=reading.moment(body.get("estimated_finish")),
        note=note,
    )


def read_event(body: Mapping[str, Any]) -> RemoteEvent | None:
    at = reading.moment(body.get("created_at"))
    event_id = reading.text(body.get("id"), limit=100)
    if at is None or not event_id:
        return None
    return RemoteEvent(
        id=event_id,
        at=at,
        level=reading.text(body.get("level"), limit=10) or "info",
        type=reading.text(body.get("type"), limit=20) or "message",
        message=reading.text(body.get("message")),
        data=reading.flat(body.get("data")),
    )


def read_answer(body: dict[str, Any]) -> ChatAnswer:
    choices = body.get("choices")
    first = reading.mapping(choices[0]) if isinstance(choices, list) and choices else {}
    message = first.get("message")
    if not isinstance(message, dict):
        raise reading.unusable_answer("it holds no message")
    usage = reading.mapping(body.get("usage"))
    content = message.get("content")
    return ChatAnswer(
        text=content if isinstance(content, str) else "",
        finish_reason=reading.text(first.get("finish_reason"), limit=50),
        model=reading.text(body.get("model"), limit=200),
        prompt_tokens=reading.whole_number(usage.get("prompt_tokens")) or 0,
        cached_tokens=reading.whole_number(
            reading.mapping(usage.get("prompt_tokens_details")).get("cached_tokens")
        ) or 0,
        completion_tokens=reading.whole_number(usage.get("completion_tokens")) or 0,
        raw=body,
    )  # fmt: skip


def _result_text(content: bytes) -> str:
    """A result file's CSV; some servers send it as base64, which, unlike CSV, holds no comma."""
    if b"," not in content:
        try:
            content = base64.b64decode(content.strip(), validate=True)
        except binascii.Error:
            raise reading.unusable_answer("the result file is neither CSV nor base64") from None
    return content.decode("utf-8-sig", "replace")


def _metrics(result: str) -> RemoteMetrics:
    """The last value of each metric: rows are steps, and cells are empty where a step did not measure."""
    last: dict[str, float] = {}
    try:
        for row in csv.DictReader(result.splitlines()):
            last.update({column: value for column, cell in row.items() if (value := reading.number(cell)) is not None})
    except csv.Error:
        raise reading.unusable_answer("the result file is not CSV") from None
    found = {
        metric: next((last[column] for column in columns if column in last), None)
        for metric, columns in METRIC_COLUMNS.items()
    }
    return RemoteMetrics(**found)


def read_result_file(content: bytes) -> RemoteMetrics:
    """What a result file says was measured."""
    return _metrics(_result_text(content))

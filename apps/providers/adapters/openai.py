"""Any server of the OpenAI protocol: OpenAI itself, the embedded trainer, Azure Foundry, Nebius, vLLM, by `base_url`.

The SDK carries the requests; its answers are read as raw JSON, because it builds its objects without checking them,
and because that halves what a chat completion costs (0.43 against 0.87 ms).
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, BinaryIO

import httpx2
import openai

from apps.common.errors import ProviderError
from apps.providers.adapters import reading
from apps.providers.adapters.base import (
    REFERENCE_KEY,
    Access,
    ChatAnswer,
    JobSpec,
    RemoteEvent,
    RemoteJob,
    RemoteMetrics,
    RemoteModel,
)
from apps.providers.adapters.embedded import embedded_transport, embedded_url
from apps.providers.adapters.openai_answers import read_answer, read_event, read_job, read_result_file
from apps.providers.adapters.openai_errors import as_provider_error
from apps.providers.enums import Method

TIMEOUT = httpx2.Timeout(60, connect=5)  # seconds; of each read and write, so a long answer may take longer in all
CHAT_RETRIES = 2
MAX_PAGES = 50
PAGE = 100
MAX_RESULT_BYTES = 20 * 1024 * 1024


@lru_cache(maxsize=64)
def _client_of_process(access: Access, _process: int) -> openai.OpenAI:
    transport = embedded_transport() if access.is_embedded else None
    return openai.OpenAI(
        api_key=access.api_key,
        base_url=access.base_url or embedded_url(),
        max_retries=0,
        # No redirects: a provider may not send our key, or us, elsewhere.
        http_client=openai.DefaultHttpx2Client(transport=transport, timeout=TIMEOUT, follow_redirects=False),
    )


def _client(access: Access) -> openai.OpenAI:
    """One client, with its pool of connections, for each access; never shared with a forked child."""
    return _client_of_process(access, os.getpid())


@contextmanager
def _translated() -> Iterator[None]:
    """Whatever the SDK or its HTTP library raises becomes a ProviderError."""
    try:
        yield
    except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, UnicodeError) as error:
        raise as_provider_error(error) from error


def _read(call: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    """The JSON object that one of the SDK's raw-response methods answered."""
    with _translated():
        response = call(*args, **kwargs).http_response
    return _json_object(response.content)


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise reading.unusable_answer("it is not JSON") from None
    if not isinstance(body, dict):
        raise reading.unusable_answer("it is not a JSON object")
    return body


def _pages(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Iterator[list[dict[str, Any]]]:
    """Pages of a list, newest first. Bounded: a server whose pages never end must not hold us for ever."""
    for _ in range(MAX_PAGES):
        body = _read(call, *args, limit=PAGE, **kwargs)
        page = reading.items(body)
        yield page
        if not page or body.get("has_more") is not True:
            return
        kwargs["after"] = reading.identifier(page[-1].get("id"), what="id of the last item")


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Non-empty lines of a byte stream, without their line ends."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.rstrip(b"\r") for line in lines if line.strip())
    if rest.strip():
        yield rest


class OpenAIProvider:
    name = "openai"
    title = "OpenAI-compatible"
    can_train = True
    can_cancel = True
    can_pause = True
    can_list_events = True
    can_delete_files = True
    method_formats: Mapping[str, str] = {Method.SUPERVISED: "openai_chat", Method.DPO: "openai_preference"}

    def poll_seconds(self, access: Access) -> int:
        return 2 if access.is_embedded else 30  # AV6 says 30; in process a look costs nothing, and jobs are short

    def upload_file(self, access: Access, *, name: str, file: BinaryIO) -> str:
        call = _client(access).files.with_raw_response.create
        return reading.identifier(_read(call, file=(name, file), purpose="fine-tune").get("id"), what="file id")

    def delete_file(self, access: Access, *, file_id: str) -> None:
        try:
            _read(_client(access).files.with_raw_response.delete, file_id)
        except ProviderError as error:
            if not isinstance(error.__cause__, openai.NotFoundError):
                raise

    def create_job(self, access: Access, spec: JobSpec) -> RemoteJob:
        method: Any = {"type": spec.method, spec.method: {"hyperparameters": dict(spec.hyperparameters)}}
        call = _client(access).fine_tuning.jobs.with_raw_response.create
        body = _read(
            call,
            model=spec.base_model,
            training_file=spec.training_file,
            validation_file=spec.validation_file or openai.omit,
            suffix=spec.suffix or openai.omit,
            method=method,
            metadata={REFERENCE_KEY: spec.reference},
        )
        return read_job(body)

    def find_job(self, access: Access, *, reference: str) -> RemoteJob | None:
        call = _client(access).fine_tuning.jobs.with_raw_response.list
        # A server may ignore the filter, so each job's own metadata decides.
        found = [
            read_job(body)
            for page in _pages(call, metadata={REFERENCE_KEY: reference})
            for body in page
            if reading.mapping(body.get("metadata")).get(REFERENCE_KEY) == reference
        ]
        return found[-1] if found else None

    def retrieve_job(self, access: Access, *, job_id: str) -> RemoteJob:
        return read_job(_read(_client(access).fine_tuning.jobs.with_raw_response.retrieve, job_id))

    def list_events(self, access: Access, *, job_id: str, known: Sequence[str] = ()) -> list[RemoteEvent]:
        call = _client(access).fine_tuning.jobs.with_raw_response.list_events
        seen = set(known)
        events: list[RemoteEvent] = []
        for page in _pages(call, job_id):
            fresh = [event for event in map(read_event, page) if event and event.id not in seen]
            events += fresh
            if len(fresh) < len(page):
                break
        return events[::-1]

    def read_metrics(self, access: Access, *, job: RemoteJob) -> RemoteMetrics:
        if not job.result_files:
            return RemoteMetrics()
        with _translated():
            response = _client(access).files.with_raw_response.content(job.result_files[0]).http_response
        if len(response.content) > MAX_RESULT_BYTES:
            raise reading.unusable_answer("the result file is larger than 20 MB")
        return read_result_file(response.content)

    def cancel_job(self, access: Access, *, job_id: str) -> RemoteJob:
        return read_job(_read(_client(access).fine_tuning.jobs.with_raw_response.cancel, job_id))

    def pause_job(self, access: Access, *, job_id: str) -> RemoteJob:
        return read_job(_read(_client(access).fine_tuning.jobs.with_raw_response.pause, job_id))

    def resume_job(self, access: Access, *, job_id: str) -> RemoteJob:
        return read_job(_read(_client(access).fine_tuning.jobs.with_raw_response.resume, job_id))

    def chat(self, access: Access, *, model: str, messages: Sequence[Mapping[str, Any]], **options: Any) -> ChatAnswer:
        body = {"model": model, "messages": messages, **options}
        with _translated():
            response = _client(access).post(
                "/chat/completions", cast_to=httpx2.Response, body=body, options={"max_retries": CHAT_RETRIES}
            )
        return read_answer(_json_object(response.content))

    def stream_chat(
        self, access: Access, *, model: str, messages: Sequence[Mapping[str, Any]], **options: Any
    ) -> Iterator[bytes]:
        usage = {**options.pop("stream_options", {}), "include_usage": True}
        body = {"model": model, "messages": messages, **options, "stream": True, "stream_options": usage}
        call = _client(access).chat.completions.with_streaming_response.create
        with _translated(), call(**body) as response:
            yield from _lines(response.iter_bytes())

    def list_models(self, access: Access) -> list[RemoteModel]:
        return [
            RemoteModel(
                id=reading.identifier(body.get("id"), what="model id", pattern=reading.MODEL_NAME),
                owned_by=reading.text(body.get("owned_by"), limit=100),
                shutdown_date=reading.day(body.get("shutdown_date")),
            )
            for body in reading.items(_read(_client(access).models.with_raw_response.list))
        ]

    def delete_model(self, access: Access, *, model: str) -> None:
        _read(_client(access).models.with_raw_response.delete, model)

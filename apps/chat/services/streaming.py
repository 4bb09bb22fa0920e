"""Chat completions as server-sent events: forwarded as they come, stored once, however the stream ends."""

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from apps.chat.enums import ResponseStatus
from apps.chat.models import Response
from apps.chat.services.calls import Call, Message, Outcome, Usage, count_usage, prepare_call
from apps.chat.services.protocol import DONE, answer_headers, event
from apps.chat.services.records import keep_failure, keep_response
from apps.chat.services.routing import Asked, NobodyAnswered, Target, ask_in_turn
from apps.common.api import openai_error_body
from apps.common.audit import Actor
from apps.common.errors import ProviderError
from apps.common.ids import canonical_json
from apps.personas.models import Persona
from apps.providers.adapters import reading
from apps.providers.adapters.base import Access, Provider

Chunk = dict[str, Any]


def _broken(message: str, code: str = "stream_broken") -> ProviderError:
    return ProviderError(message, temporary=True, resolution="Try again.", code=code)


def _read_chunk(data: bytes) -> Chunk:
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError):
        raise _broken("The provider sent something that is not JSON.") from None
    if not isinstance(chunk, dict):
        raise _broken("The provider sent something that is not a chunk.")
    if error := chunk.get("error"):
        told = error if isinstance(error, dict) else {"message": str(error)}
        message, code = reading.text(told.get("message")), reading.text(told.get("code"), limit=100)
        raise _broken(f"The provider reports: {message or 'an error'}", code=code or "provider_error")
    return chunk


def read_chunks(lines: Iterator[bytes]) -> Iterator[Chunk]:
    """The chunks of a stream up to ``[DONE]``; ProviderError for an error chunk, for garbage, or if it breaks off."""
    for line in lines:
        data = line.removeprefix(b"data:").strip()
        if data == b"[DONE]":
            return
        if line.startswith(b"data:"):  # else a comment or an event's name, which carry nothing
            yield _read_chunk(data)
    raise _broken("The provider ended the stream before the answer was complete.")


@dataclass
class Transcript:
    """What a stream has said so far: the text of its first choice, the tools it calls, its tokens."""

    text: list[str] = field(default_factory=list)
    tool_calls: dict[int, dict[str, str]] = field(default_factory=dict)
    finish_reason: str = ""
    usage: Usage | None = None
    first_token_ms: float | None = None

    @property
    def output(self) -> str:
        if self.text or not self.tool_calls:
            return reading.whole_text("".join(self.text))
        return reading.whole_text(canonical_json([self.tool_calls[index] for index in sorted(self.tool_calls)]))

    def add(self, chunk: Chunk, *, at_ms: float) -> None:
        """Read one chunk. What is not shaped as the protocol says is skipped: it is the provider's, not ours."""
        self.usage = _usage(reading.mapping(chunk.get("usage"))) or self.usage
        for choice in _dicts(chunk.get("choices")):
            if choice.get("index", 0) == 0:
                self._add_choice(choice, at_ms)

    def _add_choice(self, choice: dict[str, Any], at_ms: float) -> None:
        delta = reading.mapping(choice.get("delta"))
        calls = _dicts(delta.get("tool_calls"))
        if isinstance(content := delta.get("content"), str) and content:
            self.text.append(content)
        for called in calls:
            self._add_tool_call(called)
        if self.first_token_ms is None and (self.text or calls):
            self.first_token_ms = at_ms
        self.finish_reason = reading.text(choice.get("finish_reason"), limit=20) or self.finish_reason

    def _add_tool_call(self, called: dict[str, Any]) -> None:
        index = called["index"] if isinstance(called.get("index"), int) else 0
        function = reading.mapping(called.get("function"))
        so_far = self.tool_calls.setdefault(index, {"id": "", "name": "", "arguments": ""})
        so_far["id"] += str(called.get("id") or "")
        so_far["name"] += str(function.get("name") or "")
        so_far["arguments"] += str(function.get("arguments") or "")


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _usage(usage: dict[str, Any]) -> Usage | None:
    details = reading.mapping(usage.get("prompt_tokens_details"))
    return Usage.reported(
        prompt=reading.whole_number(usage.get("prompt_tokens")) or 0,
        cached=reading.whole_number(details.get("cached_tokens")) or 0,
        completion=reading.whole_number(usage.get("completion_tokens")) or 0,
    )


@dataclass(frozen=True)
class OpenStream:
    """A stream whose first chunk has come; `lines` is the connection, closed when nobody listens any more."""

    first: Chunk
    rest: Iterator[Chunk]
    lines: Iterator[bytes]

    def close(self) -> None:
        if close := getattr(self.lines, "close", None):
            close()


def _open(call: Call, target: Target, provider: Provider, access: Access) -> OpenStream:
    lines = provider.stream_chat(access, model=target.name, messages=call.prompt_messages, **call.options)
    chunks = read_chunks(lines)
    try:
        return OpenStream(first=next(chunks), rest=chunks, lines=lines)
    except StopIteration:
        raise _broken("The provider ended the stream before it began.") from None


class AnswerStream(Iterator[bytes]):
    """The events for the caller. Iterating to the end stores the answer before ``[DONE]`` goes out; `close`, which
    the server calls when the caller hangs up, stores what was said until then and lets the provider go."""

    def __init__(self, *, call: Call, asked: Asked[OpenStream], include_usage: bool) -> None:
        self.call = call
        self.headers = answer_headers(call=call, target=asked.target, is_fallback=asked.is_fallback)
        self.response: Response | None = None
        self._asked = asked
        self._include_usage = include_usage
        self._transcript = Transcript()
        self._events = self._relay()

    def __next__(self) -> bytes:
        return next(self._events)

    def close(self) -> None:
        self._events.close()
        self._asked.value.close()
        self._keep(ResponseStatus.INTERRUPTED)

    def _relay(self) -> Generator[bytes]:
        stream = self._asked.value
        try:
            for chunk in chain([stream.first], stream.rest):
                self._transcript.add(chunk, at_ms=self.call.elapsed_ms())
                if self._is_wanted(chunk):
                    yield event({**chunk, "id": self.call.public_id, "model": self._asked.target.name})
        except ProviderError as error:  # bytes have gone out: no fallback any more, but the caller shall know
            self._keep(ResponseStatus.FAILED, error_code=error.code)
            yield event(openai_error_body(error))
        except Exception:  # a defect of ours: on record as that, not as a caller who hung up
            self._keep(ResponseStatus.FAILED, error_code="internal_error")
            raise
        else:
            self._keep(ResponseStatus.COMPLETED)
            yield DONE

    def _is_wanted(self, chunk: Chunk) -> bool:
        """We always ask the provider for the tokens; the caller sees them if they asked, too."""
        if self._include_usage:
            return True
        chunk.pop("usage", None)
        return bool(chunk.get("choices"))

    def _keep(self, status: ResponseStatus, *, error_code: str = "") -> None:
        if self.response is not None:
            return
        said, target = self._transcript, self._asked.target
        outcome = Outcome(
            target=target,
            status=status,
            output=said.output,
            finish_reason=said.finish_reason,
            usage=said.usage or count_usage(call=self.call, target=target, output=said.output),
            latency_ms=self.call.elapsed_ms(),
            first_token_ms=said.first_token_ms,
            failures=self._asked.failures,
            error_code=error_code,
        )
        self.response = keep_response(call=self.call, outcome=outcome)


def stream_chat(
    *,
    persona: Persona,
    messages: Sequence[Message],
    by: Actor,
    now: datetime,
    options: Mapping[str, Any] | None = None,
    unit: str = "",
    tags: Mapping[str, str] | None = None,
    include_usage: bool = False,
) -> AnswerStream:
    """Open a stream; it returns once the first chunk is there, so up to here fallback and errors are as for a plain
    answer (ProviderError when every model failed; that is stored too)."""
    call = prepare_call(persona=persona, messages=messages, by=by, now=now, options=options, unit=unit, tags=tags)
    try:
        asked = ask_in_turn(call.route, lambda target, provider, access: _open(call, target, provider, access))
    except NobodyAnswered as nobody:
        keep_failure(call=call, nobody=nobody)
        raise nobody.error from None
    return AnswerStream(call=call, asked=asked, include_usage=include_usage)

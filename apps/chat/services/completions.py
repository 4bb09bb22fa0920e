"""Plain chat completions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.chat.enums import ResponseStatus
from apps.chat.models import Response
from apps.chat.services.calls import Call, Message, Outcome, Usage, count_usage, prepare_call
from apps.chat.services.protocol import answer_headers
from apps.chat.services.records import keep_failure, keep_response
from apps.chat.services.routing import Asked, NobodyAnswered, ask_in_turn
from apps.common.audit import Actor
from apps.common.ids import canonical_json
from apps.personas.models import Persona
from apps.providers.adapters.base import ChatAnswer
from apps.providers.adapters.reading import whole_text


@dataclass(frozen=True)
class Completion:
    """A stored answer with the body and the headers that go to the caller."""

    response: Response
    body: dict[str, Any]
    headers: dict[str, str]


def complete_chat(
    *,
    persona: Persona,
    messages: Sequence[Message],
    by: Actor,
    now: datetime,
    options: Mapping[str, Any] | None = None,
    unit: str = "",
    tags: Mapping[str, str] | None = None,
) -> Completion:
    """Answer and store the answer before it goes out. `options` are the protocol's optional parameters, passed on.

    ProviderError when every model on the route failed; that is stored too.
    """
    call = prepare_call(persona=persona, messages=messages, by=by, now=now, options=options, unit=unit, tags=tags)
    asked = ask_model(call)
    response = keep_response(call=call, outcome=outcome_of(call, asked))
    return Completion(
        response=response,
        body={**asked.value.raw, "id": call.public_id, "model": asked.target.name},
        headers=answer_headers(call=call, target=asked.target, is_fallback=asked.is_fallback),
    )


def ask_model(call: Call) -> Asked[ChatAnswer]:
    """The first answer along the call's route; its last ProviderError, kept as a failed response, if there is none."""
    try:
        return ask_in_turn(
            call.route,
            lambda target, provider, access: provider.chat(
                access, model=target.name, messages=call.prompt_messages, **call.options
            ),
        )
    except NobodyAnswered as nobody:
        keep_failure(call=call, nobody=nobody)
        raise nobody.error from None


def outcome_of(call: Call, asked: Asked[ChatAnswer]) -> Outcome:
    answer = asked.value
    output = whole_text(answer.text or _tool_calls(answer.raw))
    reported = Usage.reported(
        prompt=answer.prompt_tokens, cached=answer.cached_tokens, completion=answer.completion_tokens
    )
    return Outcome(
        target=asked.target,
        status=ResponseStatus.COMPLETED,
        output=output,
        finish_reason=answer.finish_reason,
        usage=reported or count_usage(call=call, target=asked.target, output=output),
        latency_ms=call.elapsed_ms(),
        failures=asked.failures,
    )


def _tool_calls(raw: dict[str, Any]) -> str:
    """An answer without text is the tools it calls, as JSON; empty if it calls none."""
    message = raw["choices"][0]["message"]
    return canonical_json(message["tool_calls"]) if message.get("tool_calls") else ""

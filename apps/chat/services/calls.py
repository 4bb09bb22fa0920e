"""A call before it is made, and what came of it: what completions, streams and task runs have in common."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apps.chat.enums import ResponseKind, ResponseStatus
from apps.chat.models import Conversation
from apps.chat.services.conversations import find_or_start_conversation
from apps.chat.services.routing import Route, Target, choose_route
from apps.common.audit import Actor
from apps.common.errors import InvalidInput
from apps.common.ids import new_id
from apps.common.tokens import count_chat_tokens, count_tokens
from apps.personas.models import Persona, PromptVersion
from apps.personas.queries import active_prompt, build_messages, task_of

Message = dict[str, Any]
MAX_TOKENS = 2**31 - 1  # what the columns hold


@dataclass(frozen=True)
class Call:
    """One question to a persona, ready to be put to a model. `messages` are the caller's, `prompt_messages` what is
    sent: with the system prompt and the few-shot turns before them."""

    persona: Persona
    kind: ResponseKind
    public_id: str
    messages: list[Message]
    prompt_messages: list[Message]
    prompt: PromptVersion | None
    options: dict[str, Any]
    route: Route
    unit: str
    conversation: Conversation | None
    example_kind: str
    example_input: dict[str, Any] | None  # None: read it from the messages
    tags: dict[str, str]
    customer: str
    by: Actor
    now: datetime
    started: float = field(default_factory=time.perf_counter)

    def elapsed_ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000


@dataclass(frozen=True)
class Usage:
    """Tokens of one answer; `cached` are part of `prompt`. `counted`: by us, the provider did not say."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    counted: bool = False

    @classmethod
    def reported(cls, *, prompt: int, cached: int, completion: int) -> "Usage | None":
        """What a provider reports, within what can be true and stored; None if it reports nothing."""
        if not prompt and not completion:
            return None
        prompt = min(prompt, MAX_TOKENS)
        return cls(prompt=prompt, cached=min(cached, prompt), completion=min(completion, MAX_TOKENS))


@dataclass(frozen=True)
class Outcome:
    """How a call ended: who answered what, how fast, and what went wrong before or instead."""

    target: Target
    status: ResponseStatus
    output: str = ""
    finish_reason: str = ""
    usage: Usage = Usage()
    latency_ms: float = 0.0
    first_token_ms: float | None = None
    failures: tuple[str, ...] = ()
    error_code: str = ""


def prepare_call(
    *,
    persona: Persona,
    messages: Sequence[Message],
    by: Actor,
    now: datetime,
    kind: ResponseKind = ResponseKind.CHAT,
    options: Mapping[str, Any] | None = None,
    unit: str = "",
    tags: Mapping[str, str] | None = None,
    customer: str = "",
    example_input: dict[str, Any] | None = None,
) -> Call:
    """Everything that is decided before a model is asked. The persona's own temperature is used unless one is given.

    The sticky unit is the caller's `user`, else the conversation, else this one call.
    """
    tags = dict(tags or {})
    public_id = new_id("resp_")
    reference = tags.get("conversation_id", "")
    sticky = unit or reference or public_id
    example_kind = _example_kind(
        persona, tags.get("kind", ""), param="kind" if kind == ResponseKind.RUN else "metadata.kind"
    )
    prompt = active_prompt(persona)
    return Call(
        persona=persona,
        kind=kind,
        public_id=public_id,
        messages=list(messages),
        prompt_messages=build_messages(persona=persona, prompt=prompt, messages=list(messages)),
        prompt=prompt,
        options={"temperature": float(persona.temperature), **(options or {})},
        route=choose_route(persona=persona, unit=sticky, now=now),
        unit=sticky,
        conversation=find_or_start_conversation(persona=persona, reference=reference, unit=unit) if reference else None,
        example_kind=example_kind,
        example_input=example_input,
        tags=tags,
        customer=customer,
        by=by,
        now=now,
    )


def _example_kind(persona: Persona, wanted: str, *, param: str) -> str:
    kinds = task_of(persona).kinds
    if wanted and wanted not in kinds:
        raise InvalidInput(
            f"{wanted!r} is not a kind of example of {persona.slug}.",
            resolution=f"Leave `kind` out, or choose one of: {', '.join(kinds)}.",
            param=param,
        )
    return wanted or kinds[0]


def count_usage(*, call: Call, target: Target, output: str) -> Usage:
    """Our own count, for answers whose provider did not get to report one (the caller hung up, the stream broke)."""
    encoding = target.base_model.encoding
    return Usage(
        prompt=count_chat_tokens(call.prompt_messages, tools=call.options.get("tools"), encoding=encoding),
        completion=count_tokens(output, encoding=encoding),
        counted=True,
    )

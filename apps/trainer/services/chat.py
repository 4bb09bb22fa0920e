"""One answer of a model to one conversation."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.common.errors import FlywheelError
from apps.common.tokens import count_chat_tokens, count_tokens
from apps.trainer import queries
from apps.trainer.engines import BY_BASE_MODEL
from apps.trainer.engines.base import Answer, Messages
from apps.trainer.models import Account


class ModelUnavailable(FlywheelError):
    status = 503
    default_code = "model_unavailable"


@dataclass(frozen=True)
class ChatRequest:
    model: str
    messages: Messages
    tools: list[Any] | None = None
    stop: Sequence[str] = ()
    max_tokens: int | None = None


@dataclass(frozen=True)
class ChatResult:
    content: str | None
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    tool_calls: list[dict[str, Any]] = field(default_factory=list)


def complete_chat(*, request: ChatRequest, by: Account) -> ChatResult:
    """Answer a conversation. NotFound for an unknown model, ModelUnavailable when its file is missing."""
    answer = _ask(request, by)
    content, finish_reason = answer.content, "tool_calls" if answer.tool_calls else "stop"
    if content is not None:
        content = _cut_at_stop(content, request.stop)
        content, was_cut = _cut_to_tokens(content, request.max_tokens)
        finish_reason = "length" if was_cut else finish_reason
    return ChatResult(
        content=content,
        finish_reason=finish_reason,
        prompt_tokens=count_chat_tokens(request.messages, tools=request.tools),
        completion_tokens=_count_answer(content, answer),
        tool_calls=answer.tool_calls,
    )


def _ask(request: ChatRequest, by: Account) -> Answer:
    if request.model in BY_BASE_MODEL:
        return BY_BASE_MODEL[request.model].answer(request.messages, artifact=None)
    model = queries.find_model(account=by.name, name=request.model)
    engine = queries.find_engine(base_model=model.base_model)
    try:
        return engine.answer(request.messages, artifact=model.path)
    except FileNotFoundError:
        raise ModelUnavailable(
            f"The file of the model `{request.model}` is missing on this server.",
            resolution="Restore the trainer's folder from a backup, or train the model again.",
            param="model",
        ) from None


def _count_answer(content: str | None, answer: Answer) -> int:
    texts = [content or "", *(call["function"].get("arguments") or "" for call in answer.tool_calls)]
    return sum(count_tokens(text) for text in texts)


def _cut_at_stop(text: str, stops: Sequence[str]) -> str:
    places = [place for stop in stops if stop and (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text


def _cut_to_tokens(text: str, limit: int | None) -> tuple[str, bool]:
    """The longest start of `text` within `limit` tokens, and whether anything was cut off."""
    if limit is None or count_tokens(text) <= limit:
        return text, False
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count_tokens(text[:middle]) <= limit else (low, middle - 1)
    return text[:low], True

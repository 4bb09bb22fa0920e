import json
import re
import time
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from apps.common.ids import new_id
from apps.trainer.api.bodies import read_chat
from apps.trainer.api.http import answer_json, endpoint, read_json
from apps.trainer.models import Account
from apps.trainer.services.chat import ChatResult, complete_chat

WORD = re.compile(r"\s*\S+|\s+")


def _complete(request: HttpRequest, account: Account) -> HttpResponseBase:
    how, asked = read_chat(read_json(request))
    result = complete_chat(request=asked, by=account)
    head = {"id": new_id("chatcmpl-"), "created": int(time.time()), "model": asked.model}
    if not how.stream:
        return answer_json(_completion(head, result))
    include_usage = bool(how.stream_options and how.stream_options.include_usage)
    response = StreamingHttpResponse(
        _events(head, result, include_usage=include_usage), content_type="text/event-stream; charset=utf-8"
    )
    response["cache-control"] = "no-cache"
    response["x-accel-buffering"] = "no"  # nginx would collect the words otherwise
    return response


def _completion(head: dict[str, Any], result: ChatResult) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": result.content, "refusal": None}
    if result.tool_calls:
        message["tool_calls"] = result.tool_calls
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": result.finish_reason}
    return head | {"object": "chat.completion", "choices": [choice], "usage": _usage(result)}


def _events(head: dict[str, Any], result: ChatResult, *, include_usage: bool) -> Iterator[str]:
    """Server-sent events: a chunk per word, the reason it ended, the usage if asked for, and the end mark."""
    no_usage = {"usage": None} if include_usage else {}
    for delta in _deltas(result):
        yield _event(head, [_chunk(delta)], **no_usage)
    yield _event(head, [_chunk({}, finish_reason=result.finish_reason)], **no_usage)
    if include_usage:
        yield _event(head, [], usage=_usage(result))
    yield "data: [DONE]\n\n"


def _deltas(result: ChatResult) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": None if result.content is None else "", "refusal": None}
    for word in WORD.findall(result.content or ""):
        yield {"content": word}
    if result.tool_calls:
        yield {"tool_calls": [{"index": index, **call} for index, call in enumerate(result.tool_calls)]}


def _chunk(delta: dict[str, Any], *, finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _event(head: dict[str, Any], choices: list[dict[str, Any]], **usage: Any) -> str:
    body = head | {"object": "chat.completion.chunk", "choices": choices, **usage}
    return f"data: {json.dumps(body, ensure_ascii=False, separators=(',', ':'))}\n\n"


def _usage(result: ChatResult) -> dict[str, Any]:
    return {
        "prompt_tokens": result.prompt_tokens,
        "completion_tokens": result.completion_tokens,
        "total_tokens": result.prompt_tokens + result.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


completions = endpoint(post=_complete)

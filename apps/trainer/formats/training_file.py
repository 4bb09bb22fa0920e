"""The training file of supervised fine-tuning: one JSON object with `messages` per line.

Rules: OpenAI's fine-tuning guide. A message needs content or tool calls, so a file with tool calls is a valid file.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from apps.common.errors import InvalidInput
from apps.common.safe_json import BadJson, parse_json

MAX_LINE_BYTES = 16 * 1024 * 1024
ROLES = ("system", "developer", "user", "assistant", "tool")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class InvalidLine(InvalidInput):
    default_code = "invalid_training_file"

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"Invalid file format. Line {line}: {message}")


@dataclass(frozen=True)
class TrainingLine:
    number: int  # counted from 1
    messages: list[dict[str, Any]]
    tools: list[Any] | None


def read_training_file(file: IO[bytes]) -> Iterator[TrainingLine]:
    """The lines of a file opened in binary mode, one at a time; InvalidLine at the first that breaks a rule."""
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(raw) > MAX_LINE_BYTES:
            raise InvalidLine(number, f"the line is longer than {MAX_LINE_BYTES // 1024 // 1024} MB.")
        if number == 1:
            raw = raw.removeprefix(BYTE_ORDER_MARK)
        if raw.strip():
            yield _read_line(number, raw)


def _read_line(number: int, raw: bytes) -> TrainingLine:
    try:
        record = parse_json(raw)
        _check_record(record)
    except BadJson as bad:
        raise InvalidLine(number, f"the line {bad}.") from None
    except _Broken as broken:
        raise InvalidLine(number, str(broken)) from None
    return TrainingLine(number, record["messages"], record.get("tools"))


class _Broken(Exception):
    """What is wrong with a line, as the end of a sentence that names it."""


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise _Broken(problem)


def _check_record(record: Any) -> None:
    _require(isinstance(record, dict), "the line is not a JSON object.")
    if "messages" not in record and "preferred_output" in record:
        raise _Broken("this is a preference (dpo) example, and the job's method is supervised.")
    messages = record.get("messages")
    _require(isinstance(messages, list) and bool(messages), '"messages" must be a list with at least one message.')
    _require(record.get("tools") is None or isinstance(record["tools"], list), '"tools" must be a list.')
    for number, message in enumerate(messages, 1):
        try:
            _check_message(message)
        except _Broken as broken:
            raise _Broken(f"message {number} {broken}") from None
    _require(any(message["role"] == "assistant" for message in messages), "there is no message from the assistant.")
    _require(messages[-1]["role"] == "assistant", "the last message must be from the assistant.")


def _check_message(message: Any) -> None:
    _require(isinstance(message, dict), "is not a JSON object.")
    role = message.get("role")
    _require(role in ROLES, f"has the role {json.dumps(role)[:50]}; expected one of {', '.join(ROLES)}.")
    _check_weight(message)
    content = message.get("content")
    if role == "assistant":
        _check_tool_calls(message.get("tool_calls"))
        _require(content is not None or bool(message.get("tool_calls")), "has neither content nor tool_calls.")
    else:
        _require(content is not None, "has no content.")
    _check_content(role, content)
    _require(role != "tool" or isinstance(message.get("tool_call_id"), str), "has no tool_call_id.")


def _check_weight(message: Mapping[str, Any]) -> None:
    if (weight := message.get("weight")) is None:
        return
    _require(message["role"] == "assistant", "has a weight, which only assistant messages may have.")
    _require(not isinstance(weight, bool) and weight in (0, 1), "has a weight that is neither 0 nor 1.")


def _check_tool_calls(calls: Any) -> None:
    if calls is None:
        return
    _require(isinstance(calls, list), "has tool_calls that are not a list.")
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        named = isinstance(function, dict) and isinstance(function.get("name"), str)
        _require(named and isinstance(call.get("id"), str), "has a tool call without id or function name.")


def _check_content(role: str, content: Any) -> None:
    if isinstance(content, list):
        for part in content:
            _check_part(role, part)
    else:
        _require(content is None or isinstance(content, str), "has content that is neither text nor a list of parts.")


def _check_part(role: str, part: Any) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text":
        _require(isinstance(part.get("text"), str), "has a text part without text.")
    elif kind == "image_url":
        _require(role == "user", "has an image, which only user messages may have.")
    else:
        _require(kind == "refusal" and role == "assistant", f"has a content part of type {json.dumps(kind)[:50]}.")

"""The rules of the fine-tuning protocol for one supervised line, as in OpenAI's published description.

Roles system, developer, user, assistant and tool; an assistant message has content or tool calls; `weight` is 0 or 1
and the assistant's; the last message is the assistant's. Lines with tool calls are valid lines.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

MAX_LINE_BYTES = 8 * 1024 * 1024  # far above any token limit
MAX_DEPTH = 100  # far above any tool's schema, and below what Python can write as JSON again

ROLES = ("system", "developer", "user", "assistant", "tool")
LINE_KEYS = {"messages", "tools", "parallel_tool_calls", "functions"}
MESSAGE_KEYS = {"role", "content", "name", "weight", "tool_calls", "tool_call_id", "function_call", "refusal", "audio"}
PARTS = {"user": {"text", "image_url", "input_audio", "file"}, "assistant": {"text", "refusal"}}  # others: text

Finding = tuple[str, str]  # kind and message


def parse_line(line: bytes) -> tuple[dict[str, Any], Finding | None]:
    """The JSON object on a line, or why there is none."""
    if len(line) > MAX_LINE_BYTES:
        return {}, ("line_too_long", f"The line is longer than {MAX_LINE_BYTES:,} bytes.")
    try:
        value = json.loads(line.decode("utf-8"))
        if b"\\u" in line:
            json.dumps(value, ensure_ascii=False).encode()  # fails for half of a surrogate pair
    except UnicodeDecodeError as error:
        return {}, ("invalid_utf8", f"The line is not UTF-8 (byte {error.start + 1}).")
    except UnicodeEncodeError:
        return {}, ("invalid_utf8", "The line contains half of a surrogate pair, which UTF-8 cannot hold.")
    except (ValueError, RecursionError) as error:
        return {}, ("invalid_json", f"The line is not JSON: {error}.")
    if not isinstance(value, dict):
        return {}, ("not_an_object", "The line is not a JSON object.")
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        return {}, ("invalid_json", f"The line is nested more than {MAX_DEPTH} deep.")
    return value, None


def _is_deeper(value: Any, levels: int) -> bool:
    level = [value]
    for _ in range(levels):
        level = [inner for outer in level if isinstance(outer, list | dict) for inner in _values(outer)]
    return any(isinstance(inner, list | dict) for inner in level)


def _values(value: list[Any] | dict[str, Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def find_errors(example: dict[str, Any]) -> Iterator[Finding]:
    """What a provider would refuse in one example."""
    messages = example.get("messages")
    if not isinstance(messages, list) or not messages:
        yield "missing_messages", "`messages` must be a list with at least one message."
        return
    for index, message in enumerate(messages):
        for kind, text in _find_message_errors(message):
            yield kind, f"messages[{index}]: {text}"
    last = messages[-1]
    if not any(isinstance(message, dict) and message.get("role") == "assistant" for message in messages):
        yield "missing_assistant", "There is no message of the assistant to learn from."
    elif not isinstance(last, dict) or last.get("role") != "assistant":
        yield "last_not_assistant", "The last message must be the assistant's."
    yield from _find_tool_errors(example)


def find_warnings(example: dict[str, Any]) -> Iterator[Finding]:
    """What is allowed and probably not meant."""
    unknown = sorted(set(example) - LINE_KEYS)
    unknown += sorted({key for message in example["messages"] for key in set(message) - MESSAGE_KEYS})
    if unknown:
        yield "unknown_key", f"Unknown: {', '.join(unknown)}."
    answers = [message for message in example["messages"] if message["role"] == "assistant"]
    if all(answer.get("weight") == 0 for answer in answers):
        yield "nothing_to_learn", "Every answer has weight 0: nothing is learned from it."


def _find_message_errors(message: Any) -> Iterator[Finding]:
    if not isinstance(message, dict):
        yield "invalid_message", "is not an object."
        return
    role = message.get("role")
    if role not in ROLES:
        yield "invalid_role", f"role must be one of {', '.join(ROLES)}."
        return
    yield from _find_content_errors(role, message)
    if "weight" in message:
        yield from _find_weight_errors(role, message["weight"])
    if "name" in message and not isinstance(message["name"], str):
        yield "invalid_name", "name must be text."
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        yield "missing_tool_call_id", "a tool's message needs the tool_call_id that it answers."


def _find_content_errors(role: str, message: dict[str, Any]) -> Iterator[Finding]:
    content = message.get("content")
    if content is None:
        if role != "assistant" or not (message.get("tool_calls") or message.get("function_call")):
            yield "missing_content", f"the {role}'s message has no content{_or_calls(role)}."
    elif isinstance(content, list):
        yield from _find_part_errors(role, content)
    elif not isinstance(content, str):
        yield "invalid_content", "content must be text or a list of parts."
    if message.get("tool_calls") is not None:
        yield from _find_call_errors(role, message["tool_calls"])


def _or_calls(role: str) -> str:
    return " and no tool_calls" if role == "assistant" else ""


def _find_part_errors(role: str, parts: list[Any]) -> Iterator[Finding]:
    allowed = PARTS.get(role, {"text"})
    if not parts:
        yield "missing_content", "content is an empty list."
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(kind, str) or kind not in allowed:
            yield "invalid_part", f"a part of the {role}'s content must have type {' or '.join(sorted(allowed))}."
        elif kind == "text" and not isinstance(part.get("text"), str):
            yield "invalid_part", "a text part needs text."


def _find_weight_errors(role: str, weight: Any) -> Iterator[Finding]:
    if role != "assistant":
        yield "invalid_weight", "only messages of the assistant have a weight."
    elif isinstance(weight, bool) or weight not in (0, 1):
        yield "invalid_weight", "weight must be 0 or 1."


def _find_call_errors(role: str, calls: Any) -> Iterator[Finding]:
    if role != "assistant":
        yield "invalid_tool_calls", "only messages of the assistant have tool_calls."
    elif not isinstance(calls, list) or not calls:
        yield "invalid_tool_calls", "tool_calls must be a list with at least one call."
    elif not all(_is_function(call) and isinstance(call.get("id"), str) for call in calls):
        yield "invalid_tool_calls", "each tool call needs an id, type `function`, and a function with a name."


def _find_tool_errors(example: dict[str, Any]) -> Iterator[Finding]:
    tools = example.get("tools")
    if tools is not None and not (isinstance(tools, list) and all(_is_function(tool) for tool in tools)):
        yield "invalid_tools", "each tool needs type `function` and a function with a name."
    if not isinstance(example.get("parallel_tool_calls", True), bool):
        yield "invalid_tools", "parallel_tool_calls must be true or false."


def _is_function(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.get("type") == "function"
        and isinstance(value.get("function"), dict)
        and isinstance(value["function"].get("name"), str)
    )

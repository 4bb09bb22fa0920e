import io
import json
from typing import Any

import pytest

from apps.trainer.formats import training_file
from apps.trainer.formats.training_file import InvalidLine, TrainingLine, read_training_file
from apps.trainer.services.validation import count_example_tokens, digest_of

USER = {"role": "user", "content": "hello"}
ASSISTANT = {"role": "assistant", "content": "hi"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}


def read(*lines: Any) -> list[TrainingLine]:
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    return list(read_training_file(io.BytesIO(b"\n".join(texts))))


def line_of(*messages: Any) -> dict[str, Any]:
    return {"messages": list(messages)}


@pytest.mark.parametrize(
    "record",
    [
        line_of(USER, ASSISTANT),
        line_of({"role": "system", "content": "s"}, {"role": "developer", "content": "d"}, USER, ASSISTANT),
        line_of(USER, {"role": "assistant", "tool_calls": [CALL]}),
        line_of(
            USER,
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "x"},
            ASSISTANT,
        ),
        line_of(USER, {**ASSISTANT, "weight": 0}, USER, {**ASSISTANT, "weight": 1}),
        line_of({"role": "user", "content": [{"type": "text", "text": "what is this"}, IMAGE]}, ASSISTANT),
        line_of(USER, {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}),
        line_of(USER, {**ASSISTANT, "content": ""}),
        line_of(USER, ASSISTANT) | {"tools": [{"type": "function"}], "parallel_tool_calls": False},
        line_of({**USER, "content": "what does \\u0000 or \\ud800 mean in \\x00"}, ASSISTANT),
        line_of({**USER, "name": "Ann"}, {**ASSISTANT, "content": "zażółć 😀"}),
    ],
)
def test_what_the_rules_allow(record: dict[str, Any]) -> None:
    (line,) = read(record)
    assert line.messages == record["messages"]
    assert line.number == 1


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (b"not json", "the line is not JSON (Expecting value at character 1)."),
        (b"\xff\xfe{}", "the line is not UTF-8 text."),
        (b'{"messages": "\\ud83d"}', "the line contains a NUL character or half of a surrogate pair."),
        (b'{"messages": "a\\u0000"}', "the line contains a NUL character or half of a surrogate pair."),
        (b'{"messages":' + b"[" * 100_000, "the line is nested more than 100 levels deep."),
        (b'{"messages":' + b"[" * 101 + b"]" * 101 + b"}", "the line is nested more than 100 levels deep."),
        ([USER], "the line is not a JSON object."),
        ({"prompt": "a", "completion": "b"}, '"messages" must be a list with at least one message.'),
        ({"messages": []}, '"messages" must be a list with at least one message.'),
        (
            {"input": {"messages": [USER]}, "preferred_output": [ASSISTANT], "non_preferred_output": [ASSISTANT]},
            "this is a preference (dpo) example, and the job's method is supervised.",
        ),
        (line_of(USER), "there is no message from the assistant."),
        (line_of(ASSISTANT, USER), "the last message must be from the assistant."),
        (line_of("hello", ASSISTANT), "message 1 is not a JSON object."),
        (
            line_of({"content": "x"}, ASSISTANT),
            "message 1 has the role null; expected one of system, developer, user, assistant, tool.",
        ),
        (line_of({"role": "user"}, ASSISTANT), "message 1 has no content."),
        (line_of(USER, {"role": "assistant"}), "message 2 has neither content nor tool_calls."),
        (line_of(USER, {"role": "assistant", "tool_calls": []}), "message 2 has neither content nor tool_calls."),
        (
            line_of(USER, {"role": "assistant", "tool_calls": [{"id": "1"}]}),
            "message 2 has a tool call without id or function name.",
        ),
        (line_of({**USER, "weight": 1}, ASSISTANT), "message 1 has a weight, which only assistant messages may have."),
        (line_of(USER, {**ASSISTANT, "weight": 0.5}), "message 2 has a weight that is neither 0 nor 1."),
        (line_of(USER, {**ASSISTANT, "weight": True}), "message 2 has a weight that is neither 0 nor 1."),
        (line_of(USER, {**ASSISTANT, "content": 7}), "message 2 has content that is neither text nor a list of parts."),
        (
            line_of(USER, {"role": "assistant", "content": [IMAGE]}),
            "message 2 has an image, which only user messages may have.",
        ),
        (
            line_of({"role": "user", "content": [{"type": "input_audio"}]}, ASSISTANT),
            'message 1 has a content part of type "input_audio".',
        ),
        (line_of({"role": "tool", "content": "x"}, ASSISTANT), "message 1 has no tool_call_id."),
        (line_of(USER, ASSISTANT) | {"tools": "look"}, '"tools" must be a list.'),
    ],
)
def test_what_the_rules_forbid_is_named_with_its_line(record: Any, problem: str) -> None:
    good = line_of(USER, ASSISTANT)
    with pytest.raises(InvalidLine) as broken:
        read(good, b"", good, record)
    assert broken.value.message == f"Invalid file format. Line 4: {problem}"


def test_a_byte_order_mark_windows_line_ends_and_empty_lines_are_fine() -> None:
    text = json.dumps(line_of(USER, ASSISTANT)).encode()
    lines = list(read_training_file(io.BytesIO(b"\xef\xbb\xbf" + text + b"\r\n\r\n" + text + b"\n\n")))
    assert [line.number for line in lines] == [1, 3]


def test_an_endless_line_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_file, "MAX_LINE_BYTES", 1024 * 1024)
    with pytest.raises(InvalidLine, match="Line 1: the line is longer than 1 MB"):
        read(b"x" * (3 * 1024 * 1024))


def test_the_tokens_of_an_example_by_the_published_rule() -> None:
    (plain,) = read(line_of({"role": "system", "content": "Be kind."}, USER, ASSISTANT))
    # priming 3; each message 3 and its role 1; "Be kind." 3, "hello" 1, "hi" 1
    assert count_example_tokens(plain) == 3 + (3 + 1 + 3) + (3 + 1 + 1) + (3 + 1 + 1)
    (named,) = read(line_of({"role": "system", "content": "Be kind."}, {**USER, "name": "Ann"}, ASSISTANT))
    assert count_example_tokens(named) == count_example_tokens(plain) + 1 + 1
    (tools,) = read(line_of(USER, {"role": "assistant", "tool_calls": [CALL]}) | {"tools": [CALL]})
    assert count_example_tokens(tools) > 40


def test_examples_are_the_same_when_their_messages_are() -> None:
    one, two, three = read(
        line_of(USER, ASSISTANT),
        line_of(dict(reversed(USER.items())), ASSISTANT) | {"tools": []},
        line_of(ASSISTANT, ASSISTANT),
    )
    assert digest_of(one) == digest_of(two) != digest_of(three)

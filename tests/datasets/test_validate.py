"""Training files of any origin, good and bad."""

import json
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.datasets.formats import rules
from apps.datasets.formats.validate import SHOWN_PER_KIND, Distribution, Validation, read_lines

USER = {"role": "user", "content": "Where is my card?"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/card.png"}}
ASSISTANT = {"role": "assistant", "content": "On its way."}
CALL = {"id": "call_1", "type": "function", "function": {"name": "find_card", "arguments": "{}"}}
GOOD = {"messages": [{"role": "system", "content": "Help."}, USER, ASSISTANT]}


def _line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _read(*lines: bytes, fill: int = 10) -> Validation:
    """What is found in these lines, after so many good and different ones."""
    good = [_line({"messages": [{"role": "user", "content": f"Question {n}"}, ASSISTANT]}) for n in range(fill)]
    validation = Validation()
    validation.read([*good, *lines])
    return validation


def _only_error(validation: Validation) -> tuple[str, int, str]:
    ((name, kind),) = validation.errors.items()
    (found,) = kind.first
    return name, found.line, found.message


@pytest.mark.parametrize(
    "messages",
    [
        [USER, ASSISTANT],
        [{"role": "developer", "content": "Help."}, USER, ASSISTANT],
        [USER, {**ASSISTANT, "weight": 0}, USER, {**ASSISTANT, "weight": 1}],
        [USER, {"role": "assistant", "tool_calls": [CALL]}],
        [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]},
         {"role": "tool", "tool_call_id": "call_1", "content": "In the post."}, ASSISTANT],
        [{"role": "user", "content": [{"type": "text", "text": "This:"}, IMAGE]}, ASSISTANT],
        [{**USER, "name": "Ada"}, ASSISTANT],
    ],
)  # fmt: skip
def test_good_lines(messages: list[dict[str, Any]]) -> None:
    validation = _read(
        _line({"messages": messages, "tools": [{"type": "function", "function": {"name": "find_card"}}]})
    )
    assert validation.errors == {}
    assert validation.warnings == {}


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        (b"{not json\n", "invalid_json", "The line is not JSON"),
        (b"[" * 100_000 + b"\n", "invalid_json", "The line is not JSON"),
        (b'{"messages": ' + b"[" * 200 + b"]" * 200 + b"}\n", "invalid_json", "nested more than 100 deep"),
        (b'"text"\n', "not_an_object", "The line is not a JSON object."),
        (b'{"messages": "\xff"}\n', "invalid_utf8", "The line is not UTF-8"),
        (b'{"messages": "\\ud800"}\n', "invalid_utf8", "half of a surrogate pair"),
        (_line({}), "missing_messages", "`messages` must be a list"),
        (_line({"messages": []}), "missing_messages", "`messages` must be a list"),
        (_line({"messages": [7, ASSISTANT]}), "invalid_message", "messages[0]: is not an object."),
        (_line({"messages": [{"role": "robot", "content": "x"}, ASSISTANT]}), "invalid_role", "messages[0]: role must"),
        (_line({"messages": [{"role": "user"}, ASSISTANT]}), "missing_content", "messages[0]: the user's message has"),
        (_line({"messages": [USER, {"role": "assistant"}]}), "missing_content", "no content and no tool_calls"),
        (_line({"messages": [{"role": "user", "content": 7}, ASSISTANT]}), "invalid_content", "content must be text"),
        (_line({"messages": [{**USER, "weight": 1}, ASSISTANT]}), "invalid_weight", "only messages of the assistant"),
        (_line({"messages": [USER, {**ASSISTANT, "weight": 2}]}), "invalid_weight", "weight must be 0 or 1"),
        (_line({"messages": [USER, {**ASSISTANT, "weight": True}]}), "invalid_weight", "weight must be 0 or 1"),
        (_line({"messages": [USER]}), "missing_assistant", "no message of the assistant"),
        (_line({"messages": [ASSISTANT, USER]}), "last_not_assistant", "The last message must be the assistant's."),
        (_line({"messages": [USER, {"role": "tool", "content": "x"}, ASSISTANT]}), "missing_tool_call_id", "needs"),
        (_line({"messages": [USER, {"role": "assistant", "tool_calls": [{}]}]}), "invalid_tool_calls", "each tool"),
        (_line({"messages": [{**USER, "tool_calls": [CALL]}, ASSISTANT]}), "invalid_tool_calls", "only messages of"),
        (_line({"messages": [USER, ASSISTANT], "tools": [{}]}), "invalid_tools", "each tool needs"),
        (_line({"messages": [USER, ASSISTANT], "parallel_tool_calls": 1}), "invalid_tools", "must be true or false"),
        (_line({"messages": [{"role": "system", "content": [{"type": "image_url"}]}, USER, ASSISTANT]}), "invalid_part",
         "a part of the system's content must have type text"),
        (_line({"messages": [{"role": "user", "content": [{"type": []}]}, ASSISTANT]}), "invalid_part",
         "a part of the user's content must have type"),
        (_line({"messages": [{**USER, "name": 1}, ASSISTANT]}), "invalid_name", "name must be text"),
    ],
)  # fmt: skip
def test_bad_lines_are_named(line: bytes, kind: str, message: str) -> None:
    name, number, text = _only_error(_read(line))
    assert (name, number) == (kind, 11)
    assert message in text


WORDS = sorted({*rules.LINE_KEYS, *rules.MESSAGE_KEYS, *rules.ROLES, *rules.PARTS["user"], "type", "function", "id"})
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner),
    max_leaves=8,
)


def _changed(known: dict[str, Any]) -> st.SearchStrategy[Any]:
    """`known` with anything in some of its places."""
    return st.dictionaries(st.sampled_from(WORDS), ANYTHING, max_size=2).map(lambda fields: {**known, **fields})


MESSAGE = st.sampled_from([USER, ASSISTANT, {"role": "assistant", "tool_calls": [CALL]}]).flatmap(_changed)
PART = st.sampled_from([{"type": "text", "text": "This:"}, IMAGE]).flatmap(_changed)
PARTED = st.lists(PART | ANYTHING, max_size=3).map(lambda parts: {"role": "user", "content": parts})
CALLING = st.lists(_changed(CALL), max_size=2).map(lambda calls: {"role": "assistant", "tool_calls": calls})
MESSAGES = st.lists(MESSAGE | PARTED | CALLING | ANYTHING, max_size=3)
LINES = ANYTHING | MESSAGES.map(lambda messages: {"messages": [*messages, ASSISTANT]}).flatmap(_changed)


@settings(max_examples=400)
@given(value=LINES)
def test_no_json_stops_the_reading(value: Any) -> None:
    validation = _read(_line(value))
    assert validation.examples == 11
    assert sum(kind.count for kind in validation.errors.values()) or validation.tokens_per_example.as_dict()
    json.dumps(validation.as_dict(), ensure_ascii=False).encode()


@given(line=st.binary(max_size=40))
def test_no_bytes_stop_the_reading(line: bytes) -> None:
    json.dumps(_read(line).as_dict(), ensure_ascii=False).encode()


def test_no_depth_stops_the_reading() -> None:
    """Between what Python can read and what it can write again lie a few levels."""
    line = _line({**GOOD, "tools": [{"type": "function", "function": {"name": "f", "parameters": 7}}]})
    for depth in range(900, 1000):
        for inner in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
            assert _only_error(_read(line.replace(b"7", inner)))[0] == "invalid_json"


def test_nine_examples_are_too_few() -> None:
    text = "Training file has 9 example(s), but must have at least 10 examples"
    assert _only_error(_read(fill=9)) == ("invalid_n_examples", 0, text)


def test_an_empty_file() -> None:
    validation = Validation()
    validation.read(read_lines(BytesIO(b"")))
    assert _only_error(validation)[0] == "invalid_n_examples"
    assert validation.as_dict()["tokens_per_example"] == {}


def test_byte_order_mark_windows_line_ends_and_a_missing_last_line_end() -> None:
    lines = b"\xef\xbb\xbf" + b"\r\n".join(_line({**GOOD, "n": n}).rstrip() for n in range(10))
    validation = Validation()
    validation.read(read_lines(BytesIO(lines)))
    assert validation.is_valid
    assert validation.examples == 10


def test_blank_lines_and_repeated_lines_are_warnings() -> None:
    validation = _read(b"\n", b"  \n", _line(GOOD), _line(GOOD))
    assert validation.is_valid
    assert validation.warnings["blank_line"].count == 2
    assert [found.line for found in validation.warnings["duplicate"].first] == [14]


def test_nothing_to_learn_and_unknown_keys_are_warnings() -> None:
    validation = _read(_line({"messages": [USER, {**ASSISTANT, "weight": 0, "mood": "good"}], "id": 7}))
    assert validation.is_valid
    assert set(validation.warnings) == {"nothing_to_learn", "unknown_key"}
    assert validation.warnings["unknown_key"].first[0].message == "Unknown: id, mood."


def test_a_line_without_end_is_refused_without_being_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.datasets.formats.validate.MAX_LINE_BYTES", 1000)
    monkeypatch.setattr(rules, "MAX_LINE_BYTES", 1000)
    file = BytesIO(b"x" * 10_000 + b"\n" + _line(GOOD))
    lines = list(read_lines(file))
    assert [len(line) for line in lines] == [1001, len(_line(GOOD))]
    assert rules.parse_line(lines[0])[1] == ("line_too_long", "The line is longer than 1,000 bytes.")


def test_of_many_errors_the_first_are_shown_and_all_are_counted() -> None:
    kind = _read(*[b"nonsense\n"] * 50).errors["invalid_json"]
    assert kind.count == 50
    assert len(kind.first) == SHOWN_PER_KIND


def test_long_examples_are_billed_up_to_the_limit() -> None:
    validation = Validation(max_example_tokens=20)
    long = {"messages": [USER, {"role": "assistant", "content": "word " * 100}]}
    validation.read([_line(long)] * 10)
    assert validation.over_limit == 10
    assert validation.billed_per_epoch == 200


def test_distribution_by_nearest_rank() -> None:
    numbers = Distribution()
    for value in range(1, 101):
        numbers.add(value)
    assert numbers.as_dict() == {"min": 1, "max": 100, "mean": 50.5, "median": 50, "p5": 5, "p95": 95}


def test_the_command_prints_json_and_fails_on_errors(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_bytes(b"".join(_line({**GOOD, "parallel_tool_calls": n % 2 == 0}) for n in range(12)))
    bad.write_bytes(_line(GOOD) * 3)
    out = StringIO()
    call_command("validate_file", str(good), "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert found["examples"] == 12
    assert found["errors"] == {}
    assert found["n_missing_system"] == found["n_missing_user"] == found["over_limit"] == 0
    assert found["n_epochs"] == 8
    assert found["billing_tokens"] == 8 * 12 * found["tokens_per_example"]["mean"]

    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("validate_file", str(bad), stdout=out)
    assert "Training file has 3 example(s)" in out.getvalue()
    assert "3 examples, not usable as it is." in out.getvalue()


def test_the_command_says_which_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"nothing\.jsonl cannot be read: No such file"):
        call_command("validate_file", str(tmp_path / "nothing.jsonl"))

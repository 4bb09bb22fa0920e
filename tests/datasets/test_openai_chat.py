import json
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from apps.common.tokens import count_chat_tokens
from apps.datasets.formats import FORMATS
from apps.datasets.formats.base import RenderInput
from apps.datasets.formats.validate import Validation

CHAT = FORMATS.get("openai_chat")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
EXAMPLES = st.builds(RenderInput, system=TEXTS.filter(bool), user=TEXTS, assistant=TEXTS)


def test_a_line_is_these_bytes() -> None:
    line = CHAT.render(RenderInput(system="Code it.", user="Où est ma carte ?\n", assistant='{"code": "lost_card"}'))
    assert line == (
        '{"messages":[{"role":"system","content":"Code it."},'
        '{"role":"user","content":"Où est ma carte ?\\n"},'
        '{"role":"assistant","content":"{\\"code\\": \\"lost_card\\"}"}]}'
    )


def test_without_a_system_prompt_there_is_no_system_message() -> None:
    line = json.loads(CHAT.render(RenderInput(system="", user="Hi", assistant="Hello")))
    assert [message["role"] for message in line["messages"]] == ["user", "assistant"]


@given(example=EXAMPLES)
def test_what_was_rendered_can_be_read_back(example: RenderInput) -> None:
    line = CHAT.render(example)
    assert line.splitlines() == [line]  # by the most generous idea of what ends a line
    assert [message["content"] for message in json.loads(line)["messages"]] == [
        example.system,
        example.user,
        example.assistant,
    ]


@given(example=EXAMPLES)
def test_tokens_are_those_of_the_whole_conversation_and_of_the_validator(example: RenderInput) -> None:
    line = CHAT.render(example)
    tokens = CHAT.count_tokens(example, encoding="o200k_base")
    assert tokens == count_chat_tokens(json.loads(line)["messages"])
    validation = Validation()
    validation.read([line.encode()])
    assert validation.billed_per_epoch == tokens


def test_the_file_has_the_documented_name() -> None:
    assert CHAT.file_name(date(2026, 3, 9)) == "training-data-2026-03-09.jsonl"
    assert CHAT.file_name(date(2026, 3, 9), split="validation") == "validation-data-2026-03-09.jsonl"


def test_what_was_said_before_is_context_that_nobody_learns() -> None:
    history = (("user", "Hi"), ("assistant", "Hello, who is there?"))
    line = json.loads(CHAT.render(RenderInput(system="", user="It is me", assistant="Come in", history=history)))
    assert line["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello, who is there?", "weight": 0},
        {"role": "user", "content": "It is me"},
        {"role": "assistant", "content": "Come in"},
    ]

"""The one hook after an answer: it becomes a training example, unless the organization opted out (PB1, PB7)."""

from typing import Any

from apps.chat.enums import ResponseKind
from apps.chat.models import Response
from apps.chat.queries import parse_output
from apps.chat.services.calls import Call, Message
from apps.common.errors import InvalidInput
from apps.contributions.enums import ExampleSource
from apps.contributions.services import capture_example, note_continuation
from apps.personas.queries import task_of
from apps.personas.tasks.base import Turn


def capture_answer(*, call: Call, response: Response) -> None:
    """Hand the answer to the review desk. What the persona's task cannot read as an input is no example of it."""
    if conversation := call.tags.get("conversation_id", ""):
        note_continuation(persona=call.persona, conversation_ref=conversation, now=call.now)
    example_input = call.example_input if call.example_input is not None else _input_of(call)
    if example_input is None:
        return
    capture_example(
        persona=call.persona,
        kind=call.example_kind,
        source=ExampleSource.RUN if call.kind == ResponseKind.RUN else ExampleSource.CHAT,
        input=example_input,
        output=parse_output(persona=call.persona, output=response.output),
        response_id=call.public_id,
        by=call.by,
        conversation_ref=conversation,
    )


def _input_of(call: Call) -> dict[str, Any] | None:
    """The last user message of a chat with what was said before it, read as the task reads a text from a file."""
    task = task_of(call.persona)
    question, history = _question_of(call.messages)
    said, _ = task.read_pair(question, history=history)
    try:
        return task.clean_input(said)
    except InvalidInput:
        return None


def _question_of(messages: list[Message]) -> tuple[str, list[Turn]]:
    """The last user message, and the words that people and the assistant said before it.

    Who called a tool, or showed a picture, has said nothing by that.
    """
    asked = [place for place, message in enumerate(messages) if message.get("role") == "user"]
    if not asked:
        return "", []
    earlier = [message for message in messages[: asked[-1]] if message.get("role") in ("user", "assistant")]
    turns = [Turn(role=message["role"], content=_text_of(message)) for message in earlier]
    return _text_of(messages[asked[-1]]), [turn for turn in turns if turn["content"].strip()]


def _text_of(message: Message) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part.get("text", "")) for part in parts if part.get("type") == "text")

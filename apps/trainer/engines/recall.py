"""The embedded default: remembers the answers it was shown and gives the one that similar questions had.

A true if humble learner, a nearest-neighbour classifier over words: no weights, no generation. It looks at the last
user message alone, so it codes, sorts and answers recurring questions; it cannot write what nobody wrote before.
"""

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from apps.trainer.engines.base import Answer, Message, Messages, Step
from apps.trainer.engines.memory import Memory, MemoryPool, memory_of, new_memory_file

UNTRAINED = "I am recall-1, a base model that was not trained: I know only the examples in your messages."
TRAIN_SAMPLE = 200  # memories asked again with themselves left out
VALIDATION_SAMPLE = 500

T = TypeVar("T")


class Recall:
    name = "recall"
    base_model = "recall-1"
    released_at = datetime(2026, 11, 1, tzinfo=UTC)
    max_example_tokens = 65_536

    def __init__(self) -> None:
        self._pool = MemoryPool()

    def train(
        self,
        *,
        training: Iterable[Messages],
        validation: Iterable[Messages],
        artifact: Path,
        n_epochs: int,  # not used: reading twice would remember nothing new
        seed: int,
        on_step: Callable[[Step], None],
    ) -> None:
        chance = random.Random(seed)
        with new_memory_file(artifact) as writer:
            remembered = (
                (writer.remember(prompt, answer), prompt, answer)
                for messages in training
                for prompt, answer in pairs_of(messages)
            )
            own = _sample(remembered, TRAIN_SAMPLE, chance)
            memory = writer.finish()
            unseen = _sample(
                (pair for messages in validation for pair in pairs_of(messages)), VALIDATION_SAMPLE, chance
            )
            train_accuracy = _share(_answer(memory, prompt, leave_out=id_) == true for id_, prompt, true in own)
            valid_accuracy = _share(_answer(memory, prompt) == true for prompt, true in unseen)
        on_step(Step(number=1, total=1, train_accuracy=train_accuracy, valid_accuracy=valid_accuracy))

    def answer(self, messages: Messages, *, artifact: Path | None) -> Answer:
        before, prompt = split_at_last_user(messages)
        if artifact is None:
            return self._answer_from_call(before, prompt)
        with self._pool.borrow(artifact) as memory:
            return _decode(_answer(memory, prompt))

    def delete(self, artifact: Path) -> None:
        self._pool.forget(artifact)
        artifact.unlink(missing_ok=True)

    def _answer_from_call(self, before: Messages, prompt: str) -> Answer:
        shown = list(pairs_of(before))
        if not shown:
            return Answer(UNTRAINED)
        with memory_of(shown) as memory:
            return _decode(memory.recall(prompt))


def text_of(content: Any) -> str:
    """The words of a message's content, which is a text, a list of parts, or nothing."""
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        return "\n".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def pairs_of(messages: Messages) -> Iterator[tuple[str, str]]:
    """Each assistant message that counts (weight is not 0), encoded, with the last user message before it."""
    prompt = ""
    for message in messages:
        if message["role"] == "user":
            prompt = text_of(message.get("content"))
        elif message["role"] == "assistant" and message.get("weight") != 0:
            yield prompt, _encode(message)


def split_at_last_user(messages: Messages) -> tuple[Messages, str]:
    """The messages before the last user message, and its text."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index]["role"] == "user":
            return messages[:index], text_of(messages[index].get("content"))
    return messages, ""


def _encode(message: Message) -> str:
    content = None if message.get("content") is None else text_of(message["content"])
    calls = [_tool_call(call) for call in message.get("tool_calls") or []]
    return json.dumps([content, calls], ensure_ascii=False, separators=(",", ":"))


def _tool_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """As the protocol answers it; training files are freer in how they write one."""
    name, arguments = call["function"]["name"], call["function"].get("arguments") or {}
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"id": call["id"], "type": "function", "function": {"name": name, "arguments": text}}


def _decode(remembered: str | None) -> Answer:
    if remembered is None:
        return Answer(UNTRAINED)
    content, tool_calls = json.loads(remembered)
    return Answer(content, tool_calls)


def _answer(memory: Memory, prompt: str, *, leave_out: int = 0) -> str | None:
    """What the neighbours agree on; without neighbours the answer it was shown most often."""
    return memory.recall(prompt, leave_out=leave_out) or memory.most_common()


def _share(hits: Iterable[bool]) -> float | None:
    counted = list(hits)
    return sum(counted) / len(counted) if counted else None


def _sample(items: Iterable[T], size: int, chance: random.Random) -> list[T]:
    """Uniform sample of a stream that is read to its end and never held (reservoir sampling, Vitter's algorithm R)."""
    kept: list[T] = []
    for index, item in enumerate(items):
        if index < size:
            kept.append(item)
        elif (place := chance.randrange(index + 1)) < size:
            kept[place] = item
    return kept

"""What an engine is: something that learns from conversations and answers one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

Message = Mapping[str, Any]  # a chat message of the protocol: role, content, tool_calls, weight, ...
Messages = Sequence[Message]


@dataclass(frozen=True)
class Answer:
    """One assistant message."""

    content: str | None
    tool_calls: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Step:
    """Progress of training: only what the engine measured, None for the rest. Accuracies are 0-1."""

    number: int
    total: int
    train_loss: float | None = None
    train_accuracy: float | None = None
    valid_loss: float | None = None
    valid_accuracy: float | None = None


class Engine(Protocol):
    name: str
    base_model: str  # what clients ask for to train, and the untrained model that answers under that name
    released_at: datetime
    max_example_tokens: int  # longer training examples are cut to this many tokens

    def train(
        self,
        *,
        training: Iterable[Messages],
        validation: Iterable[Messages],
        artifact: Path,
        n_epochs: int,
        seed: int,
        on_step: Callable[[Step], None],
    ) -> None:
        """Learn, and leave the model at `artifact` complete or not at all. Each iterable is read once, in order."""

    def answer(self, messages: Messages, *, artifact: Path | None) -> Answer:
        """The next assistant message; of the untrained base model when `artifact` is None. FileNotFoundError: gone."""

    def delete(self, artifact: Path) -> None:
        """Remove a model; harmless when it is gone."""

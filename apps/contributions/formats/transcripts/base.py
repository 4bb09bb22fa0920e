"""What a written-down conversation is. One file per shape that they come in beside this one; `SHAPES` lists them."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)  # a file can hold a million
class Turn:
    """What one speaker said at one time."""

    speaker: str
    text: str
    at: datetime | None = None  # as the export has it: the local time of whoever exported, without a zone


@dataclass(frozen=True)
class Conversation:
    reference: str  # how the file tells it from its others: an id, the time of its first turn, or its number
    turns: tuple[Turn, ...]


class LeftOut(StrEnum):
    """Why something in a file is nobody's turn."""

    NOTICE = "notice"  # written by the program: "Messages are end-to-end encrypted", "Anna joined"
    MEDIA = "media"  # a picture, a voice message, a sticker: what the export has in its place
    SYSTEM = "system"  # system prompts and the talk between a model and its tools
    EMPTY = "empty"
    BEFORE_FIRST_SPEAKER = "before_first_speaker"  # lines above the first name


@dataclass
class Transcript:
    """The conversations of a file in their order, and how many things in it were left out, by reason."""

    conversations: list[Conversation] = field(default_factory=list)
    left_out: Counter[LeftOut] = field(default_factory=Counter)


class Shape(Protocol):
    """One way in which conversations are written down. `text` is as `documents.extract` gives it."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def example(self) -> str:
        """How it looks, for people whose file was not recognised."""

    def recognises(self, text: str) -> bool:
        """Whether the text is of this shape. Must never raise."""

    def read(self, text: str) -> Transcript:
        """The turns of a text of this shape; InvalidInput, naming line or place, where it breaks off."""

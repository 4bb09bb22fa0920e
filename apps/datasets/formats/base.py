"""What a file format of training data is. One file per format beside this one; `FORMATS` lists them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True)
class RenderInput:
    """One example in words. `assistant` is what people said is right (UX3), never what the AI answered.

    `history` is what was said before as (role, words), oldest first: context, from which nothing is learnt.
    """

    system: str
    user: str
    assistant: str
    history: tuple[tuple[str, str], ...] = ()

    @property
    def question(self) -> tuple[tuple[str, str], ...]:
        """What a model is asked, as (role, words): all but the system prompt and the right answer."""
        return (*self.history, ("user", self.user))


class Format(Protocol):
    """Rows in, lines out. A line is text without its line end; a file is its lines, each ended by one ``\\n``."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def media_type(self) -> str: ...

    def file_name(self, day: date, *, split: str = "train") -> str:
        """The name a person's download gets (SC1)."""

    def render(self, example: RenderInput) -> str:
        """The line: equal input gives equal bytes, on every machine and in every year."""

    def count_tokens(self, example: RenderInput, *, encoding: str) -> int:
        """Tokens a provider bills for the example in one epoch, before any limit per example."""

    def find_errors(self, lines: Iterable[bytes]) -> list[str]:
        """What a provider would refuse in these lines, as sentences that name the line; empty if nothing."""

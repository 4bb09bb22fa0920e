"""What a shape of file is: the one protocol that the files beside this one follow."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

from apps.personas.tasks.base import Turn

HEAD_BYTES = 65_536  # what a file is recognised by


@dataclass(frozen=True)
class ImportRow:
    """One example as a file has it. What text and category mean is the task's to say (`read_pair`)."""

    line: int  # where it begins in the file, from 1, so that a person can find it
    text: str  # the question
    category: str = ""  # the right answer, if the file has one; of coded rows the code
    fault: str = ""  # why this row cannot be read, though the rest of the file can
    history: Sequence[Turn] = ()  # what was said before, oldest first
    metadata: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""  # of example, if the file says so


class RowFormat(Protocol):
    """A file in, rows out, one at a time. InvalidInput where a fault makes what follows guesswork."""

    name: str
    title: str
    extensions: tuple[str, ...]  # what such files are usually called; nothing is recognised by it

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins with these bytes has this shape."""

    def read(self, file: BinaryIO) -> Iterator[ImportRow]:
        """The rows of a file, which is read from where it stands."""

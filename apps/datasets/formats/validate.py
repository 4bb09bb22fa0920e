"""Reads training files of any origin and says what is wrong with them and how big they are. Constant memory but for
16 bytes a line, which find the duplicates."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import IO, Any

from apps.common.fine_tuning import MIN_EXAMPLES, default_epochs
from apps.common.tokens import DEFAULT_ENCODING, count_chat_tokens, count_message_tokens
from apps.datasets.formats.rules import MAX_LINE_BYTES, find_errors, find_warnings, parse_line

DEFAULT_EXAMPLE_TOKENS = 65_536  # gpt-4o and gpt-4o-mini; providers cut longer examples off there
SHOWN_PER_KIND = 20


@dataclass(frozen=True)
class Found:
    line: int  # from 1; 0 is the file itself
    message: str


@dataclass
class Kind:
    """All findings of one kind: how many, and the first of them."""

    count: int = 0
    first: list[Found] = field(default_factory=list)

    def add(self, found: Found) -> None:
        self.count += 1
        if len(self.first) < SHOWN_PER_KIND:
            self.first.append(found)


def read_lines(file: IO[bytes]) -> Iterator[bytes]:
    """The file's lines. Of a line that is too long only the first `MAX_LINE_BYTES` + 1 bytes are given."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        yield line
        while len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            if not (line := file.readline(MAX_LINE_BYTES + 1)):
                return


class Distribution:
    """Counts of whole numbers: as small as there are different values, however long the file."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, value: int) -> None:
        self._counts[value] += 1

    def as_dict(self) -> dict[str, float]:
        """min, max, mean, and by nearest rank median, p5 and p95; empty without values."""
        total = self._counts.total()
        if not total:
            return {}
        mean = sum(value * count for value, count in self._counts.items()) / total
        ordered = sorted(self._counts)
        return {
            "min": ordered[0],
            "max": ordered[-1],
            "mean": round(mean, 2),
            "median": self._at_rank(-(-total * 50 // 100), ordered),
            "p5": self._at_rank(-(-total * 5 // 100), ordered),
            "p95": self._at_rank(-(-total * 95 // 100), ordered),
        }

    def _at_rank(self, rank: int, ordered: list[int]) -> int:
        for value in ordered:
            rank -= self._counts[value]
            if rank <= 0:
                return value
        return ordered[-1]


class Validation:
    """What reading a file found. `errors` is what a provider refuses, `warnings` what a person should look at."""

    def __init__(
        self,
        *,
        encoding: str = DEFAULT_ENCODING,
        max_example_tokens: int = DEFAULT_EXAMPLE_TOKENS,
        counts_tokens: bool = True,
    ) -> None:
        self.encoding = encoding
        self.max_example_tokens = max_example_tokens
        self.counts_tokens = counts_tokens
        self.examples = 0
        self.errors: dict[str, Kind] = {}
        self.warnings: dict[str, Kind] = {}
        self.n_missing_system = self.n_missing_user = self.over_limit = self.billed_per_epoch = 0
        self.messages_per_example = Distribution()
        self.tokens_per_example = Distribution()
        self.assistant_tokens_per_example = Distribution()
        self._seen: set[bytes] = set()  # 16 bytes for each different line

    @property
    def is_valid(self) -> bool:
        return not self.errors

    def read(self, lines: Iterable[bytes]) -> None:
        """Read a whole file. Lines end in LF or CRLF; a byte-order mark is allowed, as Azure requires one."""
        for number, raw in enumerate(lines, start=1):
            line = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
            self._read_line(number, line.rstrip(b"\r\n"))
        if self.examples < MIN_EXAMPLES:
            message = f"Training file has {self.examples} example(s), but must have at least {MIN_EXAMPLES} examples"
            self._error("invalid_n_examples", 0, message)

    def as_dict(self) -> dict[str, Any]:
        """Everything found, as JSON. Without prices and past jobs there is no cost and no time in it."""
        epochs = default_epochs(self.examples)
        return {
            "examples": self.examples,
            "errors": _as_dict(self.errors),
            "warnings": _as_dict(self.warnings),
            "n_missing_system": self.n_missing_system,
            "n_missing_user": self.n_missing_user,
            "messages_per_example": self.messages_per_example.as_dict(),
            "tokens_per_example": self.tokens_per_example.as_dict(),
            "assistant_tokens_per_example": self.assistant_tokens_per_example.as_dict(),
            "over_limit": self.over_limit,
            "n_epochs": epochs,
            "billing_tokens": self.billed_per_epoch * epochs,
        }

    def _error(self, kind: str, line: int, message: str) -> None:
        self.errors.setdefault(kind, Kind()).add(Found(line, message))

    def _warning(self, kind: str, line: int, message: str) -> None:
        self.warnings.setdefault(kind, Kind()).add(Found(line, message))

    def _read_line(self, number: int, line: bytes) -> None:
        if not line.strip():
            return self._warning("blank_line", number, "The line is empty.")
        self.examples += 1
        example, problem = parse_line(line)
        if problem:
            return self._error(problem[0], number, problem[1])
        findings = list(find_errors(example))
        for kind, message in findings:
            self._error(kind, number, message)
        if not findings:
            self._measure(number, line, example)
        return None

    def _measure(self, number: int, line: bytes, example: dict[str, Any]) -> None:
        messages = example["messages"]
        self.messages_per_example.add(len(messages))
        self._look_at(number, line, example)
        if self.counts_tokens:
            tokens, of_assistant = count_tokens(example, encoding=self.encoding)
            self.tokens_per_example.add(tokens)
            self.assistant_tokens_per_example.add(of_assistant)
            self.billed_per_epoch += min(tokens, self.max_example_tokens)
            if tokens > self.max_example_tokens:
                self.over_limit += 1
                text = f"{tokens:,} tokens: it will be cut off at {self.max_example_tokens:,}."
                self._warning("over_limit", number, text)

    def _look_at(self, number: int, line: bytes, example: dict[str, Any]) -> None:
        for kind, message in find_warnings(example):
            self._warning(kind, number, message)
        roles = {message["role"] for message in example["messages"]}
        self.n_missing_system += not roles & {"system", "developer"}
        self.n_missing_user += "user" not in roles
        digest = hashlib.blake2b(line, digest_size=16).digest()
        if digest in self._seen:
            self._warning("duplicate", number, "The same line occurs before.")
        self._seen.add(digest)


def _as_dict(kinds: dict[str, Kind]) -> dict[str, Any]:
    return {
        name: {"count": kind.count, "first": [{"line": found.line, "message": found.message} for found in kind.first]}
        for name, kind in kinds.items()
    }


def count_tokens(example: dict[str, Any], *, encoding: str) -> tuple[int, int]:
    """Tokens of one example as it is billed, and how many of them are the assistant's messages."""
    tokens, of_assistant = count_chat_tokens([], tools=example.get("tools"), encoding=encoding), 0
    for message in example["messages"]:
        cost = _count_message(message, encoding)
        tokens += cost
        of_assistant += cost if message["role"] == "assistant" else 0
    return tokens, of_assistant


def _count_message(message: dict[str, Any], encoding: str) -> int:
    role, content = message["role"], message.get("content")
    if role in ("system", "developer") and isinstance(content, str) and len(message) == 2:
        return count_prompt_tokens(role, content, encoding)
    return count_message_tokens(message, encoding=encoding)


@lru_cache(maxsize=16)
def count_prompt_tokens(role: str, content: str, encoding: str) -> int:
    """A system prompt is the same in every line of most files, and often longer than the rest of the line."""
    return count_message_tokens({"role": role, "content": content}, encoding=encoding)

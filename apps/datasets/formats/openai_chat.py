"""Supervised lines of the OpenAI protocol: one JSON object with `messages` each."""

import json
from collections.abc import Iterable
from datetime import date
from typing import Any

from apps.common.tokens import TOKENS_FOR_PRIMING, count_message_tokens
from apps.datasets.formats.base import RenderInput
from apps.datasets.formats.validate import Validation, count_prompt_tokens

# Some readers (Node's readline, Python's str.splitlines) end a line at these; JSON allows them unescaped.
LINE_SEPARATORS = {"\u2028": "\\u2028", "\u2029": "\\u2029", "\x85": "\\u0085"}


class OpenAIChat:
    name = "openai_chat"
    title = "OpenAI chat (JSONL)"
    media_type = "application/jsonl"

    def file_name(self, day: date, *, split: str = "train") -> str:
        stem = "training" if split == "train" else split
        return f"{stem}-data-{day:%Y-%m-%d}.jsonl"

    def render(self, example: RenderInput) -> str:
        line = json.dumps({"messages": _messages(example)}, ensure_ascii=False, separators=(",", ":"))
        for character, escape in LINE_SEPARATORS.items():
            line = line.replace(character, escape)
        return line

    def count_tokens(self, example: RenderInput, *, encoding: str) -> int:
        return TOKENS_FOR_PRIMING + sum(
            count_prompt_tokens("system", message["content"], encoding)
            if message["role"] == "system"
            else count_message_tokens(message, encoding=encoding)
            for message in _messages(example)
        )

    def find_errors(self, lines: Iterable[bytes]) -> list[str]:
        validation = Validation(counts_tokens=False)
        validation.read(lines)
        return [
            f"Line {found.line}: {found.message}" if found.line else found.message
            for kind in validation.errors.values()
            for found in kind.first
        ]


def _messages(example: RenderInput) -> list[dict[str, Any]]:
    turns = [
        *(_context(role, words) for role, words in example.history),
        {"role": "user", "content": example.user},
        {"role": "assistant", "content": example.assistant},
    ]
    return [{"role": "system", "content": example.system}, *turns] if example.system else turns


def _context(role: str, words: str) -> dict[str, Any]:
    """A turn that was said before. Nobody verified what the assistant said then: its weight of 0 keeps it unlearnt."""
    turn: dict[str, Any] = {"role": role, "content": words}
    return {**turn, "weight": 0} if role == "assistant" else turn

"""Exact token counts, offline. `rs_bpe` carries the ranks of OpenAI's encodings inside its wheel."""

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

from rs_bpe.bpe import openai

from apps.common.ids import canonical_json

DEFAULT_ENCODING = "o200k_base"

# OpenAI's published counting rule for chat models: what each message and each conversation cost beside their texts.
TOKENS_PER_MESSAGE = 3
TOKENS_PER_NAME = 1
TOKENS_FOR_PRIMING = 3

LONGEST_KEPT = 20_000  # characters of a text whose count is remembered: 256 of them are a few megabytes


@cache
def _tokenizer(encoding: str) -> Any:
    return openai.o200k_base() if encoding == "o200k_base" else openai.cl100k_base()


def count_tokens(text: str, *, encoding: str = DEFAULT_ENCODING) -> int:
    return (_count_again if len(text) <= LONGEST_KEPT else _count)(text, encoding)


def _count(text: str, encoding: str) -> int:
    return int(_tokenizer(encoding).count(text))


# Every line of a dataset and every question of a persona begins with the same prompt, the longest text to count.
_count_again = lru_cache(maxsize=256)(_count)


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)


def count_message_tokens(message: Mapping[str, Any], *, encoding: str = DEFAULT_ENCODING) -> int:
    """Tokens of one chat message: 3 + every non-empty field's text (tool calls as JSON) + 1 for a name."""
    tokens = TOKENS_PER_MESSAGE
    for key, value in message.items():
        if value is None or key == "weight":
            continue
        tokens += count_tokens(_text_of(value), encoding=encoding)
        if key == "name":
            tokens += TOKENS_PER_NAME
    return tokens


def count_chat_tokens(
    messages: Iterable[Mapping[str, Any]], *, tools: Any = None, encoding: str = DEFAULT_ENCODING
) -> int:
    """Tokens of a conversation as a model reads it: its messages, its tool definitions and 3 for priming."""
    tokens = TOKENS_FOR_PRIMING + sum(count_message_tokens(message, encoding=encoding) for message in messages)
    return tokens + (count_tokens(_text_of(tools), encoding=encoding) if tools else 0)

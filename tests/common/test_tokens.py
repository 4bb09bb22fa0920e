"""Counts published by OpenAI in its cookbook ("How to count tokens with tiktoken")."""

import pytest

from apps.common.tokens import LONGEST_KEPT, count_chat_tokens, count_message_tokens, count_tokens

COOKBOOK = [
    {
        "role": "system",
        "content": "You are a helpful, pattern-following assistant that translates corporate jargon into "
        "plain English.",
    },
    {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Things working well together will increase revenue.",
    },
    {
        "role": "system",
        "name": "example_user",
        "content": "Let's circle back when we have more bandwidth to touch base on opportunities for "
        "increased leverage.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Let's talk later when we're less busy about how to do better.",
    },
    {
        "role": "user",
        "content": "This late pivot means we don't have time to boil the ocean for the client deliverable.",
    },
]


@pytest.mark.parametrize(
    ("text", "o200k", "cl100k"),
    [
        ("", 0, 0),
        ("hello world", 2, 2),
        ("tiktoken is great!", 6, 6),
        ("antidisestablishmentarianism", 6, 6),
        ("2 + 2 = 4", 7, 7),
        ("お誕生日おめでとう", 8, 9),
        ("<|endoftext|>", 7, 7),  # text that looks like a special token is text
    ],
)
def test_known_counts(text: str, o200k: int, cl100k: int) -> None:
    assert count_tokens(text) == o200k
    assert count_tokens(text, encoding="cl100k_base") == cl100k


def test_texts_too_long_to_remember_count_alike() -> None:
    at_most, longer = "word " * (LONGEST_KEPT // 5), "word " * (LONGEST_KEPT // 5 + 1)
    assert count_tokens(longer) == count_tokens(at_most) + 1
    assert count_tokens(at_most, encoding="cl100k_base") == count_tokens(at_most, encoding="cl100k_base")


def test_a_conversation_counts_as_published() -> None:
    assert count_chat_tokens(COOKBOOK, encoding="cl100k_base") == 129
    assert count_chat_tokens(COOKBOOK, encoding="o200k_base") == 124


def test_a_weight_is_not_part_of_the_prompt_and_a_name_costs_one_more() -> None:
    message = {"role": "assistant", "content": "hello world"}
    assert count_message_tokens(message) == 3 + 1 + 2
    assert count_message_tokens({**message, "weight": 0, "refusal": None}) == 6
    assert count_message_tokens({**message, "name": "hello world"}) == 6 + 2 + 1


def test_tools_count_as_their_json() -> None:
    assert count_chat_tokens([], tools=[{"a": 1}]) == 3 + count_tokens('[{"a":1}]')

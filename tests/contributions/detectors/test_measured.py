"""The figures that staff read before anything leaves are the ones that this code achieves."""

import re

import pytest

from apps.contributions.detectors import Kind, Span
from apps.contributions.detectors.gazetteer import load
from apps.contributions.detectors.measuring import (
    HELD_OUT,
    TUNED,
    Conversation,
    failures,
    figures,
    measure,
    read_figures,
    read_set,
)


def test_the_stored_figures_are_what_the_code_achieves_now() -> None:
    """If not: `python bench/bench_privacy.py --write`, and say in the commit what changed them."""
    assert read_figures() == measure()


def test_the_set_holds_every_kind_and_much_without_any() -> None:
    conversations = read_set(HELD_OUT)
    assert len(conversations) >= 400
    assert {span.kind for conversation in conversations for spans in conversation.spans for span in spans} == set(Kind)
    without = [conversation for conversation in conversations if not any(conversation.spans)]
    assert len(without) >= 100


def test_names_that_no_list_has_are_among_those_looked_for() -> None:
    names = [
        text[span.start : span.end]
        for conversation in read_set(HELD_OUT)
        for text, spans in zip(conversation.texts, conversation.spans, strict=True)
        for span in spans
        if span.kind == Kind.PERSON
    ]
    listed = load().given | load().surnames
    unlisted = [name for name in names if not listed & set(re.findall(r"\w+", name.casefold()))]
    assert len(unlisted) / len(names) > 0.25


def test_the_parts_of_the_set_share_nothing() -> None:
    held_out, tuned = ({tuple(entry.texts) for entry in read_set(path)} for path in (HELD_OUT, TUNED))
    assert held_out & tuned == set()


ANNA = Conversation(["Anna Weber paid."], [[Span(0, 10, Kind.PERSON)]])


@pytest.mark.parametrize(
    ("conversation", "recall", "precision"),
    [
        (ANNA, (1, 1), (1, 1)),
        (Conversation(["Anna Weber paid."], [[]]), (0, 0), (1, 0)),
        (Conversation(["It was Zzyx."], [[Span(7, 11, Kind.PERSON)]]), (1, 0), (0, 0)),
        # Half covered is found, less is not; and of what kind does not count.
        (Conversation(["Anna Weber paid."], [[Span(0, 16, Kind.BUSINESS)]]), (1, 1), (1, 1)),
        (Conversation(["Anna Weber paid a lot."], [[Span(0, 22, Kind.PERSON)]]), (1, 0), (1, 1)),
    ],
)
def test_the_half_cover_rule(conversation: Conversation, recall: tuple[int, int], precision: tuple[int, int]) -> None:
    measured = figures([conversation])
    assert [(measured[what]["all"]["n"], measured[what]["all"]["found"]) for what in ("recall", "precision")] == [
        recall,
        precision,
    ]


def test_failures_are_told_in_words() -> None:
    conversation = Conversation(["Zzyx and Anna Weber"], [[Span(0, 4, Kind.PERSON)]])
    assert list(failures([conversation])) == [
        "missed person: 'Zzyx' in 'Zzyx and Anna Weber'",
        "wrong person: 'Anna Weber' in 'Zzyx and Anna Weber'",
    ]
    assert list(failures([ANNA])) == []

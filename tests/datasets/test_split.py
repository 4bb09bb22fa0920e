"""Who is trained on and who is held back, whatever the rows."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.contributions.enums import Split
from apps.datasets.queries.split import Row, split_rows, validation_target

CATEGORIES = st.sampled_from(["", "a", "b", "c", "rare"])
PINS = st.sampled_from(["", "", "", "", Split.TRAIN, Split.VALIDATION])
CONVERSATIONS = st.sampled_from(["", "", "x", "y", "z"])
SEEDS = st.integers(min_value=0, max_value=2**31 - 1)


def _rows(*, conversations: bool, pins: bool) -> st.SearchStrategy[list[Row]]:
    fields = st.tuples(CATEGORIES, CONVERSATIONS if conversations else st.just(""), PINS if pins else st.just(""))
    return st.lists(fields, max_size=150).map(
        lambda rows: [
            Row(pk=pk, content_hash=f"{pk:064x}", category=category, conversation=conversation, pin=pin)
            for pk, (category, conversation, pin) in enumerate(rows)
        ]
    )


@given(rows=_rows(conversations=True, pins=True), seed=SEEDS)
def test_no_conversation_is_on_both_sides(rows: list[Row], seed: int) -> None:
    sides = split_rows(rows, seed=seed)
    by_conversation = defaultdict(set)
    for row in rows:
        if row.conversation and row.pk in sides:
            by_conversation[row.conversation].add(sides[row.pk])
    assert all(len(found) == 1 for found in by_conversation.values())


@given(rows=_rows(conversations=True, pins=True), seed=SEEDS)
def test_pins_are_respected_and_only_contradictions_are_left_out(rows: list[Row], seed: int) -> None:
    sides = split_rows(rows, seed=seed)
    held_back = {row.conversation for row in rows if row.conversation and row.pin == Split.VALIDATION}
    for row in rows:
        if row.pk in sides:
            assert row.pin in ("", sides[row.pk])
        else:
            assert row.pin == Split.TRAIN
            assert row.conversation in held_back


@given(rows=_rows(conversations=False, pins=False), seed=SEEDS)
def test_a_tenth_is_held_back_and_of_each_category_within_one_row(rows: list[Row], seed: int) -> None:
    sides = split_rows(rows, seed=seed)
    held_back = Counter(row.category for row in rows if sides[row.pk] == Split.VALIDATION)
    assert held_back.total() == validation_target(len(rows))
    if rows:
        for category, size in Counter(row.category for row in rows).items():
            assert abs(held_back[category] - size * held_back.total() / len(rows)) < 1


@given(rows=_rows(conversations=True, pins=False), seed=SEEDS)
def test_from_twenty_rows_on_something_is_held_back_if_it_can_be(rows: list[Row], seed: int) -> None:
    sides = set(split_rows(rows, seed=seed).values())
    units = {row.conversation or row.pk for row in rows}
    if len(rows) >= 20 and len(units) > 1:
        assert Split.VALIDATION in sides
    if len(rows) < 20:
        assert Split.VALIDATION not in sides


@given(rows=_rows(conversations=True, pins=True), seed=SEEDS, shuffle=st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(rows: list[Row], seed: int, shuffle: st.DataObject) -> None:
    shuffled = list(rows)
    shuffle.shuffle(shuffled)  # type: ignore[attr-defined]
    assert split_rows(shuffled, seed=seed) == split_rows(rows, seed=seed)


def test_another_seed_is_another_split_and_ids_do_not_matter() -> None:
    rows = [Row(pk=n, content_hash=f"{n:064x}", category="a") for n in range(100)]
    moved = [Row(pk=n + 1000, content_hash=f"{n:064x}", category="a") for n in range(100)]
    first, second = split_rows(rows, seed=1), split_rows(rows, seed=2)
    assert first != second
    assert list(split_rows(moved, seed=1).values()) == list(first.values())


@pytest.mark.parametrize(("rows", "held_back"), [(0, 0), (10, 0), (19, 0), (20, 2), (24, 2), (25, 3), (432, 43)])
def test_how_many_are_held_back(rows: int, held_back: int) -> None:
    assert validation_target(rows) == held_back


def test_long_conversations_are_held_back_whole() -> None:
    rows = [Row(pk=n, content_hash=f"{n:064x}", conversation=f"talk {n // 25}") for n in range(100)]
    sides = split_rows(rows, seed=1)
    assert sum(side == Split.VALIDATION for side in sides.values()) == 25

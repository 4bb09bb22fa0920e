from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.money import allocate, format_money, round_micros, token_cost

amounts = st.integers(min_value=0, max_value=10**15)
weights = st.dictionaries(st.integers(min_value=1, max_value=10**6), st.integers(min_value=0, max_value=10**12))


@given(amounts, weights)
def test_the_parts_add_up_to_the_whole(amount: int, weights: dict[int, int]) -> None:
    parts = allocate(amount, weights)
    assert sum(parts.values()) == (amount if any(weights.values()) else 0)


@given(amounts, weights)
def test_no_part_is_a_micro_away_from_its_quota(amount: int, weights: dict[int, int]) -> None:
    total = sum(weights.values())
    for key, part in allocate(amount, weights).items():
        assert abs(part - Fraction(amount * weights[key], total)) < 1


@given(amounts, weights)
def test_who_weighs_more_never_gets_less(amount: int, weights: dict[int, int]) -> None:
    parts = allocate(amount, weights)
    in_order = sorted(parts, key=lambda key: (weights[key], -key))
    assert [parts[key] for key in in_order] == sorted(parts.values())


@given(amounts, weights, st.randoms(use_true_random=False))
def test_the_order_of_the_arguments_does_not_matter(amount: int, weights: dict[int, int], random: object) -> None:
    keys = list(weights)
    random.shuffle(keys)  # type: ignore[attr-defined]
    assert allocate(amount, {key: weights[key] for key in keys}) == allocate(amount, weights)


@given(amounts, weights, st.integers(min_value=1, max_value=1000))
def test_only_the_proportion_of_the_weights_counts(amount: int, weights: dict[int, int], factor: int) -> None:
    assert allocate(amount, {key: weight * factor for key, weight in weights.items()}) == allocate(amount, weights)


def test_equal_remainders_go_to_the_lower_key() -> None:
    assert allocate(10, {3: 1, 1: 1, 2: 1}) == {3: 3, 1: 4, 2: 3}
    assert allocate(100, {"b": 1, "a": 1, "c": 1}) == {"b": 33, "a": 34, "c": 33}


def test_without_a_weight_nothing_is_allocated() -> None:
    assert allocate(10, {}) == {}
    assert allocate(10, {1: 0, 2: 0}) == {}
    assert allocate(10, {1: 0, 2: 5}) == {1: 0, 2: 10}


@pytest.mark.parametrize(("amount", "weights"), [(-1, {1: 1}), (1, {1: -1, 2: 3})])
def test_nothing_is_negative(amount: int, weights: dict[int, int]) -> None:
    with pytest.raises(ValueError, match="not negative"):
        allocate(amount, weights)


@given(st.fractions())
def test_rounding_is_to_the_nearest_and_symmetric(amount: Fraction) -> None:
    assert abs(round_micros(amount) - amount) <= Fraction(1, 2)
    assert round_micros(-amount) == -round_micros(amount)


def test_halves_round_away_from_zero() -> None:
    assert [round_micros(Fraction(n, 2)) for n in (-3, -1, 1, 3)] == [-2, -1, 1, 2]


def test_token_cost_is_exact_until_it_is_rounded() -> None:
    assert token_cost(1, 25_000_000) == 25
    assert token_cost(1, 1) == Fraction(1, 1_000_000)
    assert sum(token_cost(1, 1) for _ in range(1_000)) == Fraction(1, 1_000)


@pytest.mark.parametrize(
    ("micros", "currency", "text"),
    [
        (0, "EUR", "€0.00"),
        (12_340_000, "EUR", "€12.34"),
        (12_345_000, "EUR", "€12.35"),
        (1_234_567_890_000, "USD", "$1,234,567.89"),
        (-2_500_000, "GBP", "-£2.50"),
        (9_000, "EUR", "€0.009"),
        (1, "EUR", "€0.000001"),
        (-1, "EUR", "-€0.000001"),
        (5_000_000, "CHF", "CHF 5.00"),
    ],
)
def test_money_is_shown_with_as_many_decimals_as_it_needs(micros: int, currency: str, text: str) -> None:
    assert format_money(micros, currency) == text

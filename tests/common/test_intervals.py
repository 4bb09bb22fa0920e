import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from apps.common.intervals import Interval, wilson_interval


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_it_is_scipys_wilson_interval(case: tuple[int, int]) -> None:
    successes, trials = case
    oracle = binomtest(successes, trials).proportion_ci(confidence_level=0.95, method="wilson")
    ours = wilson_interval(successes, trials)
    assert (ours.low, ours.high) == pytest.approx((oracle.low, oracle.high), abs=1e-12)


@pytest.mark.parametrize(
    ("case", "expected"),
    [((0, 0), Interval(0, 1)), ((0, 10), Interval(0.0, 0.27753279)), ((10, 10), Interval(0.72246721, 1.0))],
)
def test_the_ends(case: tuple[int, int], expected: Interval) -> None:
    ours = wilson_interval(*case)
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high))
    assert 0 <= ours.low <= ours.high <= 1


@given(st.integers(1, 1000).flatmap(lambda n: st.tuples(st.floats(0, n), st.just(n))))
def test_sums_of_scores_stay_inside(case: tuple[float, int]) -> None:
    ours = wilson_interval(*case)
    assert 0 <= ours.low <= case[0] / case[1] <= ours.high <= 1

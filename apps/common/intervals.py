from dataclasses import dataclass
from math import sqrt

Z_95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution


@dataclass(frozen=True)
class Interval:
    low: float
    high: float


def wilson_interval(successes: float, trials: int, *, z: float = Z_95) -> Interval:
    """The score interval of a proportion, 95 % unless told otherwise; all of 0 to 1 when nothing was tried.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927). `successes`
    may be a sum of scores between 0 and 1; then the interval is a little wider than it need be.
    """
    if trials == 0:
        return Interval(0.0, 1.0)
    share = successes / trials
    weight = z * z / trials
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * sqrt(share * (1 - share) / trials + weight / (4 * trials))
    # On paper the share lies inside; in floating point, at the ends, just outside.
    return Interval(max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))

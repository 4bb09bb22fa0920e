"""Money is integer micro-units of a currency (1 EUR = 1,000,000 micros) plus its ISO code.

Rounding happens in `round_micros` and nowhere else; dividing happens in `allocate`, whose parts add up to the whole.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import TypeVar

MICROS = 1_000_000
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£"}

K = TypeVar("K", int, str)


def round_micros(amount: Fraction) -> int:
    """Half away from zero to a whole micro: the only rounding of money in the project."""
    sign = -1 if amount < 0 else 1
    return sign * int(abs(amount) + Fraction(1, 2))


def token_cost(tokens: int, micros_per_million: int) -> Fraction:
    """Cost in micros, unrounded, of `tokens` at a price in micros per million tokens."""
    return Fraction(tokens * micros_per_million, 1_000_000)


def allocate(amount: int, weights: Mapping[K, int]) -> dict[K, int]:
    """Divide `amount` micros in proportion to integer weights; the parts sum to `amount` exactly.

    Largest remainder (Hamilton's method); equal remainders go to the lower key, so the result depends on nothing but
    the arguments. No positive weight: nothing is allocated and the caller keeps the amount as a balance.
    """
    if amount < 0 or any(weight < 0 for weight in weights.values()):
        raise ValueError("amounts and weights are not negative")
    total = sum(weights.values())
    if total == 0:
        return {}
    parts = {key: amount * weight // total for key, weight in weights.items()}
    left = amount - sum(parts.values())
    by_remainder = sorted(weights, key=lambda key: (-(amount * weights[key] % total), key))
    for key in by_remainder[:left]:
        parts[key] += 1
    return parts


def format_money(micros: int, currency: str, *, places: int = 2) -> str:
    """``€12.34``, or with enough decimals to show a small amount as something other than zero."""
    sign = "-" if micros < 0 else ""
    while places < 6 and micros and abs(micros) < 10 ** (6 - places):
        places += 1
    units = round_micros(Fraction(abs(micros) * 10**places, MICROS))
    whole, part = divmod(units, 10**places)
    symbol = SYMBOLS.get(currency, f"{currency} ")
    return f"{sign}{symbol}{whole:,}.{part:0{places}d}"

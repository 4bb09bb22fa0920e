import re
from collections.abc import Iterator

from stdnum import luhn

from apps.contributions.detectors.base import Kind, Span, count_digits

_CANDIDATE = re.compile(r"(?<![\w.,-])[2-6]\d{3}(?:[ -]?\d){8,15}(?![\w]|[.,-]\d)")
_LENGTHS = range(13, 20)  # ISO/IEC 7812


class Cards:
    name = "cards"
    kind = Kind.CARD
    title = "Card numbers"

    def needs(self, text: str) -> bool:
        return count_digits(text) >= _LENGTHS.start

    def find(self, text: str) -> Iterator[Span]:
        for match in _CANDIDATE.finditer(text):
            digits = re.sub(r"\D", "", match[0])
            if len(digits) in _LENGTHS and _is_issued(digits) and luhn.is_valid(digits):
                yield Span(match.start(), match.end(), self.kind)


def _is_issued(digits: str) -> bool:
    """Whether it begins as the numbers of the card schemes do: book and article numbers pass the checksum too."""
    if digits[0] in "45":
        return True
    if digits[0] == "2":
        return "2221" <= digits[:4] <= "2720"
    if digits[0] == "3":
        return digits[:2] in {"30", "34", "35", "36", "37", "38", "39"}
    return digits[:2] in {"60", "62", "64", "65", "67"}

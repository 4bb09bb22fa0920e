import re
from collections.abc import Iterator

from stdnum import iban

from apps.contributions.detectors.base import Kind, Span, count_digits

_CANDIDATE = re.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}(?!\w)")
_CUE = re.compile(r"\biban\W{0,3}(?:\w+\W{1,2}){0,2}$", re.IGNORECASE)
_LENGTHS = range(15, 35)  # ISO 13616: Norway's are the shortest
_LEAST_DIGITS = 8  # of any country's; Malta's have the most letters


class IBANs:
    name = "ibans"
    kind = Kind.IBAN
    title = "Bank accounts (IBAN)"

    def needs(self, text: str) -> bool:
        return count_digits(text) >= _LEAST_DIGITS

    def find(self, text: str) -> Iterator[Span]:
        for match in _CANDIDATE.finditer(text):
            length = _length(match[0])
            if not length and _CUE.search(text, max(0, match.start() - 30), match.start()):
                length = _compact_length(match[0])  # mistyped, but still somebody's account
            if length:
                yield Span(match.start(), match.start() + length, self.kind)


def _length(candidate: str) -> int:
    """How much of it is a valid account number; 0 if nothing is. The words behind it may look like more of it."""
    ends = [place.end() for place in re.finditer(r"[A-Za-z0-9](?![A-Za-z0-9])", candidate)]
    for end in reversed(ends):
        number = re.sub(r"[ -]", "", candidate[:end])
        # Countries' own checks beneath the common one refuse accounts that exist in examples and in tests.
        if len(number) in _LENGTHS and iban.is_valid(number, check_country=False):
            return end
    return 0


def _compact_length(candidate: str) -> int:
    match = re.match(r"[A-Za-z]{2}\d{2}(?:[ -]?[A-Z0-9]*\d[A-Z0-9]*)+", candidate)
    return match.end() if match and len(match[0]) >= 15 else 0

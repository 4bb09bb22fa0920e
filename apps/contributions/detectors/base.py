"""What a detector is: the one protocol that the kinds of personal data follow, and what is put in their place."""

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple, Protocol


class Kind(StrEnum):
    EMAIL = "email"
    PHONE = "phone"
    PERSON = "person"
    BUSINESS = "business"
    ADDRESS = "address"
    SECRET = "secret"
    IBAN = "iban"
    CARD = "card"
    IP = "ip"
    ID_NUMBER = "id_number"
    URL = "url"


# The first five are the documented ones (PB6). Never numbered: the same words for everybody.
REPLACEMENTS: Final[dict[Kind, str]] = {
    Kind.EMAIL: "contact@example.com",
    Kind.PHONE: "+1 (555) 000-0000",
    Kind.BUSINESS: "[BUSINESS_NAME]",
    Kind.PERSON: "[PERSON_NAME]",
    Kind.ADDRESS: "[ADDRESS]",
    Kind.SECRET: "[SECRET]",
    Kind.IBAN: "[IBAN]",
    Kind.CARD: "[CARD_NUMBER]",
    Kind.IP: "[IP_ADDRESS]",
    Kind.ID_NUMBER: "[ID_NUMBER]",
    Kind.URL: "[URL]",
}


class Span(NamedTuple):
    """`text[start:end]` is personal data of that kind."""

    start: int
    end: int
    kind: Kind


class Detector(Protocol):
    """One kind of personal data. Pure: text in, spans out; it knows no database and keeps nothing of what was read.

    Two texts stay behind in the caches of this module, until the next ones come.
    """

    name: str
    kind: Kind
    title: str  # as people read it, in the plural

    def needs(self, text: str) -> bool:
        """A cheap test for what must be there. False: `find` would find nothing, and is not asked."""

    def find(self, text: str) -> Iterator[Span]:
        """The spans, in any order; they may overlap. Replacements in the text are hidden from it (`engine.hide`)."""


# Letters with their combining marks, which `\w` leaves out: names come decomposed from some keyboards and PDFs.
LETTER: Final = r"[^\W\d_\u0300-\u036f]"
WORD: Final = re.compile(r"[\w\u0300-\u036f]+")
_ASCII_WORD: Final = re.compile(r"\w+", re.ASCII)
_DIGIT: Final = re.compile(r"\d")


def folded(word: str) -> str:
    """As words are compared: composed (NFC), in lower case."""
    return word.lower() if word.isascii() else unicodedata.normalize("NFC", word).casefold()


# Several detectors ask the same of one text, one after the other: each is worked out once. Whether a cue is there is
# then one look into a set; measured, that is what makes a text without personal data cheap.


@lru_cache(maxsize=2)
def cased_words_of(text: str) -> frozenset[str]:
    """The words of a text as they are written."""
    return frozenset((_ASCII_WORD if text.isascii() else WORD).findall(text))


@lru_cache(maxsize=2)
def words_of(text: str) -> frozenset[str]:
    """The words of a text, folded."""
    return frozenset(map(str.lower if text.isascii() else folded, cased_words_of(text)))


@lru_cache(maxsize=2)
def _lowered(text: str) -> str:
    return text.lower()


@lru_cache(maxsize=2)
def _places(text: str) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for match in WORD.finditer(text):
        places.setdefault(folded(match[0]), []).append(match.start())
    return places


def places_of(word: str, text: str) -> Iterator[int]:
    """Where a word, one of `words_of(text)`, begins."""
    if not text.isascii():  # folding may change how long a text is
        yield from _places(text)[word]
        return
    lowered = _lowered(text)
    place = lowered.find(word)
    while place >= 0:
        before = lowered[place - 1] if place else " "
        if not (before.isalnum() or before == "_"):
            yield place
        place = lowered.find(word, place + 1)


def matches_at(words: frozenset[str], pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Matches of a pattern that begins with one of the words: tried only where one of them stands.

    Letting the pattern look for itself takes ten times as long, for it begins with a choice of a hundred words.
    """
    for word in words & words_of(text):
        for place in places_of(word, text):
            if match := pattern.match(text, place):
                yield match


@lru_cache(maxsize=2)
def count_digits(text: str) -> int:
    return len(_DIGIT.findall(text))


def has_one_of(text: str, words: frozenset[str]) -> bool:
    return not words.isdisjoint(words_of(text))


def word_set(text: str) -> frozenset[str]:
    """The words of a list, to compare with `words_of`."""
    return frozenset(map(folded, text.split()))

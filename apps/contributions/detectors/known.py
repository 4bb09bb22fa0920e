"""Layer 2, the cheapest gain: what is known to be personal (names, companies, numbers) is found wherever it stands.

The same matcher carries what was found once in a conversation to the places where nothing announces it.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from apps.contributions.detectors.base import WORD, Kind, Span, folded, words_of
from apps.contributions.detectors.words import AMBIGUOUS, COMMON_SURNAMES, LEGAL_FORMS, NO_NAMES, PARTICLES, TITLES

_NAMES: Final = frozenset({Kind.PERSON, Kind.BUSINESS, Kind.ADDRESS})
_SOFT_GAP = re.compile(r"[\s.,'’&/-]{1,3}")
_LEAST_LETTERS = 3  # of a part of a name that stands alone
_MOST_WORDS: Final = 40  # of one value: whoever repeats himself ten thousand times must not be looked for at each
_LEAST_EXACT: Final = 4  # characters of what is no name: three digits are any number
# Digits by which telephone numbers are compared: without the country, and without the zero before the area.
_TAIL: Final = 8
_LEAST_TAIL: Final = 6


class KnownValue(NamedTuple):
    kind: Kind
    value: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """A sequence of words to find. The first two are the key it is stored under."""

    kind: Kind
    rest: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()  # what stands between the words; names are not held to it
    before: str = ""
    after: str = ""
    needs_capital: bool = False
    needs_sentence: bool = False  # a word that is also something else: not where a sentence begins


class KnownValues:
    """Compiled once for an organization: a look-up by the first two words, however many values there are."""

    def __init__(self, values: Iterable[KnownValue] = ()) -> None:
        self._firsts: set[str] = set()
        self._entries: defaultdict[tuple[str, ...], dict[_Entry, None]] = defaultdict(dict)
        self._phones: set[str] = set()
        self._seen: set[KnownValue] = set()
        self.add(values)

    def __bool__(self) -> bool:
        return bool(self._seen)

    def add(self, values: Iterable[KnownValue]) -> bool:
        """Whether any of them was new."""
        size = len(self._seen)
        for value in values:
            if value not in self._seen:
                self._seen.add(value)
                self._compile(value)
        return len(self._seen) > size

    def find(self, text: str) -> Iterator[Span]:
        if self._phones:
            yield from self._find_phones(text)
        if self._firsts.isdisjoint(words_of(text)):
            return
        places = [(match.start(), match.end()) for match in WORD.finditer(text)]
        keys = [folded(text[start:end]) for start, end in places]
        for position, key in enumerate(keys):
            if key in self._firsts:
                for entry in self._candidates(keys[position : position + 2]):
                    if span := _match(entry, text, places, keys, position):
                        yield span

    def _candidates(self, pair: list[str]) -> Iterator[_Entry]:
        for size in range(1, len(pair) + 1):
            yield from self._entries.get(tuple(pair[:size]), ())

    def _compile(self, known: KnownValue) -> None:
        if known.kind == Kind.PHONE:
            digits = re.sub(r"\D", "", known.value).lstrip("0")
            if len(digits) >= _LEAST_TAIL:
                self._phones.add(digits[-_TAIL:])
            return
        value = unicodedata.normalize("NFC", known.value).strip()
        for key, entry in _entries_of(known.kind, value):
            self._firsts.add(key)
            self._entries[(key, *entry.rest[:1])][entry] = None

    def _find_phones(self, text: str) -> Iterator[Span]:
        """Groups of digits, joined as numbers are written, whose last digits are those of a known number."""
        groups = [(match.start(), match.end()) for match in re.finditer(r"\d+", text)]
        for first in range(len(groups)):
            digits = ""
            for last in range(first, min(first + 8, len(groups))):
                if last > first and not re.fullmatch(
                    r"[ \u00a0()./+-]{1,3}", text[groups[last - 1][1] : groups[last][0]]
                ):
                    break
                digits += text[slice(*groups[last])]
                if self._is_phone(digits):
                    yield Span(groups[first][0], groups[last][1], Kind.PHONE)

    def _is_phone(self, digits: str) -> bool:
        plain = digits.lstrip("0")
        return _LEAST_TAIL <= len(plain) <= 15 and (plain[-_TAIL:] in self._phones)


def _match(entry: _Entry, text: str, places: list[tuple[int, int]], keys: list[str], position: int) -> Span | None:
    size = len(entry.rest)
    if tuple(keys[position + 1 : position + 1 + size]) != entry.rest:
        return None
    is_name = entry.kind in _NAMES
    for number, gap in enumerate(entry.gaps):
        between = text[places[position + number][1] : places[position + number + 1][0]]
        if between != gap and not (is_name and _SOFT_GAP.fullmatch(between)):
            return None
    start, end = places[position][0], places[position + size][1]
    if entry.needs_capital and not text[start].isupper():
        return None
    if entry.needs_sentence and begins_sentence(text, start):
        return None
    if entry.before and text.endswith(entry.before, 0, start):
        start -= len(entry.before)
    if entry.after and text.startswith(entry.after, end):
        end += len(entry.after)
    while end < len(text) and unicodedata.category(text[end]).startswith("M"):
        end += 1  # vowel signs and other marks belong to the letter before them
    return Span(start, end, entry.kind)


def begins_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip(" \t\u00a0\"'“„«([")
    return not before or before[-1] in ".!?:;\n\x00…•*-–"


def _entries_of(kind: Kind, value: str) -> Iterator[tuple[str, _Entry]]:
    matches = list(WORD.finditer(value))
    if not 0 < len(matches) <= _MOST_WORDS or (kind not in _NAMES and len(value) < _LEAST_EXACT):
        return
    words = [folded(match[0]) for match in matches]
    if len(words) == 1 and kind in _NAMES:
        yield from _alone(kind, words[0], is_whole=True)
        return
    gaps = tuple(value[left.end() : right.start()] for left, right in pairwise(matches))
    before, after = value[: matches[0].start()], value[matches[-1].end() :]
    yield words[0], _Entry(kind, tuple(words[1:]), gaps, before, after)
    yield from _parts(kind, value, words, gaps)


def _parts(kind: Kind, value: str, words: list[str], gaps: tuple[str, ...]) -> Iterator[tuple[str, _Entry]]:
    if kind == Kind.PERSON:
        for word in words:
            yield from _alone(kind, word)
        if len(words) == 2:
            yield words[1], _Entry(kind, (words[0],), (" ",), needs_capital=True)  # Weber, Anna
    elif kind == Kind.BUSINESS:
        bare = list(words)
        while bare and bare[-1] in LEGAL_FORMS:
            bare.pop()
        if len(bare) == 1:
            yield from _alone(kind, bare[0])
        elif len(bare) < len(words):
            yield bare[0], _Entry(kind, tuple(bare[1:]), gaps[: len(bare) - 1])
    elif kind == Kind.ADDRESS:
        street = re.split(r"[,\n]", value)[0]
        parts = [folded(word) for word in WORD.findall(street)]
        if 2 <= len(parts) < len(words) and any(map(str.isdigit, street)):
            yield parts[0], _Entry(kind, tuple(parts[1:]), gaps[: len(parts) - 1])


def _alone(kind: Kind, word: str, *, is_whole: bool = False) -> Iterator[tuple[str, _Entry]]:
    """A name of one word, or one word of a name: nothing if it is too short or says too little."""
    if len(word) < _LEAST_LETTERS or word in NO_NAMES or word in PARTICLES or word in TITLES or word.isdigit():
        return
    if word in AMBIGUOUS or word in COMMON_SURNAMES:
        yield word, _Entry(kind, needs_capital=True, needs_sentence=True)
    else:
        yield word, _Entry(kind, needs_capital=not is_whole or kind != Kind.PERSON)


NOTHING: Final = KnownValues()

"""Reading a text with the gazetteer in hand: which of its words are names, judged by case, place and neighbours."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from apps.contributions.detectors.base import folded, word_set, words_of
from apps.contributions.detectors.cues import PLAIN
from apps.contributions.detectors.gazetteer import Gazetteer, load
from apps.contributions.detectors.words import (
    AMBIGUOUS,
    COMMON_SURNAMES,
    GERMAN,
    NO_NAMES,
    PARTICLES,
    PLACES_AND_TIMES,
)

_TOKEN = re.compile(PLAIN)
_WITH = word_set("""
    with ask asked tell told thank thanks called named friend colleague brother sister husband wife boss manager son
    daughter uncle aunt mother father mum dad give gave
""")
_PERHAPS_WITH = word_set("and or for from to by cc")
_GOES_ON = word_set("please and or about who is was has will if when because")
_DOES = word_set("""
    said says told asked asks called wrote emailed thinks wants agreed replied promised
""")
_GERMAN_SURNAME = re.compile(
    r"(?:mann|meie?r|mayer|bauer|ski|sky|ić|ic|ov|ova|sen|oğlu|czyk|escu|idis|ian|ez|huber|stein|berger|müller)$"
)


_DETERMINERS = word_set("""
    the a an this that every each my your our their her his der die das le la les el los il lo un une una
""")


class Word(NamedTuple):
    start: int
    end: int
    text: str
    key: str  # as the gazetteer spells it

    @property
    def has_capital(self) -> bool:
        return self.text[0].isupper() and not (self.text[1:] != self.text[1:].lower() and not self._is_compound)

    @property
    def _is_compound(self) -> bool:
        """McDonald, O'Neill, Al-Harbi, or all in capitals; not PayPal or iPhone."""
        return (
            self.text.isupper()
            or self.text.startswith(("Mc", "Mac", "De", "Di", "La", "Le", "Van"))
            or not self.text.isalpha()
        )


def words_between(text: str, start: int, end: int) -> list[Word]:
    return [Word(found.start(), found.end(), found[0], folded(found[0])) for found in _TOKEN.finditer(text, start, end)]


class Reading:
    """One pass over a text with the gazetteer in hand."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = words_between(text, 0, len(text))
        self.gazetteer: Gazetteer = load()
        self.is_german = len(GERMAN & words_of(text)) > 1

    def names(self) -> Iterator[tuple[int, int]]:
        position = 0
        while position < len(self.words):
            last = self._last_of_name(position)
            if last is None:
                position += 1
                continue
            yield self.words[position].start, self.words[last].end
            position = last + 1

    def _last_of_name(self, first: int) -> int | None:
        """The position of the name's last word, if one begins here."""
        word = self.words[first]
        if not self._is_given(word):
            return None
        if not word.text[0].isupper():
            return first + 1 if self._is_small_pair(first) else None
        if not word.has_capital:
            return None
        last = self._extended(first)
        if word.key in AMBIGUOUS or word.key in NO_NAMES:
            return last if self._is_meant(first, last) else None
        return last

    def _is_given(self, word: Word) -> bool:
        given = self.gazetteer.given
        return word.key in given or ("-" in word.key and word.key.split("-")[0] in given)

    def _is_small_pair(self, first: int) -> bool:
        """anna weber: both in the gazetteer, neither an ordinary word."""
        if first + 1 >= len(self.words) or not self._are_joined(first):
            return False
        pair = {self.words[first].key, self.words[first + 1].key}
        is_surname = self.words[first + 1].key in self.gazetteer.surnames
        return is_surname and pair.isdisjoint(AMBIGUOUS | NO_NAMES | COMMON_SURNAMES) and min(map(len, pair)) > 2

    def _are_joined(self, left: int) -> bool:
        return self.text[self.words[left].end : self.words[left + 1].start] in {" ", "\u00a0", ". "}

    def _extended(self, first: int) -> int:
        last = first
        while last + 1 < len(self.words) and last - first < 4 and self._are_joined(last):
            following = self.words[last + 1]
            if following.text in PARTICLES and last + 2 < len(self.words) and self._ends_in_name(last + 2):
                last += 2
            elif self._continues(last + 1):
                last += 1
            else:
                break
        return last

    def _ends_in_name(self, position: int) -> bool:
        words = self.words[position : position + 2]
        return any(word.has_capital and word.key not in NO_NAMES for word in words) and self._are_joined(position - 1)

    def _continues(self, position: int) -> bool:
        word = self.words[position]
        if not word.has_capital or word.key in NO_NAMES:
            return False
        if len(word.text) == 1:
            return self.text[word.end : word.end + 1] == "."
        if word.key in self.gazetteer.surnames or word.key in self.gazetteer.given:
            return True
        return not self.is_german or _GERMAN_SURNAME.search(word.key) is not None

    def _is_meant(self, first: int, last: int) -> bool:
        """Whether a word that is also something else is a name here, by its neighbours."""
        word = self.words[first]
        if last > first:
            return self._has_surname(first, last)
        if self._starts_sentence(first) or word.key in NO_NAMES:
            return self._does_something(first)
        before = self.words[first - 1].key
        if word.key in PLACES_AND_TIMES or self.is_german:
            return self._does_something(first) and before not in _DETERMINERS
        if before in _PERHAPS_WITH:
            return self._ends_here(first)
        return before not in _DETERMINERS and (before in _WITH or self._does_something(first))

    def _ends_here(self, position: int) -> bool:
        """Nothing follows that the word could belong to: "for Jack, please", not "and Jasmine rice"."""
        after = self.text[self.words[position].end :].lstrip(" ")
        return not after[:1].isalnum() or self.words[position + 1].key in _GOES_ON

    def _has_surname(self, first: int, last: int) -> bool:
        keys = [word.key for word in self.words[first + 1 : last + 1]]
        surnames = self.gazetteer.surnames
        return any(key in surnames and key not in AMBIGUOUS and key not in COMMON_SURNAMES for key in keys)

    def _does_something(self, position: int) -> bool:
        return position + 1 < len(self.words) and self.words[position + 1].key in _DOES

    def _starts_sentence(self, position: int) -> bool:
        if position == 0:
            return True
        gap = self.text[self.words[position - 1].end : self.words[position].start]
        return any(sign in gap for sign in '.!?:;\n"“„(')

"""Names of people: behind words that announce one, and from the gazetteer. The layer that leaks most: a name that
stands in no list, with no such word before it, is not found."""

import re
from collections.abc import Iterator

from apps.contributions.detectors.base import (
    Kind,
    Span,
    cased_words_of,
    folded,
    has_one_of,
    matches_at,
    word_set,
    words_of,
)
from apps.contributions.detectors.cues import (
    CAPITALS,
    CUE_WORDS,
    CUES,
    DEED,
    DEEDS,
    I_AM,
    I_AM_SMALL,
    I_AM_SMALL_STARTS,
    I_AM_SMALL_WORDS,
    I_AM_STARTS,
    I_AM_WORDS,
    INITIALS,
    NAMED_SMALL,
    NAMED_SMALL_STARTS,
    NAMED_WORDS,
    Cue,
)
from apps.contributions.detectors.gazetteer import load
from apps.contributions.detectors.reading import Reading, Word, words_between
from apps.contributions.detectors.words import NO_NAMES, PLACES_AND_TIMES, TITLES


class Persons:
    name = "persons"
    kind = Kind.PERSON
    title = "Names of people"

    def needs(self, text: str) -> bool:
        return has_one_of(text, CUE_WORDS) or not CAPITALS.isdisjoint(cased_words_of(text)) or load().has_given(text)

    def find(self, text: str) -> Iterator[Span]:
        for start, end in _places(text):
            yield Span(start, end, self.kind)


def _places(text: str) -> Iterator[tuple[int, int]]:
    words = words_of(text)
    for match in _announced(text, words):
        yield from _kept(text, *match.span("name"))
    if not DEEDS.isdisjoint(words):
        for match in DEED.finditer(text):
            yield from _kept(text, *match.span("name"))
    if not CAPITALS.isdisjoint(cased_words_of(text)) and "." in text:
        yield from _initialled(text)
    yield from _introduced(text, words)
    if load().has_given(text):
        yield from Reading(text).names()


def _announced(text: str, words: frozenset[str]) -> Iterator[re.Match[str]]:
    for cue in CUES:
        if _may_be(cue, text, words):
            for match in matches_at(cue.starts, cue.pattern, text):
                if not cue.is_label or _begins_line(match):
                    yield match


def _may_be(cue: Cue, text: str, words: frozenset[str]) -> bool:
    if cue.is_label:
        return ":" in text
    return not cue.words or not cue.words.isdisjoint(words)


def _begins_line(match: re.Match[str]) -> bool:
    before = match.string[max(0, match.start() - 9) : match.start()].rstrip(" \t")
    return not before or before[-1] in "\n;|,(./"


def _kept(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Of what stands behind a cue, the words up to the first that is no name: of "Dear Customer", nothing."""
    kept: list[Word] = []
    for word in words_between(text, start, end):
        if not kept and word.key in TITLES:
            continue
        if (word.key in NO_NAMES and not (word.key in load().given and kept)) or _is_shouted(word, kept):
            break
        if word.text[0].isupper() and not word.has_capital:
            break
        kept.append(word)
    while kept and (kept[-1].text[0].islower() or kept[-1].key in TITLES):
        kept.pop()
    if kept and len(max(kept, key=lambda word: len(word.text)).text) > 1:
        yield kept[0].start, kept[-1].end


def _is_shouted(word: Word, kept: list[Word]) -> bool:
    """ATM, URGENT, I'd: in capitals, and no name that is known."""
    if not word.text.isupper() or len(word.text) == 1:
        return word.key.startswith(("i'", "i’"))
    return not (kept or word.key in load().given)


def _initialled(text: str) -> Iterator[tuple[int, int]]:
    for match in INITIALS.finditer(text):
        name = folded(match["name"])
        is_name = name in load().surnames or not _is_numbered(match)
        if name not in NO_NAMES and len(name) > 2 and is_name:
            yield match.span()


def _is_numbered(match: re.Match[str]) -> bool:
    """ "A. Add", "B. Fix": a list, with a letter for a number."""
    line = match.string[: match.start()].rpartition("\n")[2]
    return match[0].count(".") == 1 and not any(map(str.isalnum, line))


def _introduced(text: str, words: frozenset[str]) -> Iterator[tuple[int, int]]:
    if not I_AM_WORDS.isdisjoint(words):
        yield from _introduced_with_capital(text)
    if not I_AM_SMALL_WORDS.isdisjoint(words) and not load().certain.isdisjoint(words):
        for match in matches_at(I_AM_SMALL_STARTS, I_AM_SMALL, text):
            yield from _small(text, *match.span("name"), is_sure=False)
    if not NAMED_WORDS.isdisjoint(words):
        for match in matches_at(NAMED_SMALL_STARTS, NAMED_SMALL, text):
            yield from _small(text, *match.span("name"), is_sure=True)


def _introduced_with_capital(text: str) -> Iterator[tuple[int, int]]:
    """After "I'm" much else has a capital letter: a name is of two words, or in the gazetteer, or says where from."""
    for match in matches_at(I_AM_STARTS, I_AM, text):
        for start, end in _kept(text, *match.span("name")):
            words = words_between(text, start, end)
            if len(words) > 1 or match["next"] or _is_given(words[0]):
                yield start, end


def _is_given(word: Word) -> bool:
    return word.key in load().given and word.key not in PLACES_AND_TIMES


def _small(text: str, start: int, end: int, *, is_sure: bool) -> Iterator[tuple[int, int]]:
    """A name typed without capital letters: its first word must be a given name, or the cue leave no doubt."""
    first, *others = words_between(text, start, end)
    if first.text[0].isupper() or first.key in _NO_SMALL_NAMES:
        return
    if not is_sure and first.key not in load().certain:
        return
    second = others[0] if others and others[0].key not in _NO_SMALL_NAMES else None
    yield start, second.end if second else first.end


# After "my name is" and behind a first name, where nothing has a capital letter.
_NO_SMALL_NAMES = NO_NAMES | word_set("""
    calling from speaking want wants wanted using trying having new here ich i we and und et y e in of i'll i've
    really just living will would can could do did got get need needed send said
    wrong spelled spelt misspelled spelling missing incorrect written printed still different too already also now hard
    difficult long short unique changed shown displayed listed registered used taken known falsch anders geschrieben
    nicht mal incorrecto otro otra autre mal sbagliato scritto on at to for with about so
""")

"""Which of many conversation pairs to show a model before it answers (AV2). Deterministic; asks no model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from apps.personas.enums import PatternType
from apps.personas.tasks.wording import words_of

MOST = 20  # AV2: up to 20 pairs
CONSIDERED = 1000  # pairs that are compared with each other; of more, every n-th
STORY_WORDS = 40  # an answer as long as that tells something
GREETINGS = re.compile(
    r"^\W*(hi|hello|hey|good (morning|afternoon|evening)|welcome|nice to meet you"
    r"|hallo|guten (morgen|tag|abend)|moin|servus|salut|bonjour|bonsoir|hola|buen[oa]s|ciao|buongiorno)\b",
    re.IGNORECASE,
)
LAUGHTER = re.compile(
    r"\b(ha){2,}|\b(he){2,}\b|\blol\b|\brofl\b|\bjoke\b|\bkidding\b|\bwitz\b|[😂🤣😆😅😜😹]", re.IGNORECASE
)


@dataclass(frozen=True)
class Pair:
    """What somebody said, and what the persona's speaker answered."""

    user_message: str
    assistant_message: str


def pattern_of(pair: Pair) -> PatternType:
    """What a pair shows, by its words: the first that fits of joke, greeting, story, question, else a statement."""
    said, answered = pair.user_message, pair.assistant_message
    if LAUGHTER.search(answered) or LAUGHTER.search(said):
        return PatternType.JOKE
    if GREETINGS.search(answered) or GREETINGS.search(said):
        return PatternType.GREETING
    if len(answered.split()) >= STORY_WORDS:
        return PatternType.STORY
    return PatternType.QUESTION if "?" in said else PatternType.STATEMENT


def choose_diverse(pairs: Sequence[Pair], *, most: int = MOST) -> list[Pair]:
    """At most `most` pairs that differ from each other, in the order of the conversation.

    Farthest-point selection: the first is the pair most like all others, then always the one that is least like those
    chosen already, where a pattern type that is not shown yet goes before one that is. Ties go to the earlier pair.
    """
    considered = list(dict.fromkeys(pairs))[:: max(1, len(pairs) // CONSIDERED)]
    if not considered:
        return []
    words = [_words(pair) for pair in considered]
    patterns = [pattern_of(pair) for pair in considered]
    chosen = [_most_typical(words)]
    nearest = [_alike(words[chosen[0]], one) for one in words]
    while len(chosen) < min(most, len(considered)):
        shown = {patterns[index] for index in chosen}
        rest = [index for index in range(len(considered)) if index not in chosen]
        best = min(rest, key=lambda index: (patterns[index] in shown, nearest[index], index))
        chosen.append(best)
        nearest = [max(before, _alike(words[best], one)) for before, one in zip(nearest, words, strict=True)]
    return [considered[index] for index in sorted(chosen)]


def diversity_of(pairs: Sequence[Pair]) -> float | None:
    """How different the pairs are, 0 to 1 (AV12): the mean Jaccard distance of their words; None for fewer than two."""
    words = [_words(pair) for pair in pairs[:CONSIDERED]]
    if len(words) < 2:
        return None
    distances = [1 - _alike(one, other) for one, other in combinations(words, 2)]
    return round(sum(distances) / len(distances), 4)


def _words(pair: Pair) -> frozenset[str]:
    return frozenset(words_of(f"{pair.user_message} {pair.assistant_message}"))


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard's coefficient of two sets of words."""
    return len(one & other) / len(one | other) if one | other else 1.0


def _most_typical(words: Sequence[frozenset[str]]) -> int:
    """The pair that shares most words with the whole; the earliest of several."""
    counts: dict[str, int] = {}
    for one in words:
        for word in one:
            counts[word] = counts.get(word, 0) + 1
    typical = [sum(counts[word] for word in one) / (len(one) or 1) for one in words]
    return typical.index(max(typical))

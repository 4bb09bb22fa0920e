"""How alike two texts are worded: shared by the tasks whose right answer is a text."""

import re

from rapidfuzz.distance import Indel

# A word, or a single character of a script that is written without spaces, or a mark (an emoji says something too).
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|[^\w\s]")


def words_of(text: str) -> list[str]:
    """What is compared; capitals do not count."""
    return WORD.findall(text.casefold())


def shared_wording(one: str, other: str) -> float:
    """How many words of two texts are the same, in the same order, from 0 to 1: ROUGE-L's F-measure (Lin, 2004).

    Twice the length of the longest common subsequence of words, over the words of both. It says how alike two texts
    are worded and nothing about whether one of them is good: the same thing said in other words scores low, and "not"
    in the wrong place costs next to nothing. Texts about different things still share the little words: 0 is rare.
    """
    return float(Indel.normalized_similarity(words_of(one), words_of(other)))

"""Which texts are nearly the same: found by MinHash and locality-sensitive hashing, then compared letter by letter."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Indel
from rensa import RMinHash, RMinHashLSH

# Two texts are nearly the same from here: twice the longest common subsequence of their letters, over the letters of
# both. A word of ten may differ, or a letter in each; so may "not", which is why people look before anything happens.
THRESHOLD = 0.9
SEED = 20_261_120  # fixed: the same texts give the same answer in every run
PERMUTATIONS, BANDS = 128, 32  # four a band: texts that share 0.6 of their shingles meet with a chance of 0.99
SHINGLE = 4  # letters
MAX_COMPARED = 5_000  # letters of a longer text: its first and its last half of them
INDEXED_A_ROOT = 50  # texts like one root that are looked up later; more of them find nothing that these do not
BETWEEN_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Text:
    """What is compared: the question, and what was said before it. Both must be nearly the same."""

    question: str
    before: str = ""

    @property
    def whole(self) -> str:
        return f"{self.before}\n{self.question}" if self.before else self.question


def normal_text(question: str, before: str = "") -> Text:
    """Without capitals, punctuation and double spaces; what is nothing but marks stays as it is."""
    return Text(_normal(question), _normal(before))


def _normal(text: str) -> str:
    words = BETWEEN_WORDS.sub(" ", text.casefold()).strip() or text.strip()
    half = MAX_COMPARED // 2
    return words if len(words) <= MAX_COMPARED else f"{words[:half]} {words[-half:]}"


def are_near(one: Text, other: Text) -> bool:
    return all(
        Indel.normalized_similarity(mine, its, score_cutoff=THRESHOLD) >= THRESHOLD
        for mine, its in ((one.question, other.question), (one.before, other.before))
    )


class NearTexts:
    """Texts in the order of their age. Each that is nearly the same as an older one belongs to that one's root."""

    def __init__(self) -> None:
        self._lsh = RMinHashLSH(threshold=0.5, num_perm=PERMUTATIONS, num_bands=BANDS)
        self._texts: dict[int, Text] = {}  # that may be found
        self._root: dict[int, int] = {}  # of each of them; its own, if it is one
        self._same: dict[Text, int] = {}  # exactly these words, the oldest
        self._indexed: Counter[int] = Counter()  # by root

    def add(self, texts: Sequence[tuple[int, Text, bool]]) -> list[int | None]:
        """The root of each, or None if it is one itself. ``(id, text, stands alone)``, in ascending order of ids: what
        stands alone belongs to nothing older, and later texts may belong to it."""
        shingled = [_shingles(text.whole) for _, text, _ in texts]
        hashes = RMinHash.from_token_sets(shingled, PERMUTATIONS, SEED)
        return [self._add(*each, minhash) for each, minhash in zip(texts, hashes, strict=True)]

    def _add(self, pk: int, text: Text, alone: bool, minhash: RMinHash) -> int | None:
        match = None if alone else self._match(text, minhash)
        root = pk if match is None else self._root[match]
        if self._indexed[root] < INDEXED_A_ROOT and text not in self._same:
            self._texts[pk], self._root[pk] = text, root
            self._lsh.insert(pk, minhash)
            self._indexed[root] += 1
        if alone or text not in self._same:
            self._same[text] = pk
            self._root[pk] = root
        return None if match is None else root

    def _match(self, text: Text, minhash: RMinHash) -> int | None:
        """The oldest that is nearly the same."""
        if (same := self._same.get(text)) is not None:
            return same
        candidates = sorted(self._lsh.query(minhash))
        return next((pk for pk in candidates if are_near(text, self._texts[pk])), None)


def _shingles(text: str) -> list[str]:
    return list({text[place : place + SHINGLE] for place in range(max(1, len(text) - SHINGLE + 1))})

"""Prompts and the answers given to them, in an SQLite FTS5 index: one file per model, or in memory for one call."""

import hashlib
import os
import re
import sqlite3
import threading
import unicodedata
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

NEIGHBOURS = 10
# A word that more than this share of the prompts contain says little and costs much.
COMMON_SHARE = 0.5
# The index reads one entry per prompt that contains a word. Rarest words first, until this many entries are read:
# on Banking77 held out every fifth row 0.824 at 5 ms, without the limit 0.832 at 9 ms and growing with the index.
MAX_ENTRIES = 6_000
MIN_WORDS = 3
MAX_WORDS = 200

# The index keeps no copy of the prompts (content=''): it only ever has to tell which ones are near.
SCHEMA = """
CREATE VIRTUAL TABLE prompts USING fts5(text, content='', tokenize='porter unicode61');
CREATE TABLE memories (id INTEGER PRIMARY KEY, answer INTEGER NOT NULL);
CREATE TABLE answers (id INTEGER PRIMARY KEY, content TEXT NOT NULL, times INTEGER NOT NULL);
CREATE TABLE words (word TEXT PRIMARY KEY, prompts INTEGER NOT NULL) WITHOUT ROWID;
"""
NEAREST = """
SELECT memories.id, answers.content, nearest.score FROM
    (SELECT rowid, rank AS score FROM prompts WHERE prompts MATCH ? ORDER BY rank LIMIT ?) AS nearest
JOIN memories ON memories.id = nearest.rowid JOIN answers ON answers.id = memories.answer
ORDER BY nearest.score
"""
WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """The different words of a text, in order, spelled as the index and the table of words know them."""
    return list(dict.fromkeys(WORD.findall(unicodedata.normalize("NFKC", text).lower())))


class Memory:
    """Read side: what was remembered near a prompt."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        (self.size,) = connection.execute("SELECT count(*) FROM memories").fetchone()

    def recall(self, prompt: str, *, leave_out: int = 0) -> str | None:
        """The answer that the ten nearest prompts (BM25) agree on, each voting with the square of its score.

        None when no prompt shares a word. `leave_out` is the id of a memory that does not vote.
        """
        votes: Counter[str] = Counter()
        neighbours = [row for row in self._nearest(prompt, NEIGHBOURS + bool(leave_out)) if row[0] != leave_out]
        for _, answer, score in neighbours[:NEIGHBOURS]:
            votes[answer] += score * score  # type: ignore[assignment]  # a Counter of floats counts as well
        return max(votes, key=votes.__getitem__) if votes else None  # a tie goes to the nearest

    def most_common(self) -> str | None:
        row = self.connection.execute("SELECT content FROM answers ORDER BY times DESC, id LIMIT 1").fetchone()
        return row[0] if row else None

    def _nearest(self, prompt: str, limit: int) -> list[tuple[int, str, float]]:
        words = self._telling_words(words_of(prompt)[:MAX_WORDS])
        if not words:
            return []
        query = " OR ".join(f'"{word}"' for word in words)  # letters and digits in quotes: nothing left to escape
        return self.connection.execute(NEAREST, (query, limit)).fetchall()

    def _telling_words(self, words: list[str]) -> list[str]:
        marks = ",".join("?" * len(words))
        known = dict(self.connection.execute(f"SELECT word, prompts FROM words WHERE word IN ({marks})", words))  # noqa: S608
        rarest_first = sorted(known, key=known.__getitem__)
        telling = [word for word in rarest_first if known[word] <= COMMON_SHARE * self.size] or rarest_first
        kept: list[str] = []
        entries = 0
        for word in telling:
            entries += known[word]
            if entries > MAX_ENTRIES and len(kept) >= MIN_WORDS:
                break
            kept.append(word)
        # A word never seen costs nothing, and its stem may have been seen.
        return kept + [word for word in words if word not in known]


class MemoryWriter:
    """Write side: remembers pairs of prompt and answer, then `finish`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        connection.executescript(SCHEMA)
        self._answers: dict[bytes, int] = {}  # by digest: distinct answers may be many and long
        self._times: Counter[int] = Counter()
        self._words: Counter[str] = Counter()
        self._size = 0

    def remember(self, prompt: str, answer: str) -> int:
        """The id of the new memory, counted from 1."""
        self._size += 1
        answer_id = self._answer_id(answer)
        self._times[answer_id] += 1
        self._words.update(words_of(prompt))
        text = unicodedata.normalize("NFKC", prompt)
        self.connection.execute("INSERT INTO prompts (rowid, text) VALUES (?, ?)", (self._size, text))
        self.connection.execute("INSERT INTO memories VALUES (?, ?)", (self._size, answer_id))
        return self._size

    def finish(self) -> Memory:
        execute_many = self.connection.executemany
        execute_many("UPDATE answers SET times = ? WHERE id = ?", ((n, id_) for id_, n in self._times.items()))
        execute_many("INSERT INTO words VALUES (?, ?)", self._words.items())
        self.connection.execute("INSERT INTO prompts (prompts) VALUES ('optimize')")
        self.connection.commit()
        return Memory(self.connection)

    def _answer_id(self, answer: str) -> int:
        digest = hashlib.blake2b(answer.encode(), digest_size=16).digest()
        if digest not in self._answers:
            self._answers[digest] = len(self._answers) + 1
            self.connection.execute("INSERT INTO answers VALUES (?, ?, 0)", (self._answers[digest], answer))
        return self._answers[digest]


@contextmanager
def memory_of(pairs: Iterable[tuple[str, str]]) -> Iterator[Memory]:
    """A memory of a few pairs that lasts for one call."""
    connection = sqlite3.connect(":memory:")
    try:
        writer = MemoryWriter(connection)
        for prompt, answer in pairs:
            writer.remember(prompt, answer)
        yield writer.finish()
    finally:
        connection.close()


@contextmanager
def new_memory_file(path: Path) -> Iterator[MemoryWriter]:
    """Write a memory file; it appears at `path` when the block ends well, and never half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    connection = sqlite3.connect(unfinished)
    try:
        # No journal: a crash leaves an unfinished file behind, which the next attempt or the sweep removes.
        connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")
        yield MemoryWriter(connection)
        connection.close()
        _make_durable(unfinished, path)
    finally:
        connection.close()
        unfinished.unlink(missing_ok=True)


def _make_durable(unfinished: Path, path: Path) -> None:
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)


class MemoryPool:
    """Open memory files of this process, read only. A memory is lent to one thread at a time."""

    def __init__(self, max_idle: int = 32) -> None:
        self.max_idle = max_idle
        self._lock = threading.Lock()
        self._idle: OrderedDict[tuple[Path, int], Memory] = OrderedDict()  # least recently used first
        # SQLite connections must not cross a fork; the child starts with none and leaves the parent's alone.
        self._inherited: list[Memory] = []
        os.register_at_fork(after_in_child=self._after_fork)

    @contextmanager
    def borrow(self, path: Path) -> Iterator[Memory]:
        """The memory at `path`; FileNotFoundError when there is none."""
        memory = self._take(path) or _open_memory(path)
        try:
            yield memory
        finally:
            self._give_back(path, memory)

    def forget(self, path: Path) -> None:
        with self._lock:
            for key in [key for key in self._idle if key[0] == path]:
                self._idle.pop(key).connection.close()

    def _take(self, path: Path) -> Memory | None:
        with self._lock:
            key = next((key for key in reversed(self._idle) if key[0] == path), None)
            return self._idle.pop(key) if key else None

    def _give_back(self, path: Path, memory: Memory) -> None:
        with self._lock:
            self._idle[path, id(memory)] = memory
            if len(self._idle) > self.max_idle:
                self._idle.popitem(last=False)[1].connection.close()

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        self._inherited += self._idle.values()
        self._idle = OrderedDict()


def _open_memory(path: Path) -> Memory:
    if not path.exists():
        raise FileNotFoundError(path)
    # immutable: the file never changes once it is there, so no locks and no look at the disk for changes
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    return Memory(connection)

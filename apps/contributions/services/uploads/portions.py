"""The text of an upload a portion at a time, by rules alone or with a model that falls back on them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from apps.common.batches import in_batches
from apps.common.errors import FlywheelError
from apps.contributions.formats.transcripts import Conversation, Turn
from apps.contributions.formats.transcripts.pairs import (
    MAX_HISTORY,
    MIN_WORDS,
    Pair,
    Pairing,
    count_words,
    extract_pairs,
    is_small_talk,
)
from apps.contributions.queries.materials import PERSONA, Material
from apps.contributions.services.uploads.asking import FIND_PAIRS, FoundPair, FoundPairs, Model, is_for_good
from apps.personas.tasks.base import Turn as Message

BATCH = 500  # pairs stored at once: their ids and hashes fit into one statement on any SQLite
PORTION = 6_000  # characters that a model reads at once: its answer repeats most of them
NOT_IN_TEXT = "not_in_text"  # what the model says was said, and was not


@dataclass(frozen=True)
class ReadPair:
    question: str
    answer: str
    history: tuple[Message, ...]
    conversation: str
    place: str  # among the upload's pairs: the same for the same pair, whenever it is read


@dataclass(frozen=True)
class Portion:
    """`done` of `total` portions or pairs, this one included."""

    pairs: list[ReadPair]
    dropped: dict[str, int]
    done: int
    total: int
    read_by: str
    notes: tuple[str, ...] = ()


@dataclass
class _Piece:
    """What a model reads at once, as it is written for it."""

    lines: list[str] = field(default_factory=list)
    conversations: list[Conversation] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def size(self) -> int:
        return sum(map(len, self.lines))


def portions_by_rules(material: Material, *, done: int) -> Iterator[Portion]:
    """All pairs after the first `done`, some at a time."""
    pairing = _pair(material.conversations, material.speaker)
    total, dropped = len(pairing.pairs), _plain(pairing)
    if not total:
        yield Portion([], dropped, 0, 0, "rules")
    for batch in in_batches(list(enumerate(pairing.pairs, start=1))[done:], BATCH):
        read = [_read(pair, material.speaker, str(number)) for number, pair in batch]
        yield Portion(read, {} if done else dropped, done + len(batch), total, "rules")
        done += len(batch)


def portions_by_model(material: Material, model: Model, *, done: int, must_answer: bool) -> Iterator[Portion]:
    """A portion for each piece after the first `done`. A piece that the model cannot do is done by the rules.

    ProviderError where asking again later may help, unless it `must_answer` now; and where no rule can read the text.
    """
    pieces = _pieces(material)
    for number, piece in enumerate(pieces[done:], start=done + 1):
        try:
            found = model.ask_json(FoundPairs, instructions=FIND_PAIRS, material=piece.text)
            pairs, dropped = _checked(found.pairs, piece, number)
            yield Portion(pairs, dropped, number, len(pieces), "model")
        except FlywheelError as error:
            if not (is_for_good(error) or must_answer) or not piece.conversations:
                raise
            yield _by_rules_after_all(material, piece, number, len(pieces), error)


def _by_rules_after_all(material: Material, piece: _Piece, number: int, total: int, error: FlywheelError) -> Portion:
    pairing = _pair(piece.conversations, material.speaker)
    read = [_read(pair, material.speaker, f"{number}-{at}") for at, pair in enumerate(pairing.pairs, start=1)]
    note = f"The model did not read all of it, and rules took its place: {error.message}"
    return Portion(read, _plain(pairing), number, total, "rules", (note,))


def _pair(conversations: Sequence[Conversation], speaker: str) -> Pairing:
    """Nothing where a part of the file is without the speaker."""
    if any(turn.speaker == speaker for one in conversations for turn in one.turns):
        return extract_pairs(conversations, persona=speaker)
    return Pairing([], Counter())


def _plain(pairing: Pairing) -> dict[str, int]:
    return {str(why): count for why, count in pairing.dropped.items()}


def _read(pair: Pair, speaker: str, place: str) -> ReadPair:
    history = tuple(
        Message(role="assistant" if turn.speaker == speaker else "user", content=turn.text) for turn in pair.history
    )
    return ReadPair(pair.question, pair.answer, history, pair.conversation, place)


# --- what a model is shown --------------------------------------------------------------------------------------------


def _pieces(material: Material) -> list[_Piece]:
    """Whole conversations, several in a piece; a long one over several. Nobody is called by their name."""
    if not material.conversations:
        return _pieces_of_text(material.text)
    pieces = [_Piece()]
    for conversation in material.conversations:
        for turns in _parts(conversation, material.speaker):
            lines = [f"Conversation {conversation.reference}", *(_line(turn, material.speaker) for turn in turns), ""]
            if pieces[-1].lines and pieces[-1].size + sum(map(len, lines)) > PORTION:
                pieces.append(_Piece())
            pieces[-1].lines += lines
            pieces[-1].conversations.append(Conversation(conversation.reference, tuple(turns)))
    return pieces


def _parts(conversation: Conversation, speaker: str) -> Iterator[list[Turn]]:
    """Its turns, parted only behind what the speaker says, so that no question loses its answer."""
    part: list[Turn] = []
    size = 0
    for turn in conversation.turns:
        part.append(turn)
        size += len(turn.text)
        if size > PORTION and turn.speaker == speaker:
            yield part
            part, size = [], 0
    if part:
        yield part


def _line(turn: Turn, speaker: str) -> str:
    return f"{PERSONA if turn.speaker == speaker else 'OTHER'}: {turn.text}"


def _pieces_of_text(text: str) -> list[_Piece]:
    pieces = [_Piece()]
    for line in text.split("\n"):
        for start in range(0, max(1, len(line)), PORTION):
            if pieces[-1].size > PORTION:
                pieces.append(_Piece())
            pieces[-1].lines.append(line[start : start + PORTION])
    return pieces


# --- what it says -----------------------------------------------------------------------------------------------------


def _checked(found: Sequence[FoundPair], piece: _Piece, number: int) -> tuple[list[ReadPair], dict[str, int]]:
    """The pairs that were said in the piece and say something, with what was said before in their conversation."""
    text, dropped, pairs = _bare(piece.text), Counter[str](), []
    before: defaultdict[int, list[Message]] = defaultdict(list)
    references = {one.reference for one in piece.conversations} or {"1"}
    for at, pair in enumerate(found, start=1):
        if why := _why_not(pair, text, references):
            dropped[why] += 1
        else:
            history = tuple(before[pair.conversation][-MAX_HISTORY:])
            pairs.append(ReadPair(pair.question, pair.answer, history, str(pair.conversation), f"{number}-{at}"))
            said = ("user", pair.question), ("assistant", pair.answer)
            before[pair.conversation] += [Message(role=role, content=content) for role, content in said]
    return pairs, dict(dropped)


def _why_not(pair: FoundPair, text: str, references: set[str]) -> str:
    if str(pair.conversation) not in references or not (
        _stands_in(pair.question, text) and _stands_in(pair.answer, text)
    ):
        return NOT_IN_TEXT
    if count_words(pair.question) < MIN_WORDS:
        return "short_question"
    if count_words(pair.answer) < MIN_WORDS:
        return "short_answer"
    return "small_talk" if is_small_talk(pair.question) or is_small_talk(pair.answer) else ""


def _stands_in(words: str, text: str) -> bool:
    """Line by line: between the lines of several messages stands who says them."""
    return all(_bare(line) in text for line in words.split("\n"))


def _bare(text: str) -> str:
    return " ".join(text.split()).casefold()

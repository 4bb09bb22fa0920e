"""Pairs of what was asked and what the persona's speaker answered, by rules alone (AV3): equal turns, equal pairs.

1. Turns in a row are one message each for the persona's speaker and for everybody else together.
2. A pair is a message of the others and the persona's next: what stands alone at either end is no exchange.
3. It is dropped where either message has fewer than 5 words, or is but a greeting, thanks or a goodbye.
4. It keeps the messages before it in its conversation, short ones included, since the answer may rest on them: the
   last 40, so that a chat of years does not weigh the square of its length.

A word is a run of letters or digits, with apostrophes and hyphens inside. In scripts that put no spaces between words,
two characters count as one.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from apps.common.errors import InvalidInput
from apps.contributions.formats.transcripts.base import Conversation, Turn
from apps.contributions.formats.transcripts.vocabulary import ANSWERING, PADDING, SMALL_TALK, UNSPACED_SMALL_TALK

MIN_WORDS = 5
MAX_HISTORY = 40  # messages
MAX_SMALL_TALK = 200  # characters: whoever writes more says something
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # Thai to Khmer, Kana, Han
WORD = re.compile(rf"[{UNSPACED}]{{1,2}}|[^\W_{UNSPACED}]+(?:['’\-][^\W_{UNSPACED}]+)*")
SMALL = re.compile(rf"(?<!\w)(?:{SMALL_TALK})(?!\w)|{UNSPACED_SMALL_TALK}")
MAX_NAME_WORDS = 1  # left beside small talk: who is greeted


class Dropped(StrEnum):
    """Why an exchange is no pair; of several reasons the first counts."""

    UNANSWERED = "unanswered"  # the conversation ends before the persona answers
    UNASKED = "unasked"  # the persona speaks first
    SHORT_QUESTION = "short_question"
    SHORT_ANSWER = "short_answer"
    SMALL_TALK = "small_talk"


@dataclass(frozen=True)
class Pair:
    question: str
    answer: str
    history: tuple[Turn, ...]  # the messages before the question, merged as for pairs
    conversation: str  # its reference
    position: int  # of the answer among the messages of the conversation, from 1


@dataclass(frozen=True)
class Pairing:
    pairs: list[Pair]
    dropped: Counter[Dropped]


@dataclass(frozen=True)
class Speaker:
    name: str
    turns: int
    words: int


def extract_pairs(conversations: Iterable[Conversation], *, persona: str) -> Pairing:
    """The pairs whose answers the speaker of that name gave; InvalidInput where nobody is called that."""
    known = list(conversations)
    _require_speaker(known, persona)
    pairs: list[Pair] = []
    dropped: Counter[Dropped] = Counter()
    for conversation in known:
        for found in _exchanges(conversation, persona):
            if isinstance(found, Pair):
                pairs.append(found)
            else:
                dropped[found] += 1
    return Pairing(pairs, dropped)


def speakers(conversations: Iterable[Conversation]) -> list[Speaker]:
    """Who speaks, and how much; who speaks most comes first."""
    turns: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for conversation in conversations:
        for turn in conversation.turns:
            turns[turn.speaker] += 1
            words[turn.speaker] += count_words(turn.text)
    return sorted((Speaker(name, turns[name], words[name]) for name in turns), key=lambda one: (-one.turns, one.name))


def guess_persona(found: Sequence[Speaker]) -> str | None:
    """The one speaker who is called what answers people ("assistant", "agent"); None: a person must say."""
    answering = [speaker.name for speaker in found if speaker.name.casefold() in ANSWERING]
    return answering[0] if len(answering) == 1 else None


def count_words(text: str) -> int:
    return sum(1 for _ in WORD.finditer(text))


def is_small_talk(text: str) -> bool:
    """Whether it greets, thanks or says goodbye, and beside that says no more than a name."""
    if len(text) > MAX_SMALL_TALK:
        return False
    rest, found = SMALL.subn(" ", text.casefold().replace("’", "'"))
    return found > 0 and sum(word[0] not in PADDING for word in WORD.finditer(rest)) <= MAX_NAME_WORDS


def _exchanges(conversation: Conversation, persona: str) -> Iterator[Pair | Dropped]:
    """Each answer of the persona as a pair or the reason why not; and what was never answered."""
    messages = _merge(conversation.turns, persona)
    for index, message in enumerate(messages):
        if message.speaker == persona:
            yield _judge(conversation, messages, index)
    if messages and messages[-1].speaker != persona:
        yield Dropped.UNANSWERED


def _judge(conversation: Conversation, messages: list[Turn], index: int) -> Pair | Dropped:
    if index == 0:
        return Dropped.UNASKED
    question, answer = messages[index - 1].text, messages[index].text
    if count_words(question) < MIN_WORDS:
        return Dropped.SHORT_QUESTION
    if count_words(answer) < MIN_WORDS:
        return Dropped.SHORT_ANSWER
    if is_small_talk(question) or is_small_talk(answer):
        return Dropped.SMALL_TALK
    return Pair(
        question,
        answer,
        tuple(messages[max(0, index - 1 - MAX_HISTORY) : index - 1]),
        conversation.reference,
        index + 1,
    )


def _merge(turns: Sequence[Turn], persona: str) -> list[Turn]:
    """One message for each run of turns of the persona or of others; it has the first one's speaker and time."""
    merged = []
    for _, run in groupby(turns, key=lambda turn: turn.speaker == persona):
        said = list(run)
        merged.append(Turn(said[0].speaker, "\n".join(turn.text for turn in said), said[0].at))
    return merged


def _require_speaker(conversations: Sequence[Conversation], persona: str) -> None:
    names = {turn.speaker for conversation in conversations for turn in conversation.turns}
    if persona not in names:
        raise InvalidInput(
            f"Nobody in these conversations is called {persona!r}.",
            resolution=f"Choose one of: {', '.join(sorted(names))[:500]}.",
            code="unknown_speaker",
        )

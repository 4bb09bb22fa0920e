"""How somebody speaks, counted from what they said: patterns, vocabulary and traits (AV1).

Everything here is counted, nothing guessed: it is what an analysis says where no language model is at hand, and what a
model's own description is checked against by whoever reads both.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
SHORT, LONG = 8, 30  # words of a message
OFTEN = 0.25  # the share of messages from which on something is a habit
RARELY = 0.02
SHOWN = 12
DISTINCT = 2  # how many times as often as the others somebody uses a word that is theirs
# Words that everybody uses say nothing about a speaker. English, German, French, Spanish: the little words only.
_LITTLE_WORDS = """
    a about after all also am an and any are as at be because been before being but by can could did do does don't
    for from get go going good had has have he her here him his how i i'd i'll i'm i've if in into is it it's its just
    know let like me more my no not now of off on one only or our out over really right she should so some than that
    that's the their them then there there's they think this those time to too up us very want was we well were what
    when where which who why will with would yeah yes you you're your
    aber als am an auch auf aus bei bin bis da das dass dein dem den der des dich die dir doch du ein eine einen einer
    er es für hat habe hast ich ihr im in ist ja kann mal man mein mich mir mit nach nicht noch nur oder schon sehr sich
    sie sind so und uns von war was wenn wer wie wir wird zu zum zur über
    au aux avec ce ces dans de des du elle en est et eux il je la le les leur lui ma mais me même mes moi mon ne nos
    nous on ou par pas pour qu que qui sa se ses son sur ta te tes toi ton tu un une vous
    al como con de del el ella en es esta este lo los las le más me mi muy no nos para pero por que se si sin su te tu
    un una y ya yo"""
LITTLE_WORDS = frozenset(_LITTLE_WORDS.split())


@dataclass(frozen=True)
class Style:
    """How a speaker speaks. Shares are of their messages, 0 to 1."""

    messages: int
    median_words: float
    vocabulary: int  # different words
    favourite_words: tuple[str, ...]  # the most frequent ones that not everybody uses
    phrases: tuple[str, ...]  # two words that keep coming together
    openings: tuple[str, ...]  # words that messages often begin with
    emoji: tuple[str, ...]
    emoji_share: float
    question_share: float
    exclamation_share: float
    lower_case_share: float  # messages that begin without a capital letter


def analyse_style(messages: Sequence[str], *, others: Sequence[str] = ()) -> Style:
    """Count what a speaker's messages have in common. Any number of messages, none included.

    `others` is what the people they talk with said: a word that these use nearly as often is nobody's favourite.
    """
    said = [message.strip() for message in messages if message.strip()]
    words = [_words_of(message) for message in said]
    common = Counter(word for message in others for word in _words_of(message))
    emoji = Counter(sign for message in said for sign in EMOJI.findall(message))
    return Style(
        messages=len(said),
        median_words=median([len(one) for one in words]) if words else 0.0,
        vocabulary=len({word for one in words for word in one}),
        favourite_words=_favourites(Counter(word for one in words for word in one), common),
        phrases=_repeated(" ".join(two) for one in words for two in pairwise(one) if not set(two) & LITTLE_WORDS),
        openings=_habits((" ".join(one[:2]) for one in words if len(one) > 1), len(said)),
        emoji=tuple(sign for sign, _ in emoji.most_common(SHOWN)),
        emoji_share=_share(bool(EMOJI.search(message)) for message in said),
        question_share=_share("?" in message for message in said),
        exclamation_share=_share("!" in message for message in said),
        lower_case_share=_share(message[0].islower() for message in said),
    )


def describe_style(style: Style) -> list[str]:
    """The style as instructions to a model, one sentence each; what is no habit is not mentioned."""
    return [
        *_length(style),
        *_signs(style),
        *_listed("Words you like", style.favourite_words),
        *_listed("Phrases of yours", style.phrases),
        *_listed("You often begin with", style.openings),
    ]


def _length(style: Style) -> list[str]:
    words = round(style.median_words)
    if style.median_words <= SHORT:
        return [f"You keep it short: about {words} words in a message."]
    kind = "You take your time" if style.median_words >= LONG else "You write messages of middling length"
    return [f"{kind}: about {words} words in a message."]


def _signs(style: Style) -> list[str]:
    habits = [
        (style.emoji_share >= OFTEN, f"You use emoji: {' '.join(style.emoji[:5])}"),
        (style.emoji_share < RARELY, "You use no emoji."),
        (style.question_share >= OFTEN, f"You ask back: {style.question_share:.0%} of your messages hold a question."),
        (style.exclamation_share >= OFTEN, "You are lively: exclamation marks come easily."),
        (style.exclamation_share < RARELY, "You hardly ever use an exclamation mark."),
        (style.lower_case_share >= 1 - OFTEN, "You begin messages without a capital letter."),
    ]
    return [sentence for is_habit, sentence in habits if is_habit]


def _listed(title: str, words: tuple[str, ...]) -> list[str]:
    return [f"{title}: {', '.join(words)}."] if words else []


def _words_of(message: str) -> list[str]:
    return [word.casefold() for word in WORD.findall(message)]


def _favourites(counts: Counter[str], common: Counter[str]) -> tuple[str, ...]:
    """Words of their own: with `common` words to compare with, those they use at least twice as often as others do."""
    weight = counts.total() / common.total() if common else 0.0
    own = {word: count for word, count in counts.items() if count >= DISTINCT * weight * common[word]}
    return _repeated_of(Counter({word: n for word, n in own.items() if word not in LITTLE_WORDS and len(word) > 2}))


def _repeated(items: Iterable[str]) -> tuple[str, ...]:
    return _repeated_of(Counter(items))


def _repeated_of(counts: Counter[str]) -> tuple[str, ...]:
    """What occurs at least three times, the most frequent first, equals by the alphabet."""
    frequent = sorted((-count, item) for item, count in counts.items() if count >= 3)
    return tuple(item for _, item in frequent[:SHOWN])


def _habits(openings: Iterable[str], messages: int) -> tuple[str, ...]:
    counts = Counter(openings)
    habits = sorted((-count, words) for words, count in counts.items() if count >= max(3, messages * 0.05))
    return tuple(words for _, words in habits[:5])


def _share(hits: Iterable[bool]) -> float:
    counted = list(hits)
    return round(sum(counted) / len(counted), 4) if counted else 0.0

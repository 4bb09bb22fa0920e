"""How much of what is personal is found: a set of sentences written for this, each span marked `{{kind:words}}`.

The set has two parts. `tuned.jsonl` was looked at while the detectors were written; of `held_out.jsonl` only the
figures were, never which sentences failed: those are the figures to quote. No name was taken from the gazetteer. Still,
one hand wrote the sentences and the detectors; texts from elsewhere will be harder.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from apps.common.intervals import wilson_interval
from apps.contributions.detectors.base import Kind, Span
from apps.contributions.detectors.documents import leaves, read
from apps.contributions.detectors.engine import find_in_conversation, keep_nothing

FOLDER: Final = Path(__file__).parent / "measured"
HELD_OUT: Final = FOLDER / "held_out.jsonl"
TUNED: Final = FOLDER / "tuned.jsonl"
FIGURES: Final = FOLDER / "measured.json"

_MARK = re.compile(r"\{\{(\w+):(.*?)\}\}", re.DOTALL)


@dataclass(frozen=True)
class Conversation:
    """`spans[i]` are the true spans of `texts[i]`."""

    texts: list[str]
    spans: list[list[Span]]


@dataclass(frozen=True)
class Share:
    """`found` of `n`, with the 95 % interval (Wilson)."""

    n: int
    found: int

    def as_json(self) -> dict[str, Any]:
        interval = wilson_interval(self.found, self.n)
        return {
            "n": self.n,
            "found": self.found,
            "share": round(self.found / self.n, 4) if self.n else None,
            "low": round(interval.low, 4),
            "high": round(interval.high, 4),
        }


def read_set(path: Path) -> list[Conversation]:
    with path.open(encoding="utf-8") as lines:
        return [_conversation(json.loads(line)["texts"]) for line in lines]


def read_figures() -> dict[str, Any]:
    """The measured figures; those under "held_out" are printed before anything leaves. Their shape: `figures`."""
    figures: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8"))
    return figures


def measure() -> dict[str, Any]:
    """The figures of both parts of the set, as they are stored."""
    return {"held_out": figures(read_set(HELD_OUT)), "tuned": figures(read_set(TUNED))}


def write_figures() -> None:
    FIGURES.write_text(json.dumps(measure(), indent=2) + "\n", encoding="utf-8")


def figures(conversations: Iterable[Conversation]) -> dict[str, Any]:
    """`recall` and `precision` by kind and for "all": n, found, share, low, high.

    The half-cover rule: a true span is found if half of its characters or more would be replaced, a span found is right
    if half of its characters or more are personal. What kind it is taken for does not count: what is replaced is gone.
    """
    true: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    found: Counter[str] = Counter()
    right: Counter[str] = Counter()
    texts = 0
    for conversation in conversations:
        texts += len(conversation.texts)
        for expected, actual in zip(conversation.spans, find_in_conversation(conversation.texts), strict=True):
            _count(expected, actual, of=true, covered=caught)
            _count(actual, expected, of=found, covered=right)
    return {
        "texts": texts,
        "recall": _shares(true, caught),
        "precision": _shares(found, right),
    }


def _count(spans: list[Span], others: list[Span], *, of: Counter[str], covered: Counter[str]) -> None:
    for span in spans:
        is_covered = 2 * _overlap(span, others) >= span.end - span.start
        for name in (span.kind.value, "all"):
            of[name] += 1
            covered[name] += is_covered


def _overlap(span: Span, others: list[Span]) -> int:
    """Characters of `span` that `others`, which do not overlap each other, cover."""
    return sum(max(0, min(span.end, other.end) - max(span.start, other.start)) for other in others)


def _shares(of: Counter[str], covered: Counter[str]) -> dict[str, Any]:
    names = [kind.value for kind in Kind] + ["all"]
    return {name: Share(of[name], covered[name]).as_json() for name in names}


def _conversation(marked: list[str]) -> Conversation:
    pairs = [_unmark(leaf.text) for text in marked for leaf in leaves(read(text, keep=keep_nothing))]
    return Conversation([text for text, _ in pairs], [spans for _, spans in pairs])


def _unmark(marked: str) -> tuple[str, list[Span]]:
    text, spans, end = "", [], 0
    for match in _MARK.finditer(marked):
        text += marked[end : match.start()]
        spans.append(Span(len(text), len(text) + len(match[2]), Kind(match[1])))
        text += match[2]
        end = match.end()
    return text + marked[end:], spans


def failures(conversations: Iterable[Conversation]) -> Iterator[str]:
    """For whoever works on the detectors: what was missed and what was taken wrongly, with its text."""
    for conversation in conversations:
        for text, expected, actual in zip(
            conversation.texts, conversation.spans, find_in_conversation(conversation.texts), strict=True
        ):
            for span in expected:
                if 2 * _overlap(span, actual) < span.end - span.start:
                    yield f"missed {span.kind}: {text[span.start : span.end]!r} in {text!r}"
            for span in actual:
                if 2 * _overlap(span, expected) < span.end - span.start:
                    yield f"wrong {span.kind}: {text[span.start : span.end]!r} in {text!r}"

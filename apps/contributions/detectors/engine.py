"""All layers together: spans found, overlaps settled, replaced, consistently in all texts of one conversation."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from apps.common.registry import Registry
from apps.contributions.detectors.base import REPLACEMENTS, Detector, Kind, Span
from apps.contributions.detectors.documents import Keep, Leaf, Path, leaves, read
from apps.contributions.detectors.known import NOTHING, KnownValue, KnownValues

DETECTORS: Registry[Detector] = Registry("detector")

_REPLACED = re.compile("|".join(re.escape(words) for words in REPLACEMENTS.values()))
_MARKS: Final = tuple(words[:5] for words in REPLACEMENTS.values())
_HIDDEN: Final = "\x00"  # no pattern takes it for a part of anything
# The most specific first.
_ORDER: Final = (
    Kind.URL,
    Kind.SECRET,
    Kind.IBAN,
    Kind.CARD,
    Kind.ID_NUMBER,
    Kind.EMAIL,
    Kind.IP,
    Kind.PHONE,
    Kind.BUSINESS,
    Kind.ADDRESS,
    Kind.PERSON,
)
_RANKS: Final = {kind: rank for rank, kind in enumerate(_ORDER)}
# What is recognised by itself need not be carried over.
_NOT_CARRIED: Final = frozenset({Kind.EMAIL, Kind.URL, Kind.IP})
_LEAST_SECRET: Final = 6  # characters: a PIN of four digits is any number elsewhere


@dataclass(frozen=True)
class Anonymised:
    texts: tuple[str, ...]
    counts: dict[Kind, int]  # how often something of that kind was replaced


@dataclass(frozen=True)
class AnonymisedJson:
    value: Any
    counts: dict[Kind, int]


def keep_nothing(_path: Path, _text: str) -> bool:
    return False


def hide(text: str) -> str:
    """The text, as long as it was, with what was replaced before blotted out: that is no personal data."""
    if not any(mark in text for mark in _MARKS):
        return text
    return _REPLACED.sub(lambda match: _HIDDEN * len(match[0]), text)


def find_spans(text: str, *, known: KnownValues = NOTHING) -> list[Span]:
    """What is personal in one text, in order, not overlapping; `known` is layer 2."""
    return _find(hide(text), known)


def find_in_conversation(texts: Sequence[str], *, known: KnownValues = NOTHING) -> list[list[Span]]:
    """As `find_spans` for each; what is found in one is found in the others, too, where nothing announces it."""
    hidden = [hide(text) for text in texts]
    spans = [_find(text, known) for text in hidden]
    found = KnownValues(_carried(texts, spans))
    if not found:
        return spans
    return [_settle(chain(own, found.find(text)), text) for own, text in zip(spans, hidden, strict=True)]


def anonymise(texts: Sequence[str], *, known: KnownValues = NOTHING, keep: Keep = keep_nothing) -> Anonymised:
    """All texts of one conversation or example together. Doing it again changes nothing.

    A text that is JSON is changed inside its string values only, never in a key, and stays valid; `keep` is asked with
    the keys on the way to a string and the string, and tells which of them machines read (codes, enum values).
    """
    nodes = [read(text, keep=keep) for text in texts]
    counts = _redact([leaf for node in nodes for leaf in leaves(node)], known)
    return Anonymised(tuple(node.render() for node in nodes), counts)


def anonymise_json(value: Any, *, known: KnownValues = NOTHING, keep: Keep = keep_nothing) -> AnonymisedJson:
    """A JSON value, taken as one conversation: only what stands inside its strings changes."""
    node = read(json.dumps([value]), keep=keep)
    counts = _redact(list(leaves(node)), known)
    return AnonymisedJson(json.loads(node.render())[0], counts) if counts else AnonymisedJson(value, counts)


def _redact(found_in: list[Leaf], known: KnownValues) -> dict[Kind, int]:
    """Until nothing is found any more: what was replaced may have stood between a cue and a name.

    It comes to an end, since each round takes letters away that are never given back.
    """
    counts: Counter[Kind] = Counter()
    carried = KnownValues()
    pending = found_in
    while pending:
        hidden = {id(leaf): hide(leaf.text) for leaf in found_in}
        spans = {id(leaf): _spans_of(leaf, hidden[id(leaf)], known) for leaf in pending}
        carried.add(_carried([leaf.text for leaf in pending], list(spans.values())))
        pending = [
            leaf for leaf in found_in if _replace(leaf, hidden[id(leaf)], spans.get(id(leaf), []), carried, counts)
        ]
        for leaf in pending:
            leaf.whole = None
    return dict(counts)


def _spans_of(leaf: Leaf, hidden: str, known: KnownValues) -> list[Span]:
    if leaf.whole and any(map(str.isalnum, hidden)) and _HIDDEN not in hidden:
        return [Span(0, len(hidden), leaf.whole)]
    return _find(hidden, known)


def _replace(leaf: Leaf, hidden: str, spans: list[Span], carried: KnownValues, counts: Counter[Kind]) -> bool:
    """Whether there was anything to replace."""
    if carried:
        spans = _settle(chain(spans, carried.find(hidden)), hidden)
    if not spans:
        return False
    leaf.text = "".join(_pieces(leaf.text, spans))
    counts.update(span.kind for span in spans)
    return True


def _pieces(text: str, spans: list[Span]) -> Iterable[str]:
    end = 0
    for span in spans:
        yield text[end : span.start]
        yield REPLACEMENTS[span.kind]
        end = span.end
    yield text[end:]


def _find(hidden: str, known: KnownValues) -> list[Span]:
    found = [span for detector in DETECTORS if detector.needs(hidden) for span in detector.find(hidden)]
    if known:
        found += known.find(hidden)
    return _settle(found, hidden) if found else found


def _settle(spans: Iterable[Span], hidden: str) -> list[Span]:
    """Overlapping spans become one over all their characters, of the longest one's kind (else the most specific)."""
    settled: list[Span] = []
    longest = 0
    for span in sorted(spans):
        last = settled[-1] if settled else None
        size = span.end - span.start
        if last and (span.start < last.end or _is_one_name(last, span, hidden)):
            better = (size, -_RANKS[span.kind]) > (longest, -_RANKS[last.kind])
            settled[-1] = Span(last.start, max(last.end, span.end), span.kind if better else last.kind)
            longest = max(longest, size)
        else:
            settled.append(span)
            longest = size
    return settled


def _is_one_name(left: Span, right: Span, hidden: str) -> bool:
    """ "Anna" and "Weber", each found by itself, are one person."""
    return left.kind == right.kind == Kind.PERSON and hidden[left.end : right.start] in {" ", "\u00a0", "-"}


def _carried(texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> Iterable[KnownValue]:
    for text, own in zip(texts, spans, strict=True):
        for span in own:
            value = text[span.start : span.end]
            if span.kind not in _NOT_CARRIED and (span.kind != Kind.SECRET or len(value) >= _LEAST_SECRET):
                yield KnownValue(span.kind, value)

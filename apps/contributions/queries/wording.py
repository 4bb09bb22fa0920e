"""Labels and answers as people read them, and what was changed from one to the other."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rapidfuzz.distance import Indel

WORD = re.compile(r"\s+|\w+|[^\w\s]")
MAX_PIECES = 8_000  # of both texts together, compared by word; longer ones are compared by line
KEPT, REMOVED, ADDED = "kept", "removed", "added"


@dataclass(frozen=True)
class Change:
    """A piece of a text: `kept`, `removed` or `added`."""

    kind: str
    text: str


def payload_text(payload: Mapping[str, Any] | None) -> str:
    """A payload as one text: its words if it is nothing but a text, else indented JSON, as its form shows it."""
    values = list((payload or {}).values())
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    return json.dumps(payload, ensure_ascii=False, indent=2) if payload else ""


def diff_texts(before: str, after: str) -> list[Change]:
    """What has to be removed from and added to `before` to get `after`, word by word, spaces included.

    The fewest changes there can be (longest common subsequence), found by bits: texts of testers and models decide how
    long this takes, so it may not depend on what they are like. Line by line where words would be too many, and as a
    whole where lines are.
    """
    for split in (WORD.findall, _lines):
        old, new = split(before), split(after)
        if len(old) + len(new) <= MAX_PIECES:
            return _joined(_changes(old, new))
    return _joined([Change(REMOVED, before), Change(ADDED, after)])


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _changes(old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    for step in Indel.opcodes(old, new):
        if step.tag == "equal":
            yield Change(KEPT, "".join(old[step.src_start : step.src_end]))
        if step.tag in ("delete", "replace"):
            yield Change(REMOVED, "".join(old[step.src_start : step.src_end]))
        if step.tag in ("insert", "replace"):
            yield Change(ADDED, "".join(new[step.dest_start : step.dest_end]))


def _joined(changes: Sequence[Change] | Iterator[Change]) -> list[Change]:
    """Neighbours of one kind in one, what was removed before what was added, and no single space between changes."""
    joined: list[Change] = []
    for is_kept, run in groupby(_without_islands(list(changes)), key=lambda change: change.kind == KEPT):
        pieces = list(run)
        kinds = [KEPT] if is_kept else [REMOVED, ADDED]
        texts = [(kind, "".join(piece.text for piece in pieces if piece.kind == kind)) for kind in kinds]
        joined += [Change(kind, text) for kind, text in texts if text]
    return joined


def _without_islands(changes: list[Change]) -> Iterator[Change]:
    """A space that stayed between two changed words makes a diff hard to read: it is taken as changed too."""
    for place, change in enumerate(changes):
        inside = 0 < place < len(changes) - 1
        if change.kind == KEPT and inside and change.text.isspace() and "\n" not in change.text:
            yield Change(REMOVED, change.text)
            yield Change(ADDED, change.text)
        else:
            yield change

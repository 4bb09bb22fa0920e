"""Who is trained on and who is held back: a pure function of the rows and the seed."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from apps.common.money import allocate
from apps.contributions.enums import Split

VALIDATION_SHARE = 10  # one row in ten (AV5)
MIN_ROWS_TO_SPLIT = 20  # below, every row is needed to reach a provider's minimum of ten training examples


@dataclass(frozen=True, slots=True)
class Row:
    """What the split needs to know of an example. Equal `conversation` (if any) stays together."""

    pk: int
    content_hash: str
    category: str = ""
    conversation: str = ""
    pin: str = ""


@dataclass(frozen=True, slots=True)
class _Unit:
    """Rows that go to one side together: a conversation, or a single row."""

    key: bytes  # seeded hash of content, not of ids: the same examples split the same way in every database
    category: str
    rows: list[Row]


def split_rows(rows: Sequence[Row], *, seed: int) -> dict[int, Split]:
    """Side by primary key: about 90/10, each category within one row of its share where rows stand alone.

    Pins are respected. A conversation with a row pinned to validation goes there whole; its rows pinned to training
    can go nowhere and are missing from the answer. Independent of the order of `rows`.
    """
    units = _units(rows, seed)
    held_back = _held_back(units, target=validation_target(len(rows)))
    return {
        row.pk: Split.VALIDATION if unit.key in held_back else Split.TRAIN
        for unit in units
        for row in unit.rows
        if not (unit.key in held_back and row.pin == Split.TRAIN)
    }


def validation_target(rows: int) -> int:
    """How many of `rows` are held back: a tenth, at least one of 20, none of fewer."""
    return 0 if rows < MIN_ROWS_TO_SPLIT else (rows + VALIDATION_SHARE // 2) // VALIDATION_SHARE


def _units(rows: Iterable[Row], seed: int) -> list[_Unit]:
    together: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        together[f"c:{row.conversation}" if row.conversation else f"h:{row.content_hash}"].append(row)
    units = [
        _Unit(
            key=hashlib.sha256(f"{seed}:{name}".encode()).digest(),
            category=min(row.category for row in members),
            rows=members,
        )
        for name, members in together.items()
    ]
    return sorted(units, key=lambda unit: unit.key)


def _held_back(units: list[_Unit], *, target: int) -> set[bytes]:
    """Keys of the units that go to validation: the pinned ones, then as many of each category as are missing."""
    quotas = allocate(target, _sizes(units))
    pinned = [unit for unit in units if _has_pin(unit, Split.VALIDATION)]
    free = [unit for unit in units if not _has_pin(unit, Split.VALIDATION) and not _has_pin(unit, Split.TRAIN)]
    missing = {category: quota - _sizes(pinned).get(category, 0) for category, quota in quotas.items()}
    chosen = {unit.key for unit in pinned}
    for unit in free:
        # The nearer of the two: with a conversation of several rows the quota can be missed on either side.
        if len(unit.rows) < 2 * missing[unit.category]:
            missing[unit.category] -= len(unit.rows)
            chosen.add(unit.key)
    if target and not chosen and len(free) > 1:
        chosen.add(min(free, key=lambda unit: (len(unit.rows), unit.key)).key)
    return chosen


def _has_pin(unit: _Unit, split: Split) -> bool:
    return any(row.pin == split for row in unit.rows)


def _sizes(units: Iterable[_Unit]) -> Mapping[str, int]:
    sizes: dict[str, int] = defaultdict(int)
    for unit in units:
        sizes[unit.category] += len(unit.rows)
    return sizes

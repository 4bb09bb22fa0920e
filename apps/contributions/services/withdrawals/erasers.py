"""Who keeps copies of what people said, and erases them when they take it back (AV13).

Each app that keeps copies registers an `Eraser` beside its services: contributions knows none of them. Whoever asks for
`erasers()` gets them all, in a web process, a worker or a command, because asking imports every app's services.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.module_loading import autodiscover_modules

from apps.common.registry import Registry
from apps.contributions.models import Withdrawal


@dataclass(frozen=True)
class Affected:
    """Something that holds examples of a withdrawal, as the answer to it names it."""

    kind: str  # of the model, as ``datasets.trainingdataset``
    id: int
    name: str
    rows: int  # examples of the withdrawal in it
    persona: int  # its id: where to build anew


@dataclass(frozen=True)
class Leftover:
    """A copy that could not be erased, in words. One that may be erased later keeps the withdrawal open."""

    words: str
    later: bool = False


class Eraser:
    """What an app does about its copies; each part may be called again without harm."""

    name = ""
    erases: frozenset[str] = frozenset()  # encrypted columns that are emptied, as ``app.model.column``

    def mark(self, *, withdrawal: Withdrawal, now: datetime) -> Iterable[Affected]:
        """Name what holds examples of the withdrawal and mark it, in the transaction of the request."""
        return ()

    def erase(self, *, example_ids: Sequence[int], now: datetime) -> None:
        """Empty every copy of a batch of examples, in this database and this storage."""

    def finish(self, *, withdrawal: Withdrawal, now: datetime) -> Iterable[Leftover]:
        """Once, when all batches are done: what belongs to no single example, and what lies with others."""
        return ()


ERASERS: Registry[Eraser] = Registry("eraser")


def erasers() -> Registry[Eraser]:
    autodiscover_modules("services")
    return ERASERS

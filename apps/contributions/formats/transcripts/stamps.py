"""The times that messengers print before messages, and where they say that a new conversation begins."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import Enum
from itertools import pairwise

from apps.contributions.formats.transcripts.base import Conversation, Turn

GAP = timedelta(hours=8)  # a night: who writes again after a longer silence begins a new conversation
SPACE = "[ \u00a0\u202f]"  # before AM and PM, telephones print a narrow one that does not break
DATE = r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}"
TIME = rf"\d{{1,2}}[:.]\d{{2}}(?:[:.]\d{{2}})?(?:{SPACE}?[apAP]\.?{SPACE}?[mM]\.?)?"


LOOKED_AT = 200  # lines


def begin_messages(text: str, begins: Callable[[str], object]) -> bool:
    """Whether a text is a chat by its lines: a message begins near its top, and another anywhere below."""
    beginnings = (number for number, line in enumerate(text.split("\n")) if begins(line))
    first, second = next(beginnings, None), next(beginnings, None)
    return first is not None and first < LOOKED_AT and second is not None


class Order(Enum):
    YEAR_FIRST = (0, 1, 2)
    DAY_FIRST = (2, 1, 0)
    MONTH_FIRST = (2, 0, 1)


def read_stamps(written: Sequence[tuple[str, str]]) -> list[datetime | None]:
    """The times of a file from its dates and times as written; None for one that is no date.

    03/04/24 is March or April. A file has one order throughout: the one in which fewest dates are impossible, then the
    one in which time runs backwards least often; where both are as good, the month first if the clock says AM and PM
    beside slashes, else the day.
    """
    readings = [[_read(date, time, order) for date, time in written] for order in _orders(written)]
    return min(readings, key=_strangeness) if readings else []


def conversations_of(turns: Iterable[Turn], *, prefix: str = "") -> Iterator[Conversation]:
    """The turns of one chat, cut where nobody wrote for longer than GAP. Each is referred to by when it began."""
    together: list[Turn] = []
    for turn in turns:
        if together and _is_far(together[-1], turn):
            yield _conversation(together, prefix)
            together = []
        together.append(turn)
    if together:
        yield _conversation(together, prefix)


def _conversation(turns: list[Turn], prefix: str) -> Conversation:
    began = turns[0].at
    return Conversation(prefix + (began.isoformat() if began else "undated"), tuple(turns))


def _is_far(before: Turn, after: Turn) -> bool:
    return before.at is not None and after.at is not None and after.at - before.at > GAP


def _orders(written: Sequence[tuple[str, str]]) -> list[Order]:
    if any(re.match(r"\d{3,4}", date) for date, _ in written):
        return [Order.YEAR_FIRST]
    american = any("/" in date and time.lower().rstrip(".").endswith("m") for date, time in written)
    return [Order.MONTH_FIRST, Order.DAY_FIRST] if american else [Order.DAY_FIRST, Order.MONTH_FIRST]


def _strangeness(times: list[datetime | None]) -> tuple[int, int]:
    known = [time for time in times if time is not None]
    return times.count(None), sum(later < earlier for earlier, later in pairwise(known))


def _read(date: str, time: str, order: Order) -> datetime | None:
    parts = [int(part) for part in re.split(r"[./-]", date)]
    year, month, day = (parts[index] for index in order.value)
    hour, minute, second = (*map(int, re.findall(r"\d+", time)), 0)[:3]
    half = re.search("[ap]", time, re.IGNORECASE)
    if half:
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    try:
        return datetime(year + 2000 if year < 100 else year, month, day, hour, minute, second)
    except ValueError:
        return None

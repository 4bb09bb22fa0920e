"""What the desk's form says, whichever kind of item it was about."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from apps.contributions.models import Tester, TrainingExample
from apps.contributions.services.gold import is_gold_for, record_gold_answer
from apps.contributions.services.labels import submit_label
from apps.contributions.services.leases import seconds_since_start


def save_answer(
    *,
    tester: Tester,
    example: TrainingExample,
    payload: Mapping[str, Any],
    now: datetime,
    rating: int | None = None,
    start: str = "",
) -> None:
    """A label, or the answer to a gold item; the form does not know which. `start` is what `sign_start` signed."""
    if is_gold_for(tester=tester, example=example):
        seconds = seconds_since_start(start=start, example=example, tester=tester, now=now)
        record_gold_answer(tester=tester, example=example, payload=payload, seconds_spent=seconds)
    else:
        submit_label(tester=tester, example=example, payload=payload, rating=rating, now=now)

"""The worker's part of a withdrawal: every copy, a batch at a time, until none is left."""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from apps.common import audit, jobs
from apps.common.audit import SYSTEM, Actor
from apps.common.clock import RunningClock
from apps.common.errors import Conflict
from apps.contributions.enums import WithdrawalStatus
from apps.contributions.models import TrainingExample, Withdrawal
from apps.contributions.queries.client_ids import tombstone_of
from apps.contributions.services.withdrawals.erasers import Leftover, erasers
from apps.contributions.services.withdrawals.requesting import ERASE_JOB

logger = logging.getLogger(__name__)

BATCH = 500
LEASE = timedelta(minutes=10)  # renewed with every batch
LOOK_AGAIN = timedelta(minutes=10)  # for what others still need, such as the file of a job that is training
MAX_ATTEMPTS = 1000  # a week of them: what cannot be erased by then is named and left


def erase_withdrawal(*, withdrawal: Withdrawal, now: datetime) -> Withdrawal:
    """Erase what is left of a withdrawal; returns the fresh row. Harmless when it is done or another worker is at it.

    Killed at any point it is taken up again where it stood: an example's own payload is emptied last, after every copy
    of it. What cannot be erased elsewhere is tried again, and in the end named in the report.
    """
    clock = RunningClock(now)
    if _claim(withdrawal, now):
        withdrawal.refresh_from_db()
        while batch := _next_batch(withdrawal):
            for eraser in erasers():
                eraser.erase(example_ids=batch, now=clock.now())
            _empty(withdrawal, batch, clock.now())
        left = [one for eraser in erasers() for one in eraser.finish(withdrawal=withdrawal, now=clock.now())]
        _end(withdrawal, left, clock.now())
    withdrawal.refresh_from_db()
    return withdrawal


def hand_out_withdrawals(*, now: datetime) -> int:
    """Enqueue what no worker is at and whose time has come; how many."""
    due = list(Withdrawal.objects.due(now=now).order_by("pk").values_list("pk", flat=True))
    for pk in due:
        jobs.enqueue(ERASE_JOB, pk)
    return len(due)


@transaction.atomic
def retry_withdrawal(*, withdrawal: Withdrawal, by: Actor, now: datetime) -> None:
    """Staff have what was left tried once more. Conflict while it is being worked on."""
    closed = Withdrawal.objects.filter(pk=withdrawal.pk).exclude(status__in=WithdrawalStatus.open())
    fresh = {"status": WithdrawalStatus.REQUESTED, "attempts": 0, "leased_until": None, "finished_at": None}
    if not closed.update(**fresh, updated_at=now):
        raise Conflict(f"{withdrawal} is being worked on.", resolution="Wait for its end.", code="still_erasing")
    audit.record("retried", by=by, target=withdrawal)
    jobs.enqueue(ERASE_JOB, withdrawal.pk)


def _claim(withdrawal: Withdrawal, now: datetime) -> bool:
    due = Withdrawal.objects.due(now=now).filter(pk=withdrawal.pk, attempts=withdrawal.attempts)
    return bool(
        due.update(
            status=WithdrawalStatus.ERASING,
            attempts=withdrawal.attempts + 1,
            leased_until=now + LEASE,
            updated_at=now,
        )
    )


def _next_batch(withdrawal: Withdrawal) -> list[int]:
    return list(withdrawal.examples.filter(input__isnull=False).order_by("pk").values_list("pk", flat=True)[:BATCH])


@transaction.atomic
def _empty(withdrawal: Withdrawal, batch: list[int], now: datetime) -> None:
    """The example itself, after its copies. Its hash stays: the rows of datasets carry it too, and it tells nothing."""
    _bury_client_ids(batch)
    TrainingExample.objects.filter(pk__in=batch).update(
        input=None,
        output=None,
        accepted_label=None,
        category="",
        metadata={},
        conversation_ref="",
        updated_at=now,
    )
    erased = withdrawal.examples.filter(input__isnull=True).count()
    Withdrawal.objects.filter(pk=withdrawal.pk).update(erased_count=erased, leased_until=now + LEASE, updated_at=now)


def _bury_client_ids(batch: list[int]) -> None:
    """The sender's id may name somebody and goes; what is left in its place keeps the example from being sent again."""
    named = TrainingExample.objects.filter(pk__in=batch).exclude(client_id="")
    examples = list(named.only("persona_id", "client_id"))
    for example in examples:
        example.client_id = tombstone_of(persona=example.persona_id, client_id=example.client_id)
    TrainingExample.objects.bulk_update(examples, ["client_id"])


@transaction.atomic
def _end(withdrawal: Withdrawal, left: list[Leftover], now: datetime) -> None:
    later = any(one.later for one in left) and withdrawal.attempts < MAX_ATTEMPTS
    report = {**withdrawal.report, "left": [one.words for one in left]}
    Withdrawal.objects.filter(pk=withdrawal.pk).update(
        status=WithdrawalStatus.ERASING if later else _ended(left),
        report=report,
        leased_until=now + LOOK_AGAIN if later else None,
        finished_at=None if later else now,
        updated_at=now,
    )
    if not later:
        audit.record("erased", by=SYSTEM, target=withdrawal, examples=withdrawal.examples_count, left=len(left))


def _ended(left: list[Leftover]) -> WithdrawalStatus:
    return WithdrawalStatus.FAILED if left else WithdrawalStatus.DONE

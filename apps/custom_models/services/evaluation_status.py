"""The one door of an evaluation's status, and of whose turn it is to work on it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.common import audit, jobs
from apps.common.audit import SYSTEM
from apps.common.clock import RunningClock
from apps.common.ids import new_id
from apps.custom_models.enums import EvaluationStatus
from apps.custom_models.models import Evaluation, EvaluationQuerySet
from apps.custom_models.services.job_status import LEASE, UNLEASED

EVALUATE_JOB = "apps.custom_models.jobs.evaluate_job"
SIGN_OF_LIFE = timedelta(seconds=30)  # between two renewals of the lease, at most, and one answer


class TurnLost(Exception):
    """Another worker has the evaluation now, or it was ended: stop and change nothing."""


class TurnOver(Exception):
    """The turn's time is up: write down what there is and leave the rest to the next."""


@dataclass
class Turn:
    """One worker's right to work on an evaluation. Its writes carry the token; `ends_at` None: until it is done."""

    evaluation: Evaluation
    token: str
    clock: RunningClock
    ends_at: datetime | None
    renewed_at: datetime

    @property
    def must_report(self) -> bool:
        now = self.clock.now()
        return now >= self.renewed_at + SIGN_OF_LIFE or (self.ends_at is not None and now >= self.ends_at)

    def report(self, **values: Any) -> None:
        """Write down how far it is and renew the lease. TurnLost if another has it now; TurnOver if time is up."""
        self.renewed_at = self.clock.now()
        if not self.mine.update(lease_until=self.renewed_at + LEASE, updated_at=self.renewed_at, **values):
            raise TurnLost
        if self.ends_at is not None and self.renewed_at >= self.ends_at:
            raise TurnOver

    def give_back(self, **values: Any) -> bool:
        """Let the next worker begin at once; False if the turn was lost before."""
        return bool(self.mine.update(updated_at=self.clock.now(), **UNLEASED, **values))

    @property
    def mine(self) -> EvaluationQuerySet:
        rows: EvaluationQuerySet = Evaluation.objects.all()
        return rows.filter(pk=self.evaluation.pk, status=EvaluationStatus.RUNNING, lease_token=self.token)


def take_turn(*, evaluation: Evaluation, now: datetime, lasts: timedelta | None = None) -> Turn | None:
    """Claim an evaluation, one winner; None if it has ended or another worker is at it."""
    token = new_id("", length=16)
    waiting = Evaluation.objects.waiting(now=now).filter(pk=evaluation.pk)
    if not waiting.update(lease_token=token, lease_until=now + LEASE, updated_at=now):
        return None
    evaluation = Evaluation.objects.select_related("organization", "persona", "candidate__base_model").get(
        pk=evaluation.pk
    )
    return Turn(evaluation, token, RunningClock(now), ends_at=now + lasts if lasts else None, renewed_at=now)


@transaction.atomic
def hand_on(*, turn: Turn) -> None:
    """Put what is left into the queue, for the next turn."""
    if turn.give_back():
        jobs.enqueue(EVALUATE_JOB, turn.evaluation.pk)


@transaction.atomic
def end_evaluation(
    *, evaluation: Evaluation, to: EvaluationStatus, now: datetime, error_message: str = "", token: str = ""
) -> bool:
    """End an evaluation that is still running; False if it is not, and then nothing was changed.

    `token` is that of a turn: a worker that lost it no longer gets through.
    """
    running = Evaluation.objects.filter(pk=evaluation.pk, status=EvaluationStatus.RUNNING)
    if token:
        running = running.filter(lease_token=token)
    if not running.update(status=to, error_message=error_message, finished_at=now, updated_at=now, **UNLEASED):
        return False
    audit.record(to, by=SYSTEM, target=evaluation)
    return True

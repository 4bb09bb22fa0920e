"""The one door of an upload's status, and of whose turn it is to work on it."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from apps.common import audit, jobs
from apps.common.audit import SYSTEM
from apps.common.clock import RunningClock
from apps.common.errors import FlywheelError
from apps.contributions.enums import UploadStatus, WithdrawalScope
from apps.contributions.models import Upload, Withdrawal
from apps.organizations.models import OrganizationQuerySet

READ_JOB = "apps.contributions.jobs.read_upload_job"
LEASE = timedelta(minutes=15)  # more than the queue lets a job run
LASTS = timedelta(minutes=6)  # a turn; what is left then is the next one's, and one question may take its time still
MAX_STARTS = 3  # without a step forward
SIGN_OF_LIFE = timedelta(seconds=1)  # between two reports of pages
LATER = 60  # seconds until a provider that failed is asked again
OFF = {"leased_until": None}


class TurnLost(Exception):
    """Another worker has the upload now, or it was withdrawn: stop and change nothing."""


class TurnOver(Exception):
    """The turn's time is up: what there is was written down, and the rest is the next one's."""


class Turn:
    """One worker's right to work on an upload. Its writes ask for the stage and the lease that it knows."""

    def __init__(self, upload: Upload, now: datetime, leased_until: datetime) -> None:
        self.upload, self.clock, self.leased_until = upload, RunningClock(now), leased_until
        self._reported_at = now

    @property
    def is_last_start(self) -> bool:
        return self.upload.attempts >= MAX_STARTS

    def report(self, done: int, total: int) -> None:
        """Say how far the stage is; not every time, for there may be thousands of pages. TurnLost."""
        now = self.clock.now()
        if done == total or now >= self._reported_at + SIGN_OF_LIFE:
            self._reported_at = now
            self._write(progress_done=done, progress_total=total)

    def keep(self, **values: Any) -> None:
        """Write down a part of the stage's result, from which it goes on if it is interrupted. TurnLost."""
        self._write(**{"attempts": 0} | values)

    def advance(self, to: UploadStatus, **values: Any) -> None:
        """On to the next stage, with the result of this one. TurnLost."""
        self._write(**{"status": to, "attempts": 0, "progress_done": 0, "progress_total": 0} | values)

    def end(self, to: UploadStatus, **values: Any) -> None:
        """Nothing is left to do, or nothing before somebody says more. TurnLost."""
        finished = {"finished_at": self.clock.now()} if to in (UploadStatus.DONE, UploadStatus.FAILED) else {}
        self._write(status=to, attempts=0, **OFF, **finished, **values)
        audit.record(to, by=SYSTEM, target=self.upload)

    def must_stop(self) -> bool:
        return self.clock.now() >= self.clock.began_at + LASTS

    def fail(self, error: FlywheelError) -> None:
        with transaction.atomic():
            self.end(UploadStatus.FAILED, error_code=error.code[:100], error_message=str(error))

    def give_back(self) -> None:
        """Let the next worker begin at once."""
        self._mine.update(updated_at=self.clock.now(), **OFF)

    def _write(self, **values: Any) -> None:
        leased_until = values.setdefault("leased_until", self.clock.now() + LEASE)
        if not self._mine.update(updated_at=self.clock.now(), **values):
            raise TurnLost
        self.leased_until = leased_until
        for name, value in values.items():
            setattr(self.upload, name, value)

    @property
    def _mine(self) -> OrganizationQuerySet[Upload]:
        rows: OrganizationQuerySet[Upload] = Upload.objects.all()
        mine = rows.filter(pk=self.upload.pk, status=self.upload.status, leased_until=self.leased_until)
        return mine.exclude(organization__in=_taking_everything_back())


def take_turn(*, upload: Upload, now: datetime) -> Turn | None:
    """Claim an upload, one winner; None if there is nothing to do or another worker is at it."""
    due = due_uploads(now=now).filter(pk=upload.pk)
    if _give_up(due, upload, now):
        return None
    leased_until = now + LEASE
    if not due.update(attempts=F("attempts") + 1, leased_until=leased_until, updated_at=now):
        return None
    related = Upload.objects.select_related("organization", "persona__organization", "persona__base_model")
    return Turn(related.get(pk=upload.pk), now, leased_until)


def due_uploads(*, now: datetime) -> OrganizationQuerySet[Upload]:
    """What has something to do and nobody at it."""
    rows: OrganizationQuerySet[Upload] = Upload.objects.filter(status__in=UploadStatus.open())
    free = rows.filter(Q(leased_until=None) | Q(leased_until__lt=now))
    return free.exclude(organization__in=_taking_everything_back())


def _taking_everything_back() -> Any:
    """Organizations whose uploads are about to be erased: nothing more may come of them. Who asks for it holds the
    personas, as whoever stores something does, so that it is seen by whoever comes after it."""
    whole = Withdrawal.objects.open().filter(scope=WithdrawalScope.ORGANIZATION)
    return whole.values("organization")


@transaction.atomic
def _give_up(due: OrganizationQuerySet[Upload], upload: Upload, now: datetime) -> bool:
    """A file that stops its reader every time must not stop it for ever."""
    given_up = due.filter(attempts__gte=MAX_STARTS).update(
        status=UploadStatus.FAILED,
        error_code="interrupted",
        error_message=f"Reading it was interrupted {MAX_STARTS} times at the same place. Try it again; if it stays so, "
        "upload the file in parts, and tell whoever runs the installation.",
        finished_at=now,
        updated_at=now,
        **OFF,
    )
    if given_up:
        audit.record(UploadStatus.FAILED, by=SYSTEM, target=upload)
    return bool(given_up)


@transaction.atomic
def hand_on(*, turn: Turn) -> None:
    """Put what is left into the queue, for the next turn."""
    turn.give_back()
    jobs.enqueue(READ_JOB, turn.upload.pk)


def put_off(*, turn: Turn) -> None:
    """A provider failed and may not fail again: the stage begins anew in a while, where it stands."""
    turn.give_back()
    jobs.enqueue_later(READ_JOB, turn.upload.pk, seconds=LATER)

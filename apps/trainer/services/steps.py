"""What every step a worker takes has in common: the claim at its start, failing, and recovery when nobody finished it.

A step is claimed by one conditional UPDATE that counts the attempt and sets a lease with a token. Who no longer holds
the token cannot finish, whatever it computed; so a step may run twice without harm.
"""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import F, Q

from apps.common.errors import FlywheelError
from apps.trainer.enums import EventLevel, JobStatus
from apps.trainer.models import TrainerJob
from apps.trainer.services.jobs import NewEvent, move_job, queue_step

Clock = Callable[[], datetime]  # steps take long: their end is not the `now` of their start
LEASE = timedelta(minutes=15)  # longer than the queue lets a job run
MAX_ATTEMPTS = 3
STALLED_AFTER = timedelta(minutes=5)


class StepFailed(FlywheelError):
    """Why a job ends as `failed`."""


def claim_step(*, job_id: int, status: JobStatus, now: datetime) -> TrainerJob | None:
    """The job, held by the token it carries; None when it is not in that status or someone else holds it.

    A step that was started too often without an end ends here: the job fails.
    """
    token = secrets.token_hex(8)
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    claimed = TrainerJob.objects.filter(free, pk=job_id, status=status).update(
        attempts=F("attempts") + 1, lease_until=now + LEASE, lease_token=token
    )
    job = TrainerJob.objects.filter(pk=job_id, lease_token=token).first() if claimed else None
    if job is None or job.attempts <= MAX_ATTEMPTS:
        return job
    problem = StepFailed(f"The job was started {MAX_ATTEMPTS} times and did not finish.", code="server_error")
    fail_job(job=job, error=problem, now=now)
    return None


def release_step(*, job: TrainerJob) -> None:
    """Give a claim back, so that the next attempt need not wait for the lease to end."""
    TrainerJob.objects.filter(pk=job.pk, lease_token=job.lease_token).update(lease_until=None, lease_token="")


def keep_step(*, job: TrainerJob, now: datetime) -> bool:
    """Extend the lease; False when it is no longer ours: the job was cancelled, paused or taken over."""
    held = TrainerJob.objects.filter(pk=job.pk, lease_token=job.lease_token)
    return bool(held.update(lease_until=now + LEASE))


def fail_job(*, job: TrainerJob, error: FlywheelError, now: datetime) -> bool:
    return move_job(
        job=job,
        expected=JobStatus.moving(),
        to=JobStatus.FAILED,
        token=job.lease_token,
        now=now,
        events=[NewEvent(f"The job failed. {error}", EventLevel.ERROR, {"code": error.code})],
        finished_at=now,
        estimated_finish_at=None,
        error_code=error.code,
        error_message=str(error),
        error_param=error.param or "",
    )


def requeue_stalled_jobs(*, now: datetime) -> int:
    """Queue again the step of every job that no worker holds although one should have had it long ago."""
    before = now - STALLED_AFTER
    requeued = 0
    for job in TrainerJob.objects.stalled(now=now, queued_before=before):
        same = TrainerJob.objects.filter(pk=job.pk, status=job.status, step_queued_at=job.step_queued_at)
        if same.update(step_queued_at=now):
            queue_step(job)
            requeued += 1
    return requeued

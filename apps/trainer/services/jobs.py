"""The life of a fine-tuning job as its owner sees it: create, cancel, pause, resume; and the one door of its status."""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.common import audit
from apps.common.errors import InvalidInput, NotFound
from apps.common.jobs import enqueue
from apps.trainer import queries
from apps.trainer.engines import BY_BASE_MODEL
from apps.trainer.enums import EventLevel, JobStatus, Purpose
from apps.trainer.models import Account, TrainerJob, TrainerJobEvent, TrainerJobTag

STEPS = {
    JobStatus.VALIDATING_FILES: "apps.trainer.jobs.validate_job",
    JobStatus.QUEUED: "apps.trainer.jobs.start_job",
    JobStatus.RUNNING: "apps.trainer.jobs.train_job",
}
Then = Callable[[TrainerJob], None]  # what else belongs into the transaction that moves a job


@dataclass(frozen=True)
class NewJob:
    model: str
    training_file: str
    validation_file: str = ""
    suffix: str = ""
    seed: int | None = None
    hyperparameters: dict[str, int | float | str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NewEvent:
    message: str
    level: EventLevel = EventLevel.INFO
    data: dict[str, Any] = field(default_factory=dict)


def create_job(*, new: NewJob, by: Account, now: datetime) -> TrainerJob:
    """A job in `validating_files`. What its files contain is found out by the worker and may fail it later."""
    if new.model not in BY_BASE_MODEL:
        raise InvalidInput(
            f"The model {new.model!r} cannot be fine-tuned here.",
            resolution=f"Choose one of: {', '.join(BY_BASE_MODEL)}.",
            param="model",
            code="model_not_available",
        )
    _check_file(new.training_file, param="training_file", account=by.name)
    if new.validation_file:
        _check_file(new.validation_file, param="validation_file", account=by.name)
    with transaction.atomic():
        job = _insert_job(new, account=by.name, now=now)
        audit.record("created", by=by, target=job, job=job.public_id, training_file=new.training_file)
        queue_step(job)
    return job


def cancel_job(*, job: TrainerJob, by: Account, now: datetime) -> None:
    """End a job that has not ended; what a worker is just learning for it is thrown away."""
    _move_by_owner(
        job, expected=JobStatus.open(), to=JobStatus.CANCELLED, verb="cancelled", by=by, now=now, finished_at=now
    )


def pause_job(*, job: TrainerJob, by: Account, now: datetime) -> None:
    """Set a job aside; a training that has begun starts anew when the job is resumed."""
    _move_by_owner(job, expected=JobStatus.moving(), to=JobStatus.PAUSED, verb="paused", by=by, now=now)


def resume_job(*, job: TrainerJob, by: Account, now: datetime) -> None:
    to = JobStatus.VALIDATING_FILES if job.examples is None else JobStatus.QUEUED
    _move_by_owner(job, expected={JobStatus.PAUSED}, to=to, verb="resumed", by=by, now=now)


def move_job(
    *,
    job: TrainerJob,
    expected: Collection[JobStatus],
    to: JobStatus,
    now: datetime,
    events: Sequence[NewEvent],
    token: str = "",
    then: Then | None = None,
    **fields: Any,
) -> bool:
    """The door of a job's status: True for the one caller who moved it. `token`: only while its lease is ours.

    Any move ends the lease of the step before, so that a worker still busy with it can no longer finish it, and queues
    what the new status asks for.
    """
    free = {"lease_until": None, "lease_token": "", "attempts": 0, "step_queued_at": now}
    with transaction.atomic():
        rows = TrainerJob.objects.filter(pk=job.pk, status__in=sorted(expected))
        if token:
            rows = rows.filter(lease_token=token)
        if not rows.update(status=to, **free, **fields):
            return False
        job.refresh_from_db()
        add_events(job=job, events=events, now=now)
        if then:
            then(job)
        if to in STEPS:
            queue_step(job)
    return True


def queue_step(job: TrainerJob) -> None:
    """Queue what the job's status asks for next, in the transaction that gave it this status."""
    enqueue(STEPS[JobStatus(job.status)], job.pk)


def add_events(*, job: TrainerJob, events: Sequence[NewEvent], now: datetime) -> None:
    TrainerJobEvent.objects.bulk_create(
        TrainerJobEvent(job=job, created_at=now, level=event.level, message=event.message, data=event.data)
        for event in events
    )


def _check_file(file_id: str, *, param: str, account: str) -> None:
    try:
        file = queries.find_file(account=account, file_id=file_id)
    except NotFound:
        raise InvalidInput(
            f"Invalid {param}: {file_id}", resolution="Upload the file first.", param=param, code="file_not_found"
        ) from None
    if file.purpose != Purpose.FINE_TUNE:
        raise InvalidInput(f"The {param} {file_id} has the purpose {file.purpose!r}.", param=param)


def _insert_job(new: NewJob, *, account: str, now: datetime) -> TrainerJob:
    auto = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
    job = TrainerJob.objects.create(
        account=account,
        base_model=new.model,
        training_file=new.training_file,
        validation_file=new.validation_file,
        suffix=new.suffix,
        seed=secrets.randbelow(2**31) if new.seed is None else new.seed,
        hyperparameters=auto | new.hyperparameters,
        created_at=now,
        step_queued_at=now,
    )
    TrainerJobTag.objects.bulk_create(TrainerJobTag(job=job, key=k, value=v) for k, v in new.metadata.items())
    files = f"Validating training file: {new.training_file}"
    if new.validation_file:
        files += f" and validation file: {new.validation_file}"
    add_events(job=job, events=[NewEvent(f"Created fine-tuning job: {job.public_id}"), NewEvent(files)], now=now)
    return job


def _move_by_owner(
    job: TrainerJob,
    *,
    expected: Collection[JobStatus],
    to: JobStatus,
    verb: str,
    by: Account,
    now: datetime,
    **fields: Any,
) -> None:
    def record(moved: TrainerJob) -> None:
        audit.record(verb, by=by, target=moved, job=moved.public_id)

    events = [NewEvent(f"The job was {verb}")]
    if not move_job(job=job, expected=expected, to=to, now=now, events=events, then=record, **fields):
        job.refresh_from_db()
        raise InvalidInput(
            f"Job {job.public_id} is {job.status} and cannot be {verb}.",
            resolution=f"Only jobs that are {' or '.join(sorted(expected))} can be.",
            code="invalid_job_status",
        )

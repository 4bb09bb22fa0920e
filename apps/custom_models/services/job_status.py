"""The one door of a job's status."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import FlywheelError
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import FineTuneJob
from apps.datasets.enums import DatasetStatus
from apps.datasets.models import TrainingDataset

LEASE = timedelta(minutes=10)  # longer than any one call to a provider may take; renewed before each
UNLEASED: dict[str, Any] = {"lease_until": None, "lease_token": ""}
AT_THE_END: dict[str, Any] = {"next_poll_at": None, "handed_out_at": None, "last_problem": "", **UNLEASED}
DATASET_AFTER = {
    JobStatus.SUCCEEDED: DatasetStatus.COMPLETED,
    JobStatus.FAILED: DatasetStatus.FAILED,
    JobStatus.CANCELLED: DatasetStatus.READY,
}


@transaction.atomic
def set_job_status(
    *,
    job: FineTuneJob,
    to: JobStatus,
    expected: Collection[JobStatus],
    by: Actor,
    now: datetime,
    token: str = "",
    **values: Any,
) -> bool:
    """Move a job that is still in one of the `expected` states; False if it is not, and then nothing was changed.

    `token` is the fencing token of a launch: a worker whose lease another took over no longer gets through.
    Ending a job releases its dataset in the same transaction.
    """
    rows = FineTuneJob.objects.filter(pk=job.pk, status__in=expected)
    if token:
        rows = rows.filter(lease_token=token)
    if to in JobStatus.finished():
        values = {**AT_THE_END, "finished_at": now, **values}
    if not rows.update(status=to, updated_at=now, **values):
        return False
    if to != job.status:
        audit.record(to, by=by, target=job)
    if to in JobStatus.finished():
        _release_dataset(job, to, now)
    return True


def _release_dataset(job: FineTuneJob, ended_as: JobStatus, now: datetime) -> None:
    dataset = TrainingDataset.objects.filter(pk=job.dataset_id, status=DatasetStatus.TRAINING)
    dataset.update(status=DATASET_AFTER[ended_as], updated_at=now)


def fail_job(
    *,
    job: FineTuneJob,
    error: FlywheelError,
    expected: Collection[JobStatus],
    by: Actor,
    now: datetime,
    token: str = "",
) -> bool:
    """End a job as failed, with what went wrong and what to do next in words for people."""
    return set_job_status(
        job=job,
        to=JobStatus.FAILED,
        expected=expected,
        by=by,
        now=now,
        token=token,
        error_code=error.code[:100],
        error_message=str(error),
    )

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from django.db import models
from django.db.models import F, QuerySet, Sum

from apps.common.errors import InvalidInput, NotFound
from apps.trainer.engines import BY_BASE_MODEL
from apps.trainer.engines.base import Engine
from apps.trainer.enums import JobStatus
from apps.trainer.models import TrainerFile, TrainerJob, TrainerJobEvent, TrainerModel

M = TypeVar("M", bound=models.Model)
HISTORY = 20  # finished jobs that an estimate looks at


@dataclass(frozen=True)
class Page(Generic[M]):
    rows: list[M]
    has_more: bool


def find_file(*, account: str, file_id: str) -> TrainerFile:
    file = TrainerFile.objects.of_account(account).filter(public_id=file_id).first()
    if file is None:
        raise NotFound(f"No such File object: {file_id}", param="id")
    return file


def find_job(*, account: str, job_id: str) -> TrainerJob:
    job = TrainerJob.objects.of_account(account).prefetch_related("tags").filter(public_id=job_id).first()
    if job is None:
        raise NotFound(f"Could not find fine tune: {job_id}", param="fine_tuning_job_id", code="fine_tune_not_found")
    return job


def find_model(*, account: str, name: str) -> TrainerModel:
    model = TrainerModel.objects.of_account(account).filter(public_id=name).first()
    if model is None:
        raise no_such_model(name)
    return model


def no_such_model(name: str) -> NotFound:
    return NotFound(
        f"The model `{name}` does not exist or you do not have access to it.",
        resolution=f"Base models: {', '.join(BY_BASE_MODEL)}.",
        param="model",
        code="model_not_found",
    )


def find_engine(*, base_model: str) -> Engine:
    if base_model not in BY_BASE_MODEL:
        raise no_such_model(base_model)
    return BY_BASE_MODEL[base_model]


def page_files(*, account: str, purpose: str, after: str, limit: int, ascending: bool) -> Page[TrainerFile]:
    files = TrainerFile.objects.of_account(account)
    if purpose:
        files = files.filter(purpose=purpose)
    return _page(files, after=after, limit=limit, ascending=ascending)


def page_jobs(*, account: str, metadata: Mapping[str, str] | None, after: str, limit: int) -> Page[TrainerJob]:
    """`metadata`: pairs that the job's own must contain; None finds jobs without metadata, an empty one every job."""
    jobs = TrainerJob.objects.of_account(account).prefetch_related("tags")
    if metadata is None:
        jobs = jobs.filter(tags=None)
    for key, value in (metadata or {}).items():
        jobs = jobs.filter(tags__key=key, tags__value=value)
    return _page(jobs, after=after, limit=limit)


def page_events(*, job: TrainerJob, after: str, limit: int) -> Page[TrainerJobEvent]:
    return _page(TrainerJobEvent.objects.filter(job=job), after=after, limit=limit)


def list_models(*, account: str) -> list[TrainerModel]:
    return list(TrainerModel.objects.of_account(account))


def estimate_finish(*, job: TrainerJob, started_at: datetime) -> datetime | None:
    """When a job that starts now will end, by the seconds per example of the last jobs; None without history."""
    done = TrainerJob.objects.filter(base_model=job.base_model, status=JobStatus.SUCCEEDED, examples__gt=0)
    recent = done.order_by("-id").values_list("pk")[:HISTORY]
    totals = TrainerJob.objects.filter(pk__in=[pk for (pk,) in recent]).aggregate(
        took=Sum(F("finished_at") - F("started_at")), examples=Sum("examples")
    )
    if not totals["examples"] or totals["took"] is None:
        return None
    seconds = totals["took"].total_seconds() / totals["examples"] * (job.examples or 0)
    return started_at + timedelta(seconds=max(1.0, seconds))


def _page(rows: QuerySet[M], *, after: str, limit: int, ascending: bool = False) -> Page[M]:
    """Rows past the one whose public id is `after`, newest first unless ascending."""
    rows = rows.order_by("pk" if ascending else "-pk")
    if after:
        cursor = rows.filter(public_id=after).values_list("pk", flat=True).first()
        if cursor is None:
            raise InvalidInput(f"There is nothing with the id {after!r} to continue after.", param="after")
        rows = rows.filter(pk__gt=cursor) if ascending else rows.filter(pk__lt=cursor)
    found = list(rows[: limit + 1])
    return Page(found[:limit], has_more=len(found) > limit)

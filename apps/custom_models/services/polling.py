"""Looking at a job at its provider, and doing what follows from what is seen. Looking twice changes nothing."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Max

from apps.common import audit, jobs
from apps.common.audit import SYSTEM, Actor
from apps.common.database import hold
from apps.common.errors import FlywheelError, ProviderError
from apps.common.money import format_money
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import CustomModel, FineTuneEvent, FineTuneJob
from apps.custom_models.queries import fresh_job, training_cost
from apps.custom_models.services.job_status import fail_job, set_job_status
from apps.custom_models.services.job_sweep import HANDED_OUT, POLL_JOB
from apps.providers.adapters.base import Access, Provider, RemoteJob, RemoteMetrics
from apps.providers.enums import RemoteStatus
from apps.providers.queries import access_for, price_on

LONGEST_WAIT = 300  # seconds between looks while the provider has problems
TOLERATED = 5  # looks that may fail before what is missing is done without
EVENTS_REMEMBERED = 200

# What a provider's reason means for the person who started the job (RT13).
RESOLUTIONS = {
    "invalid_n_examples": "Build a dataset with at least 10 training examples.",
    "invalid_training_file": "Correct the line that is named, then build and publish a new dataset.",
    "exceeded_quota": "Add credit at the provider, or train on fewer examples or a smaller base model.",
    "insufficient_quota": "Add credit at the provider, or train on fewer examples or a smaller base model.",
}
OTHER_RESOLUTION = "Start it again with a lower learning rate."


def poll_fine_tune(*, job: FineTuneJob, now: datetime, is_forced: bool = False) -> FineTuneJob:
    """Fetch status, events and, at the end, metrics of a job that its provider has; returns the fresh row.

    A look before its time, by a copy that was left in the queue, asks the provider nothing unless it `is_forced`.
    Problems are noted on the job and looked into again after 30 seconds, doubling up to five minutes.
    """
    job = fresh_job(job)
    if job.status not in JobStatus.remote():
        return job
    is_due = _take_turn(job, now)
    if is_due or is_forced:
        try:
            _look(job, now)
        except FlywheelError as error:
            _note_problem(job, error, now)
        job = fresh_job(job)
    if is_due and job.next_poll_at:
        jobs.enqueue_later(POLL_JOB, job.pk, seconds=(job.next_poll_at - now).total_seconds())
    return job


def _take_turn(job: FineTuneJob, now: datetime) -> bool:
    """Whether this is the look that is due. Only that one is followed by another, so forced looks add none."""
    due = FineTuneJob.objects.due_for_poll(now=now).filter(pk=job.pk)
    return bool(due.update(next_poll_at=now + HANDED_OUT, handed_out_at=None))


def _look(job: FineTuneJob, now: datetime) -> None:
    provider, access = access_for(organization=job.organization, credential=job.credential)
    remote = provider.retrieve_job(access, job_id=job.provider_job_id)
    if provider.can_list_events:
        _store_events(job, provider, access)
    if remote.status is RemoteStatus.SUCCEEDED:
        succeed_job(job=job, remote=remote, metrics=_metrics(job, remote, provider, access), now=now)
    else:
        apply_remote(job=job, remote=remote, by=SYSTEM, now=now, wait=provider.poll_seconds(access))


def _store_events(job: FineTuneJob, provider: Provider, access: Access) -> None:
    known = job.events.order_by("-pk").values_list("remote_id", flat=True)[:EVENTS_REMEMBERED]
    events = provider.list_events(access, job_id=job.provider_job_id, known=list(known))
    rows = [
        FineTuneEvent(
            job=job, remote_id=event.id, at=event.at, level=event.level, type=event.type, message=event.message,
            data=dict(event.data),
        )
        for event in events
    ]  # fmt: skip
    FineTuneEvent.objects.bulk_create(rows, ignore_conflicts=True)


def _metrics(job: FineTuneJob, remote: RemoteJob, provider: Provider, access: Access) -> RemoteMetrics:
    """A model without metrics is still a model: a result file that stays unreadable is done without."""
    try:
        return provider.read_metrics(access, job=remote)
    except ProviderError:
        if job.poll_failures < TOLERATED:
            raise
        return RemoteMetrics()


def apply_remote(*, job: FineTuneJob, remote: RemoteJob, by: Actor, now: datetime, wait: int) -> None:
    """Take over what the provider says of a job that has not succeeded."""
    status = JobStatus(remote.status)
    if status == JobStatus.FAILED:
        fail_job(job=job, error=_reason(remote), expected=JobStatus.remote(), by=by, now=now)
        return
    values: dict[str, Any] = {}
    if status in JobStatus.remote():
        values = {
            "next_poll_at": now + timedelta(seconds=wait),
            "estimated_finish_at": remote.estimated_finish_at,
            "last_problem": remote.note,
            "poll_failures": 0,
        }
    set_job_status(job=job, to=status, expected=JobStatus.remote(), by=by, now=now, **values)


def _reason(remote: RemoteJob) -> FlywheelError:
    said = remote.error_message or "The provider gave no reason."
    resolution = RESOLUTIONS.get(remote.error_code, OTHER_RESOLUTION)
    return FlywheelError(said, resolution=resolution, code=remote.error_code or "job_failed")


def _note_problem(job: FineTuneJob, error: FlywheelError, now: datetime) -> None:
    """Money may have been spent at the provider, so a job is not given up because nobody answers; unless it is gone."""
    if error.code == "not_found_at_provider" and job.poll_failures >= TOLERATED:
        fail_job(job=job, error=error, expected=JobStatus.remote(), by=SYSTEM, now=now)
        return
    wait = min(30 * 2 ** min(job.poll_failures, 4), LONGEST_WAIT)
    FineTuneJob.objects.filter(pk=job.pk, status__in=JobStatus.remote()).update(
        poll_failures=F("poll_failures") + 1,
        last_problem=str(error),
        next_poll_at=now + timedelta(seconds=wait),
        updated_at=now,
    )


@transaction.atomic
def succeed_job(*, job: FineTuneJob, remote: RemoteJob, metrics: RemoteMetrics, now: datetime) -> None:
    """End a job as succeeded and make its version of the persona's model, once, not activated."""
    finished_at = remote.finished_at or now
    price = price_on(base_model=job.base_model, day=finished_at.date())
    cost = training_cost(tokens=remote.trained_tokens, price=price) if remote.trained_tokens is not None else None
    if not set_job_status(
        job=job,
        to=JobStatus.SUCCEEDED,
        expected=JobStatus.remote(),
        by=SYSTEM,
        now=now,
        finished_at=finished_at,
        fine_tuned_model=remote.fine_tuned_model,
        result_files=list(remote.result_files),
        metrics={name: value for name, value in vars(metrics).items() if value is not None},
        trained_tokens=remote.trained_tokens,
        actual_cost_micros=cost,
        currency=price.currency if price else job.currency,
        estimated_finish_at=None,
        poll_failures=0,
    ):
        return
    job.refresh_from_db()
    model = _add_version(job, metrics)
    audit.record(
        "trained", by=SYSTEM, target=model, job=job.pk, model=job.fine_tuned_model,
        cost=format_money(cost, job.currency) if cost is not None else "unknown",
    )  # fmt: skip


def _add_version(job: FineTuneJob, metrics: RemoteMetrics) -> CustomModel:
    persona = job.persona
    hold(persona)  # versions are numbered one at a time
    number = (persona.custom_models.aggregate(last=Max("number"))["last"] or 0) + 1
    return CustomModel.objects.create(
        organization=job.organization,
        persona=persona,
        number=number,
        name=f"{persona.name} v{number}"[:200],
        base_model=job.base_model,
        credential=job.credential,
        provider=job.provider,
        fine_tuned_model_id=job.fine_tuned_model,
        training_dataset=job.dataset,
        job=job,
        training_started_at=job.started_at,
        training_completed_at=job.finished_at,
        training_duration_seconds=_duration(job),
        training_loss=metrics.training_loss,
        validation_loss=metrics.validation_loss,
        training_accuracy=metrics.training_accuracy,
        validation_accuracy=metrics.validation_accuracy,
        training_examples=job.dataset.training_count,
        training_cost_micros=job.actual_cost_micros or 0,
        currency=job.currency,
        shutdown_date=job.base_model.shutdown_date,
    )


def _duration(job: FineTuneJob) -> int | None:
    """Seconds. The two times may come from two clocks, so never less than none."""
    if job.started_at is None or job.finished_at is None:
        return None
    return max(0, round((job.finished_at - job.started_at).total_seconds()))

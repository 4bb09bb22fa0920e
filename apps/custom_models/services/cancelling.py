from datetime import datetime, timedelta

from apps.common.audit import Actor
from apps.common.errors import Conflict, ProviderError
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import FineTuneJob
from apps.custom_models.queries import fresh_job
from apps.custom_models.services.job_status import UNLEASED, set_job_status
from apps.custom_models.services.polling import apply_remote, poll_fine_tune
from apps.organizations.actors import must_belong
from apps.providers.adapters.base import Access, Provider
from apps.providers.enums import RemoteStatus
from apps.providers.queries import access_for


def cancel_fine_tune(*, job: FineTuneJob, by: Actor, now: datetime) -> FineTuneJob:
    """End an open job, at the provider too. Returns the fresh row.

    Its dataset can be trained on again; if its creation was under way, once that is settled (see `settle_orphan`).

    Conflict: it has ended already, or its provider cannot cancel. ProviderError: the provider could not be asked, so
    the job runs on.
    """
    must_belong(by=by, organization=job.organization, what="job")
    job = fresh_job(job)
    if job.status in JobStatus.finished():
        raise _has_ended(job)
    provider, access = access_for(organization=job.organization, credential=job.credential)
    if job.status == JobStatus.CREATING:
        _adopt_lost_job(job, provider, access, by=by, now=now)
    if job.status in JobStatus.launching() and _cancel_before_launch(job, by=by, now=now):
        return fresh_job(job)
    return _cancel_at_provider(fresh_job(job), provider, access, by=by, now=now)


def _cancel_before_launch(job: FineTuneJob, *, by: Actor, now: datetime) -> bool:
    """A worker in the middle of creating it notices by its lost lease; what it created is ended by `settle_orphan`."""
    return set_job_status(job=job, to=JobStatus.CANCELLED, expected=JobStatus.launching(), by=by, now=now)


def _adopt_lost_job(job: FineTuneJob, provider: Provider, access: Access, *, by: Actor, now: datetime) -> None:
    """The provider may have the job although its answer was lost: then it must be cancelled there."""
    remote = provider.find_job(access, reference=job.client_reference)
    if remote is None:
        return
    set_job_status(
        job=job, to=JobStatus.VALIDATING_FILES, expected=JobStatus.launching(), by=by, now=now,
        provider_job_id=remote.id, creation_unanswered_since=None, started_at=remote.created_at or now,
        next_poll_at=now + timedelta(seconds=30), **UNLEASED,
    )  # fmt: skip
    job.refresh_from_db()


def _cancel_at_provider(
    job: FineTuneJob, provider: Provider, access: Access, *, by: Actor, now: datetime
) -> FineTuneJob:
    if job.status in JobStatus.finished():
        raise _has_ended(job)
    if not provider.can_cancel:
        raise Conflict(f"{provider.title} cannot cancel a job.", resolution="Wait for its end.", code="cannot_cancel")
    try:
        remote = provider.cancel_job(access, job_id=job.provider_job_id)
    except ProviderError as error:
        if not error.temporary and poll_fine_tune(job=job, now=now, is_forced=True).status in JobStatus.finished():
            raise _has_ended(fresh_job(job)) from error  # it ended between two looks, which is why it was refused
        raise
    if remote.status is RemoteStatus.SUCCEEDED:
        raise _has_ended(poll_fine_tune(job=job, now=now, is_forced=True))
    apply_remote(job=job, remote=remote, by=by, now=now, wait=provider.poll_seconds(access))
    return fresh_job(job)


def _has_ended(job: FineTuneJob) -> Conflict:
    return Conflict(
        f"Fine-tuning job {job.pk} has already ended: {job.get_status_display().lower()}.",
        resolution="There is nothing left to cancel.",
        code="job_has_ended",
    )

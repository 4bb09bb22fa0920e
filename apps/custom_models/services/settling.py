"""Ending what a provider may have made of a creation whose answer was lost, when its job here has ended meanwhile.

`creation_unanswered_since` is written before a provider is asked to create a job and cleared when its answer is known.
A job that ends in between keeps it, and with it its dataset, so that no second job is paid for beside the first.
"""

import logging
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from apps.common import audit
from apps.common.audit import SYSTEM
from apps.common.errors import FlywheelError
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import FineTuneJob
from apps.custom_models.queries import fresh_job
from apps.custom_models.services.job_status import LEASE
from apps.custom_models.services.job_sweep import HANDED_OUT
from apps.providers.adapters.base import RemoteJob
from apps.providers.queries import access_for

logger = logging.getLogger(__name__)

MAY_APPEAR = LEASE + timedelta(minutes=5)  # after it was asked for; a later look that finds none is the last
LOOK_AGAIN = timedelta(minutes=1)
GIVEN_UP = timedelta(days=1)  # of failing looks: a provider whose key is gone must not hold a dataset for ever


def settle_orphan(*, job: FineTuneJob, now: datetime, answer: RemoteJob | None = None) -> FineTuneJob:
    """Find and cancel the remote job of a job that ended while it was being created; returns the fresh row.

    `answer` is what the provider did answer, if it came after the end. Harmless when there is nothing to settle or
    another worker is at it. Until the remote job has ended, or none has appeared for a quarter of an hour, the sweep
    looks for it again; problems are noted on the job, and after a day of them it is given up.
    """
    due = FineTuneJob.objects.filter(pk=job.pk).due_for_settling(now=now)
    if not due.update(next_poll_at=now + HANDED_OUT, handed_out_at=None):
        return fresh_job(job)
    job = fresh_job(job)
    waited = now - (job.creation_unanswered_since or now)
    try:
        is_over, words = _end_at_provider(job, answer, waited)
    except FlywheelError as error:
        is_over, words = waited >= GIVEN_UP, f"The provider may have made {job.client_reference}. {error}"
        logger.log(logging.ERROR if is_over else logging.WARNING, "job %s has ended here. %s", job.pk, words)
    _note(job, is_over, words, now)
    return fresh_job(job)


def _end_at_provider(job: FineTuneJob, answer: RemoteJob | None, waited: timedelta) -> tuple[bool, str]:
    """Whether nothing more can come of it, and what was seen, for people."""
    provider, access = access_for(organization=job.organization, credential=job.credential)
    remote = answer or provider.find_job(access, reference=job.client_reference)
    if remote is None:
        return waited >= MAY_APPEAR, ""
    _remember(job, remote)
    if provider.can_cancel and JobStatus(remote.status) in JobStatus.remote():
        remote = provider.cancel_job(access, job_id=remote.id)
    words = f"The provider had made {remote.id} nevertheless: {remote.status} there."
    return JobStatus(remote.status) in JobStatus.finished(), words


def _remember(job: FineTuneJob, remote: RemoteJob) -> None:
    """The id is for people. At a server that counts from one again, another job may have it."""
    try:
        with transaction.atomic():
            FineTuneJob.objects.filter(pk=job.pk, provider_job_id="").update(provider_job_id=remote.id)
    except IntegrityError:
        logger.warning("job %s is %s at its provider, as another job was", job.pk, remote.id)


@transaction.atomic
def _note(job: FineTuneJob, is_over: bool, words: str, now: datetime) -> None:
    rows = FineTuneJob.objects.filter(pk=job.pk)
    if is_over:
        rows.update(creation_unanswered_since=None, next_poll_at=None, last_problem=words, updated_at=now)
        audit.record("settled", by=SYSTEM, target=job, seen=words)
    else:
        rows.update(next_poll_at=now + LOOK_AGAIN, last_problem=words, updated_at=now)

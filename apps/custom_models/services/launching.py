"""Getting a job to its provider exactly once.

The row is claimed with a lease, a fencing token and a counted attempt. Every effect outside is preceded by a committed
status that announces it; before a job is created, the provider is asked for one that carries our reference, so an
answer that was lost, or a worker that was killed, never makes a second one. If the job ends before the answer is known,
`settle_orphan` ends what was made. Files are simply uploaded again if
their id was lost: a second copy of a file costs nothing and trains nothing.
"""

import hashlib
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any

from django.db import IntegrityError, transaction

from apps.common import jobs
from apps.common.audit import SYSTEM
from apps.common.clock import RunningClock
from apps.common.errors import Conflict, FlywheelError, ProviderError
from apps.common.ids import new_id
from apps.contributions.enums import Split
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import FineTuneJob
from apps.custom_models.queries import fresh_job
from apps.custom_models.services.job_status import LEASE, UNLEASED, fail_job, set_job_status
from apps.custom_models.services.job_sweep import POLL_JOB
from apps.custom_models.services.settling import settle_orphan
from apps.datasets.models import TrainingDataset
from apps.datasets.queries import file_chunks, frozen_sha256
from apps.providers.adapters.base import Access, JobSpec, Provider, RemoteJob
from apps.providers.queries import access_for

MAX_LAUNCHES = 12  # with the waits between them: about three quarters of an hour of an unreachable provider
FIRST_WAIT, LONGEST_WAIT = 30, 300  # seconds between attempts, doubling
IN_MEMORY = 8 * 1024 * 1024  # bytes of a training file before it goes to disk


class LeaseLost(Exception):
    """Another worker has the job now, or somebody cancelled it: stop and change nothing."""


@dataclass
class Launch:
    """One attempt: the job as this worker last saw it, and the token that its writes must carry."""

    job: FineTuneJob
    token: str
    clock: RunningClock

    def announce(self, status: JobStatus, **values: Any) -> None:
        """Commit what is about to be done and renew the lease; LeaseLost if the job is no longer ours."""
        now = self.clock.now()
        values = {"lease_until": now + LEASE, **values}
        launching = JobStatus.launching()
        if not set_job_status(
            job=self.job, to=status, expected=launching, by=SYSTEM, now=now, token=self.token, **values
        ):
            raise LeaseLost
        self.job.refresh_from_db()


def launch_fine_tune(*, job: FineTuneJob, now: datetime) -> FineTuneJob:
    """Bring a started job to its provider; returns the fresh row. Harmless when another worker is at it or it is done.

    A temporary error leaves it in `last_problem` for the sweep to try again, MAX_LAUNCHES times; then, or after a
    permanent one, the job fails with the reason.
    """
    launch = _claim(job, now)
    if launch is not None:
        try:
            _bring_to_provider(launch)
        except LeaseLost:
            pass
        except FlywheelError as error:
            _give_up_or_wait(launch, error)
    return fresh_job(job)


def _claim(job: FineTuneJob, now: datetime) -> Launch | None:
    """One winner. The attempt is counted now, so that a worker killed by its job counts too."""
    due = FineTuneJob.objects.filter(pk=job.pk).due_for_launch(now=now)
    job = due.select_related("organization", "dataset", "base_model", "credential").first() or job
    token = new_id("", length=16)
    if not due.filter(launch_attempts=job.launch_attempts).update(
        lease_token=token,
        lease_until=now + LEASE,
        launch_attempts=job.launch_attempts + 1,
        handed_out_at=None,
        updated_at=now,
    ):
        return None
    job.refresh_from_db(fields=["launch_attempts", "status", "lease_token", "lease_until"])
    return Launch(job=job, token=token, clock=RunningClock(now))


def _bring_to_provider(launch: Launch) -> None:
    job = launch.job
    if job.launch_attempts > MAX_LAUNCHES:  # its workers died: nobody was left to count the last attempt
        raise _abandoned(job)
    provider, access = access_for(organization=job.organization, credential=job.credential)
    _upload_files(launch, provider, access)
    launch.announce(JobStatus.CREATING)
    remote = provider.find_job(access, reference=job.client_reference) or _create(launch, provider, access)
    try:
        _record_remote(launch, remote)
    except LeaseLost:  # a worker that took over finds it by its reference; if the job has ended, nobody does
        settle_orphan(job=job, now=launch.clock.now(), answer=remote)
    except IntegrityError as error:
        raise _id_taken(job, remote) from error


def _create(launch: Launch, provider: Provider, access: Access) -> RemoteJob:
    """Ask for the job, after writing down that we did: looking may have taken long, and the lease may be lost."""
    file_chunks(dataset=launch.job.dataset, split=Split.TRAIN)  # Conflict if examples were withdrawn since the upload
    asked_at = launch.clock.now()
    launch.announce(JobStatus.CREATING, creation_unanswered_since=asked_at)
    try:
        return provider.create_job(access, _spec(launch.job))
    except ProviderError as error:
        if not error.temporary:  # a refusal is an answer: there is no job
            asked = FineTuneJob.objects.filter(pk=launch.job.pk, creation_unanswered_since=asked_at)
            asked.update(creation_unanswered_since=None)
        raise


def _upload_files(launch: Launch, provider: Provider, access: Access) -> None:
    dataset = launch.job.dataset
    if not launch.job.training_file_id:
        launch.announce(JobStatus.UPLOADING)
        launch.announce(JobStatus.UPLOADING, training_file_id=_upload(dataset, Split.TRAIN, provider, access))
    if dataset.validation_count and not launch.job.validation_file_id:
        launch.announce(JobStatus.UPLOADING, validation_file_id=_upload(dataset, Split.VALIDATION, provider, access))


def _upload(dataset: TrainingDataset, split: Split, provider: Provider, access: Access) -> str:
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        _write_frozen_file(dataset, split, file)
        file.seek(0)
        return provider.upload_file(access, name=f"dataset-{dataset.pk}-{split}.jsonl", file=file)  # type: ignore[arg-type]


def _write_frozen_file(dataset: TrainingDataset, split: Split, file: IO[bytes]) -> None:
    """The very bytes that were published, proved by their SHA-256; Conflict if they are not."""
    digest = hashlib.sha256()
    for chunk in file_chunks(dataset=dataset, split=split):
        digest.update(chunk)
        file.write(chunk)
    if digest.hexdigest() != frozen_sha256(dataset=dataset, split=split):
        raise Conflict(
            f"The {split} file of {dataset} is no longer what was published.",
            resolution="Build and publish a new dataset, and have check_invariants say what changed.",
            code="dataset_changed",
        )


def _spec(job: FineTuneJob) -> JobSpec:
    return JobSpec(
        reference=job.client_reference,
        base_model=job.base_model.name,
        training_file=job.training_file_id,
        validation_file=job.validation_file_id,
        suffix=job.suffix,
        method=job.method,
        hyperparameters=job.hyperparameters,
    )


@transaction.atomic
def _record_remote(launch: Launch, remote: RemoteJob) -> None:
    """The provider has the job. One that has ended already is still handed to the poll, which knows how to end jobs."""
    status = JobStatus(remote.status)
    launch.announce(
        status if status in JobStatus.remote() else JobStatus.VALIDATING_FILES,
        provider_job_id=remote.id,
        creation_unanswered_since=None,
        started_at=remote.created_at or launch.clock.now(),
        next_poll_at=launch.clock.now(),
        handed_out_at=launch.clock.now(),
        last_problem=remote.note,
        **UNLEASED,
    )
    jobs.enqueue(POLL_JOB, launch.job.pk)


def _give_up_or_wait(launch: Launch, error: FlywheelError) -> None:
    job, now = launch.job, launch.clock.now()
    temporary = isinstance(error, ProviderError) and error.temporary
    if temporary and job.launch_attempts < MAX_LAUNCHES:
        _wait(launch, error, now)
        return
    if temporary:
        error = _abandoned(job, error)
    fail_job(job=job, error=error, expected=JobStatus.launching(), by=SYSTEM, now=now, token=launch.token)


def _wait(launch: Launch, error: FlywheelError, now: datetime) -> None:
    """The lease is kept until the next attempt is due, and that is the whole back-off."""
    wait = min(FIRST_WAIT * 2 ** (launch.job.launch_attempts - 1), LONGEST_WAIT)
    ours = FineTuneJob.objects.filter(pk=launch.job.pk, lease_token=launch.token)
    ours.update(lease_until=now + timedelta(seconds=wait), last_problem=str(error), updated_at=now)


def _abandoned(job: FineTuneJob, last: FlywheelError | None = None) -> FlywheelError:
    said = f" The last problem: {last.message}" if last else f" {job.last_problem}" if job.last_problem else ""
    return Conflict(
        f"The launch was given up after {MAX_LAUNCHES} attempts.{said}",
        resolution=f"Check the provider, then start again. A job that it made nevertheless ({job.client_reference}) "
        "is looked for and ended first.",
        code="launch_abandoned",
    )


def _id_taken(job: FineTuneJob, remote: RemoteJob) -> FlywheelError:
    return Conflict(
        f"The provider gave the job the id {remote.id}, which another of its jobs has.",
        resolution=f"It is ended there; check that, by its reference {job.client_reference}. Then start again.",
        code="provider_job_id_taken",
    )

"""Provider down, slow, answering garbage, breaking off: nothing is lost, and no second job is made (issue 2)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.utils import timezone

from apps.common import jobs
from apps.common.audit import SYSTEM
from apps.common.errors import ProviderError
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import CustomModel, FineTuneJob
from apps.custom_models.services import (
    cancel_fine_tune,
    hand_out_due_jobs,
    launch_fine_tune,
    poll_fine_tune,
)
from apps.custom_models.services.launching import MAX_LAUNCHES
from apps.datasets.enums import DatasetStatus
from apps.providers.adapters import openai as adapter
from apps.providers.adapters.openai import OpenAIProvider
from apps.trainer.models import TrainerJob
from tests.custom_models.world import CREATE, FIND, UPLOAD, at, launch, start, work
from tests.faults import GARBAGE, Fault, FaultProxy, Lost, Refused, Slow, Truncated, said_error

pytestmark = pytest.mark.django_db(transaction=True)

FAULTS: list[Fault] = [
    Refused(),
    Lost(),
    Truncated(),
    Slow(4),
    GARBAGE,
    said_error(500, "server_error"),
    said_error(429, "rate_limit_exceeded"),
]


@contextmanager
def injected(proxy: FaultProxy, method: str, path_end: str, fault: Fault) -> Iterator[None]:
    """The fault strikes inside. Who waits for a slow answer gives up soon; nobody else does on a busy machine."""
    proxy.inject(method, path_end, fault)
    adapter._client_of_process.cache_clear()  # a client keeps the time it was made with
    with pytest.MonkeyPatch.context() as patch:
        if isinstance(fault, Slow):
            patch.setattr(adapter, "TIMEOUT", httpx2.Timeout(3))
        try:
            yield
        finally:
            adapter._client_of_process.cache_clear()


@pytest.mark.parametrize("where", [UPLOAD, FIND, CREATE], ids=["upload", "find", "create"])
def test_every_fault_during_the_launch(job: FineTuneJob, proxy: FaultProxy, where: tuple[str, str]) -> None:
    for made, fault in enumerate(FAULTS, start=1):
        with injected(proxy, *where, fault):
            job = launch(job)
        assert job.status in JobStatus.launching(), fault
        assert job.last_problem, fault
        assert job.lease_until is not None, fault

        job = work(launch(job))
        assert (job.status, job.launch_attempts, job.last_problem) == (JobStatus.SUCCEEDED, 2, ""), fault
        assert TrainerJob.objects.count() == made, fault
        assert TrainerJob.objects.latest("pk").public_id == job.provider_job_id, fault
        assert CustomModel.objects.count() == made, fault
        job = start(job.dataset)


@pytest.fixture
def trained_job(job: FineTuneJob) -> FineTuneJob:
    """The provider has finished it, and we have not looked since."""
    job = launch(job)
    jobs.drain()
    job.refresh_from_db()
    assert TrainerJob.objects.get().status == JobStatus.SUCCEEDED
    assert job.status in JobStatus.remote()
    return job


@pytest.mark.parametrize("where", ["job", "events", "result"])
def test_every_fault_during_a_poll(trained_job: FineTuneJob, proxy: FaultProxy, where: str) -> None:
    job = trained_job
    path = {"job": job.provider_job_id, "events": "/events", "result": "/content"}[where]
    for failures, fault in enumerate(FAULTS[:5], start=1):
        with injected(proxy, "GET", path, fault):
            job = poll_fine_tune(job=job, now=at(job))
        assert job.status in JobStatus.remote(), fault
        assert (job.poll_failures, bool(job.last_problem)) == (failures, True), fault
        assert CustomModel.objects.count() == 0, fault

    job = poll_fine_tune(job=job, now=at(job))
    assert (job.status, job.last_problem, job.poll_failures) == (JobStatus.SUCCEEDED, "", 0)
    assert CustomModel.objects.count() == 1


def test_waits_between_attempts_double_up_to_five_minutes(job: FineTuneJob, proxy: FaultProxy) -> None:
    waits = []
    for _ in range(6):
        proxy.inject(*UPLOAD, Refused())
        now = at(job)
        job = launch_fine_tune(job=job, now=now)
        assert job.lease_until is not None
        waits.append(round((job.lease_until - now).total_seconds()))
    assert waits == [30, 60, 120, 240, 300, 300]


def test_nothing_is_tried_before_its_time(job: FineTuneJob, proxy: FaultProxy) -> None:
    proxy.inject(*UPLOAD, Refused())
    job = launch(job)
    again = launch_fine_tune(job=job, now=timezone.now())
    assert again.launch_attempts == 1
    assert proxy.count(*UPLOAD) == 0


def test_the_sweep_hands_a_waiting_job_out_when_it_is_due_and_once(job: FineTuneJob, proxy: FaultProxy) -> None:
    proxy.inject(*UPLOAD, Refused())
    now = timezone.now()
    launch_fine_tune(job=job, now=now)
    assert hand_out_due_jobs(now=now + timedelta(seconds=20)) == 0
    later = now + timedelta(seconds=40)
    assert hand_out_due_jobs(now=later) == 1
    assert hand_out_due_jobs(now=later) == 0
    assert hand_out_due_jobs(now=later + timedelta(minutes=3)) == 1  # the queue may have lost it


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        (said_error(401, "invalid_api_key", "Wrong key."), "invalid_provider_key", "Put a valid key"),
        (said_error(403, "not_allowed", "Fine-tuning is closed."), "provider_refused", "Fine-tuning is closed."),
        (said_error(429, "insufficient_quota", "Out of credit."), "insufficient_quota", "Add credit"),
        (said_error(400, "invalid_value", "Bad suffix."), "provider_refused", "Bad suffix."),
    ],
    ids=["key", "closed", "quota", "refused"],
)
def test_a_permanent_refusal_fails_the_job_with_its_reason(
    job: FineTuneJob, proxy: FaultProxy, fault: Fault, code: str, says: str
) -> None:
    proxy.inject(*CREATE, fault)
    job = launch(job)
    assert (job.status, job.error_code) == (JobStatus.FAILED, code)
    assert says in job.error_message
    job.dataset.refresh_from_db()
    assert job.dataset.status == DatasetStatus.FAILED
    assert TrainerJob.objects.count() == 0


class Killed(BaseException):
    """The worker process ends here: nothing after it runs, no handler, no clean-up."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", ["upload_file", "find_job", "create_job"])
def test_a_worker_killed_around_any_call(
    job: FineTuneJob, monkeypatch: pytest.MonkeyPatch, call: str, when: str
) -> None:
    real = getattr(OpenAIProvider, call)

    def dying(self: OpenAIProvider, *args: Any, **kwargs: Any) -> Any:
        if when == "after":
            real(self, *args, **kwargs)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(OpenAIProvider, call, dying)
        with pytest.raises(Killed):
            launch(job)
    job.refresh_from_db()
    assert job.status in JobStatus.launching()

    assert launch_fine_tune(job=job, now=timezone.now()).launch_attempts == 1  # its lease still holds
    assert hand_out_due_jobs(now=timezone.now()) == 0
    assert hand_out_due_jobs(now=at(job)) == 1  # the sweep finds it when the lease is over
    job = work(launch(job))
    assert (job.status, job.launch_attempts) == (JobStatus.SUCCEEDED, 2)
    assert TrainerJob.objects.count() == 1


def test_a_worker_that_always_dies_parks_the_job(job: FineTuneJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def dying(*_args: Any, **_kwargs: Any) -> Any:
        raise Killed

    monkeypatch.setattr(OpenAIProvider, "upload_file", dying)
    for _ in range(MAX_LAUNCHES):
        with pytest.raises(Killed):
            launch(job)
        job.refresh_from_db()
    job = launch(job)
    assert (job.status, job.error_code) == (JobStatus.FAILED, "launch_abandoned")


def test_a_worker_that_lost_its_lease_changes_nothing(job: FineTuneJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first worker hangs in the upload until a second one has done everything."""
    real = OpenAIProvider.upload_file
    taken_over: list[FineTuneJob] = []

    def hanging(self: OpenAIProvider, *args: Any, **kwargs: Any) -> Any:
        if not taken_over:
            job.refresh_from_db()
            taken_over.append(job)
            taken_over.append(launch(job))
        return real(self, *args, **kwargs)

    monkeypatch.setattr(OpenAIProvider, "upload_file", hanging)
    first = launch(job)
    assert first.provider_job_id == taken_over[1].provider_job_id
    assert first.launch_attempts == 2
    assert TrainerJob.objects.count() == 1


def test_cancelling_while_the_provider_is_down(job: FineTuneJob, proxy: FaultProxy) -> None:
    job = launch(job)
    proxy.inject("POST", "/cancel", Refused())
    with pytest.raises(ProviderError) as error:
        cancel_fine_tune(job=job, by=SYSTEM, now=timezone.now())
    assert error.value.resolution
    job.refresh_from_db()
    assert job.status in JobStatus.remote()
    assert cancel_fine_tune(job=job, by=SYSTEM, now=timezone.now()).status == JobStatus.CANCELLED


def test_a_job_that_the_provider_forgot_fails_in_the_end(trained_job: FineTuneJob, proxy: FaultProxy) -> None:
    job = trained_job
    proxy.inject("GET", job.provider_job_id, said_error(404, "not_found"), times=6)
    for _ in range(6):
        assert job.status in JobStatus.remote()
        job = poll_fine_tune(job=job, now=at(job))
    assert (job.status, job.error_code) == (JobStatus.FAILED, "not_found_at_provider")


def test_metrics_that_stay_unreadable_are_done_without(trained_job: FineTuneJob, proxy: FaultProxy) -> None:
    job = trained_job
    proxy.inject("GET", "/content", GARBAGE, times=9)
    for _ in range(6):
        job = poll_fine_tune(job=job, now=at(job))
    assert (job.status, job.metrics) == (JobStatus.SUCCEEDED, {})

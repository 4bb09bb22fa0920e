"""Creations that nobody heard the answer of: what the provider made of them is found, and ended there (issue 2)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.common import jobs
from apps.common.audit import SYSTEM
from apps.common.embedded import mint_trainer_key
from apps.common.errors import Conflict
from apps.common.models import AuditEvent
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import FineTuneJob
from apps.custom_models.services import cancel_fine_tune, hand_out_due_jobs, settle_orphan
from apps.custom_models.services.launching import MAX_LAUNCHES
from apps.datasets.enums import DatasetStatus
from apps.providers.adapters.openai import OpenAIProvider
from apps.providers.services import create_credential
from apps.trainer.models import TrainerJob
from tests.custom_models.world import CREATE, FIND, UPLOAD, at, launch, make_dataset, start, work
from tests.faults import FaultProxy, Lost, Refused, said_error

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cancelled_meanwhile(job: FineTuneJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody cancels the job after the worker has decided to create it, and before its request is out."""
    real = OpenAIProvider.create_job

    def overtaken(self: OpenAIProvider, *args: Any, **kwargs: Any) -> Any:
        cancel_fine_tune(job=job, by=SYSTEM, now=timezone.now())
        monkeypatch.undo()  # once
        return real(self, *args, **kwargs)

    monkeypatch.setattr(OpenAIProvider, "create_job", overtaken)


def must_not_be_started(job: FineTuneJob) -> None:
    with pytest.raises(Conflict) as refused:
        start(job.dataset)
    assert refused.value.code == "job_may_be_alive"
    assert f"job {job.pk}" in refused.value.message
    with pytest.raises(IntegrityError), transaction.atomic():  # the database thinks so too
        FineTuneJob.objects.create(**{**values_of(job), "client_reference": "another", "status": JobStatus.PREPARING})


def values_of(job: FineTuneJob) -> dict[str, Any]:
    names = ["organization", "persona", "dataset", "base_model", "provider", "started_by", "training_sha256"]
    return {name: getattr(job, name) for name in names}


def test_a_provider_that_stays_down_parks_the_job(job: FineTuneJob, proxy: FaultProxy) -> None:
    proxy.inject(*CREATE, Refused(), times=MAX_LAUNCHES)
    for _ in range(MAX_LAUNCHES):
        job = launch(job)
    assert (job.status, job.error_code, job.launch_attempts) == (JobStatus.FAILED, "launch_abandoned", MAX_LAUNCHES)
    assert job.client_reference in job.error_message
    assert "could not be reached" in job.error_message
    job.dataset.refresh_from_db()
    assert job.dataset.status == DatasetStatus.FAILED
    assert proxy.count(*UPLOAD) == 2  # training and validation file once each, not once an attempt
    must_not_be_started(job)
    settle_orphan(job=job, now=at(job) + timedelta(hours=2))
    assert work(start(job.dataset)).status == JobStatus.SUCCEEDED  # and the way out works


def test_a_job_whose_last_creation_was_lost_is_ended_at_its_provider(job: FineTuneJob, proxy: FaultProxy) -> None:
    proxy.inject(*UPLOAD, Refused(), times=MAX_LAUNCHES - 1)
    proxy.inject(*CREATE, Lost())
    for _ in range(MAX_LAUNCHES):
        job = launch(job)
    assert (job.status, job.error_code) == (JobStatus.FAILED, "launch_abandoned")
    must_not_be_started(job)
    job = settle_orphan(job=job, now=timezone.now())
    assert TrainerJob.objects.get().status == JobStatus.CANCELLED
    assert (job.status, job.error_code) == (JobStatus.FAILED, "launch_abandoned")
    assert work(start(job.dataset)).status == JobStatus.SUCCEEDED


@pytest.mark.usefixtures("cancelled_meanwhile")
def test_cancelled_while_it_was_being_created(job: FineTuneJob) -> None:
    job = launch(job)
    assert job.status == JobStatus.CANCELLED
    assert TrainerJob.objects.get().status == JobStatus.CANCELLED
    assert TrainerJob.objects.get().public_id == job.provider_job_id
    assert work(start(job.dataset)).status == JobStatus.SUCCEEDED


@pytest.mark.usefixtures("cancelled_meanwhile")
def test_cancelled_while_it_was_being_created_and_the_answer_was_lost(job: FineTuneJob, proxy: FaultProxy) -> None:
    proxy.inject(*CREATE, Lost())
    job = launch(job)
    assert (job.status, job.provider_job_id) == (JobStatus.CANCELLED, "")
    assert TrainerJob.objects.get().status in JobStatus.remote()
    must_not_be_started(job)

    assert hand_out_due_jobs(now=timezone.now()) == 1
    assert hand_out_due_jobs(now=timezone.now()) == 0
    jobs.drain()
    job.refresh_from_db()
    remote = TrainerJob.objects.get()
    assert (remote.status, remote.public_id) == (JobStatus.CANCELLED, job.provider_job_id)
    assert (job.status, job.creation_unanswered_since, job.next_poll_at) == (JobStatus.CANCELLED, None, None)
    assert job.last_problem == f"The provider had made {remote.public_id} nevertheless: cancelled there."
    assert AuditEvent.objects.filter(verb="settled", object_id=job.pk, actor="system").count() == 1
    assert hand_out_due_jobs(now=timezone.now() + timedelta(days=1)) == 0
    assert work(start(job.dataset)).status == JobStatus.SUCCEEDED


@pytest.mark.usefixtures("cancelled_meanwhile")
def test_an_orphan_that_could_not_be_cancelled_is_cancelled_later(job: FineTuneJob, proxy: FaultProxy) -> None:
    proxy.inject("POST", "/cancel", Refused())
    job = launch(job)
    assert (job.status, job.provider_job_id) == (JobStatus.CANCELLED, TrainerJob.objects.get().public_id)
    assert "could not be reached" in job.last_problem
    assert TrainerJob.objects.get().status in JobStatus.remote()
    must_not_be_started(job)

    assert settle_orphan(job=job, now=timezone.now()).creation_unanswered_since is not None  # not before its time
    assert TrainerJob.objects.get().status in JobStatus.remote()
    assert settle_orphan(job=job, now=at(job)).creation_unanswered_since is None
    assert TrainerJob.objects.get().status == JobStatus.CANCELLED
    assert work(start(job.dataset)).status == JobStatus.SUCCEEDED


@pytest.mark.usefixtures("cancelled_meanwhile")
def test_a_creation_that_never_reached_the_provider(job: FineTuneJob, proxy: FaultProxy) -> None:
    proxy.inject(*CREATE, Refused())
    asked_at = timezone.now()
    job = settle_orphan(job=launch(job), now=timezone.now())
    assert job.status == JobStatus.CANCELLED
    must_not_be_started(job)  # it may still be on its way

    job = settle_orphan(job=job, now=asked_at + timedelta(minutes=16))
    assert (job.creation_unanswered_since, job.last_problem) == (None, "")
    assert work(start(job.dataset)).status == JobStatus.SUCCEEDED
    assert TrainerJob.objects.count() == 1


@pytest.mark.usefixtures("cancelled_meanwhile")
def test_a_refusal_leaves_nothing_to_settle(job: FineTuneJob, proxy: FaultProxy) -> None:
    proxy.inject(*CREATE, said_error(400, "invalid_value"))
    job = launch(job)
    assert (job.status, job.creation_unanswered_since) == (JobStatus.CANCELLED, None)
    assert hand_out_due_jobs(now=timezone.now() + timedelta(days=1)) == 0
    start(job.dataset)


@pytest.mark.usefixtures("cancelled_meanwhile")
def test_a_provider_that_stays_away_holds_the_dataset_for_a_day(job: FineTuneJob, proxy: FaultProxy) -> None:
    proxy.inject(*CREATE, Lost())
    job = launch(job)
    proxy.inject(*FIND, Refused(), times=2)
    job = settle_orphan(job=job, now=timezone.now() + timedelta(hours=23))
    assert job.client_reference in job.last_problem
    must_not_be_started(job)
    job = settle_orphan(job=job, now=timezone.now() + timedelta(hours=25))
    assert job.creation_unanswered_since is None
    assert job.client_reference in job.last_problem
    start(job.dataset)


def test_cancelling_a_job_whose_creation_was_lost(job: FineTuneJob, proxy: FaultProxy) -> None:
    proxy.inject(*CREATE, Lost())
    job = launch(job)
    assert (job.status, job.provider_job_id) == (JobStatus.CREATING, "")
    job = cancel_fine_tune(job=job, by=SYSTEM, now=timezone.now())
    assert job.status == JobStatus.CANCELLED
    assert TrainerJob.objects.get().status == JobStatus.CANCELLED


def numbered(job_id: str) -> Callable[..., Any]:
    """A server whose jobs all have this id, for us; the real one knows better."""
    real = OpenAIProvider.create_job

    def create(self: OpenAIProvider, *args: Any, **kwargs: Any) -> Any:
        return replace(real(self, *args, **kwargs), id=job_id)

    return create


def test_servers_number_their_jobs_alike(job: FineTuneJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installation's, and two of the tenant's own."""
    monkeypatch.setattr(OpenAIProvider, "create_job", numbered("ftjob-1"))
    assert launch(job).provider_job_id == "ftjob-1"
    for name in ("Ours", "Another of ours"):
        dataset = make_dataset(job.persona, place=name)
        key = mint_trainer_key(account=job.organization.slug)
        ours = create_credential(
            organization=job.organization, provider="openai", name=name, api_key=key, by=SYSTEM,
            base_url=settings.OPENAI_BASE_URL,
        )  # fmt: skip
        second = launch(start(dataset, credential=ours))
        assert (second.provider_job_id, second.status) == ("ftjob-1", JobStatus.VALIDATING_FILES)


def test_a_server_that_counts_from_one_again(job: FineTuneJob, monkeypatch: pytest.MonkeyPatch) -> None:
    first = launch(job)
    with monkeypatch.context() as patch:
        patch.setattr(OpenAIProvider, "create_job", numbered(first.provider_job_id))
        second = launch(start(make_dataset(job.persona, place="Porto")))
    assert (second.status, second.error_code, second.launch_attempts) == (JobStatus.FAILED, "provider_job_id_taken", 1)
    assert second.client_reference in second.error_message
    remote = TrainerJob.objects.latest("pk")
    assert remote.status in JobStatus.remote()

    second = settle_orphan(job=second, now=timezone.now())  # nobody pays for what nobody watches
    remote.refresh_from_db()
    assert (remote.status, second.creation_unanswered_since) == (JobStatus.CANCELLED, None)
    assert first.status in JobStatus.remote()


def test_an_orphan_whose_id_another_job_has(job: FineTuneJob, proxy: FaultProxy) -> None:
    proxy.inject(*CREATE, Lost())
    job = launch(job)
    FineTuneJob.objects.filter(pk=job.pk).update(status=JobStatus.FAILED, lease_until=None, lease_token="")
    remote = TrainerJob.objects.get()
    other = start(make_dataset(job.persona, place="Porto"))
    FineTuneJob.objects.filter(pk=other.pk).update(provider_job_id=remote.public_id)
    job = settle_orphan(job=job, now=timezone.now())
    remote.refresh_from_db()
    assert (job.provider_job_id, job.creation_unanswered_since, remote.status) == ("", None, JobStatus.CANCELLED)

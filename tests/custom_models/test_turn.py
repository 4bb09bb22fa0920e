"""A job's whole life with the embedded trainer, by the worker's own code path."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from apps.common import jobs
from apps.common.ids import sha256
from apps.common.models import AuditEvent
from apps.custom_models.enums import JobStatus
from apps.custom_models.jobs import launch_job, poll_due_jobs, poll_job
from apps.custom_models.models import CustomModel, FineTuneEvent, FineTuneJob
from apps.custom_models.services import hand_out_due_jobs, launch_fine_tune, poll_fine_tune
from apps.custom_models.services.job_sweep import HANDED_OUT, LATE
from apps.datasets.enums import DatasetStatus
from apps.datasets.queries import file_chunks
from apps.providers.adapters.base import RemoteJob
from apps.providers.adapters.openai import OpenAIProvider
from apps.providers.enums import RemoteStatus
from tests.custom_models.world import make_dataset, start, work

pytestmark = pytest.mark.django_db


def test_from_dataset_to_version_1() -> None:
    dataset = make_dataset()
    job = start(dataset, suffix="bank")
    assert (job.status, job.provider_job_id) == (JobStatus.PREPARING, "")
    dataset.refresh_from_db()
    assert dataset.status == DatasetStatus.TRAINING

    job = work(job)
    assert (job.status, job.error_message) == (JobStatus.SUCCEEDED, "")
    assert job.fine_tuned_model.startswith("ft:recall-1:")
    assert ":bank:" in job.fine_tuned_model
    assert job.trained_tokens == job.estimated_tokens > 0
    assert (job.actual_cost_micros, job.currency) == (0, "USD")
    assert job.training_file_id
    assert job.validation_file_id
    assert job.started_at is not None
    assert job.finished_at is not None
    assert (job.lease_until, job.lease_token, job.next_poll_at) == (None, "", None)

    model = CustomModel.objects.get(job=job)
    assert (model.number, model.is_active, model.training_examples) == (1, False, dataset.training_count)
    assert model.fine_tuned_model_id == job.fine_tuned_model
    assert model.validation_accuracy == 1.0
    assert (model.training_loss, model.validation_loss) == (None, None)  # recall measures no loss
    dataset.refresh_from_db()
    assert dataset.status == DatasetStatus.COMPLETED
    verbs = AuditEvent.objects.filter(object_type="custom_models.finetunejob").order_by("pk")
    assert list(verbs.values_list("verb", flat=True))[:4] == ["started", "uploading", "creating", "validating_files"]


def test_events_are_kept_in_order_and_once() -> None:
    job = work(start(make_dataset()))
    messages = list(job.events.values_list("message", flat=True))
    assert messages[0].startswith("Created fine-tuning job")
    assert "completed" in messages[-1]
    before = FineTuneEvent.objects.count()
    poll_job(job.pk)
    assert FineTuneEvent.objects.count() == before


def test_every_job_can_run_twice() -> None:
    job = work(start(make_dataset()))
    launch_job(job.pk)
    poll_job(job.pk)
    poll_due_jobs()
    job.refresh_from_db()
    assert job.launch_attempts == 1
    assert CustomModel.objects.count() == 1


def test_versions_count_up() -> None:
    dataset = make_dataset()
    first = work(start(dataset))
    second = work(start(dataset))
    assert first.provider_job_id != second.provider_job_id
    assert list(CustomModel.objects.order_by("pk").values_list("number", "job")) == [(1, first.pk), (2, second.pk)]


def test_the_provider_got_the_very_file_that_was_published() -> None:
    dataset = make_dataset()
    job = work(start(dataset))
    content = b"".join(file_chunks(dataset=dataset, split="train"))
    assert sha256(content) == job.training_sha256 == dataset.training_sha256
    assert job.started_by == "system"


def test_a_look_is_followed_by_another_until_the_job_has_ended() -> None:
    job = launch_fine_tune(job=start(make_dataset()), now=timezone.now())
    looked = timezone.now()
    poll_fine_tune(job=job, now=looked)
    for _ in range(3):  # looks in between add none
        poll_fine_tune(job=job, now=looked, is_forced=True)
    (due,) = OrmQ.objects.filter(lock__gt=looked).values_list("lock", flat=True)
    assert due is not None
    assert due <= timezone.now() + timedelta(seconds=2)  # of the embedded trainer; of others 30

    OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=1))
    FineTuneJob.objects.update(next_poll_at=timezone.now())
    work(job)
    OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=1))
    jobs.drain()
    assert OrmQ.objects.count() == 0


def job_whose_look_was_lost() -> tuple[FineTuneJob, datetime]:
    """The provider has finished it; the look that is due in five minutes is not in the queue."""
    job = launch_fine_tune(job=start(make_dataset()), now=timezone.now())
    due = timezone.now() + timedelta(minutes=5)
    FineTuneJob.objects.update(next_poll_at=due, handed_out_at=None)
    jobs.drain()
    assert OrmQ.objects.count() == 0
    return job, due


def test_a_look_that_was_lost_is_found_by_the_sweep() -> None:
    job, due = job_whose_look_was_lost()
    assert hand_out_due_jobs(now=due) == 0  # its own look may be on its way
    assert hand_out_due_jobs(now=due + LATE) == 1
    FineTuneJob.objects.update(next_poll_at=timezone.now())
    jobs.drain()
    job.refresh_from_db()
    assert job.status == JobStatus.SUCCEEDED


def test_a_queue_that_stands_still_gets_few_copies_of_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    job, due = job_whose_look_was_lost()
    sweeps = [due + LATE + minute * timedelta(minutes=1) for minute in range(5)]
    assert [hand_out_due_jobs(now=now) for now in sweeps] == [1, 0, 1, 0, 1]

    real, looks = OpenAIProvider.retrieve_job, []

    def still_running(self: OpenAIProvider, *args: Any, **kwargs: Any) -> RemoteJob:
        looks.append(kwargs)
        return replace(real(self, *args, **kwargs), status=RemoteStatus.RUNNING)

    monkeypatch.setattr(OpenAIProvider, "retrieve_job", still_running)
    monkeypatch.setattr(OpenAIProvider, "poll_seconds", lambda *_: 30)  # as of a hosted one: no look while we drain
    FineTuneJob.objects.update(next_poll_at=timezone.now())
    jobs.drain()  # three copies
    assert len(looks) == 1
    job.refresh_from_db()
    assert job.next_poll_at is not None
    assert hand_out_due_jobs(now=job.next_poll_at + LATE) == 1  # a worker came: the next one is not held back


def test_a_launch_is_handed_out_again_only_if_nobody_came_for_it() -> None:
    now = timezone.now()
    start(make_dataset(), now=now)
    assert hand_out_due_jobs(now=now + HANDED_OUT - timedelta(seconds=1)) == 0
    assert hand_out_due_jobs(now=now + HANDED_OUT) == 1


def test_a_look_before_its_time_asks_the_provider_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    job = launch_fine_tune(job=start(make_dataset()), now=timezone.now())
    FineTuneJob.objects.update(next_poll_at=timezone.now() + timedelta(minutes=1))
    with monkeypatch.context() as patch:
        patch.setattr(OpenAIProvider, "retrieve_job", None)
        assert poll_fine_tune(job=job, now=timezone.now()).poll_failures == 0
    jobs.drain()
    assert FineTuneEvent.objects.count() == 0
    poll_fine_tune(job=job, now=timezone.now(), is_forced=True)
    assert FineTuneEvent.objects.count() > 0

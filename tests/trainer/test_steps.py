"""Each step may run twice, die in the middle, or lose its job to its owner: never two models, never a lost job."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import openai
import pytest
from django.utils import timezone

from apps.common.audit import SYSTEM
from apps.common.jobs import drain
from apps.trainer import jobs
from apps.trainer.engines import BY_BASE_MODEL
from apps.trainer.engines.recall import Recall
from apps.trainer.enums import JobStatus
from apps.trainer.models import TrainerFile, TrainerJob, TrainerModel
from apps.trainer.services import files, steps, training
from tests.trainer.conftest import Connect, ask, start, train, upload

pytestmark = pytest.mark.django_db
Examples = list[dict[str, Any]]


@pytest.fixture
def client(connect: Connect) -> openai.OpenAI:
    return connect("acme")


@pytest.fixture
def models(tmp_path: Path) -> Callable[[], list[Path]]:
    return lambda: [path for path in (tmp_path / "var").rglob("*") if path.is_file()]


class Interrupted(Recall):
    """Learns like the real one; something happens in the middle of it."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self.meanwhile = meanwhile

    def train(self, **arguments: Any) -> None:
        on_step = arguments.pop("on_step")

        def interrupted(step: Any) -> None:
            meanwhile, self.meanwhile = self.meanwhile, lambda: None  # once
            meanwhile()
            on_step(step)

        super().train(**arguments, on_step=interrupted)


def row(job: Any) -> TrainerJob:
    return TrainerJob.objects.get(public_id=job.id)


def messages(client: openai.OpenAI, job: Any) -> list[str]:
    return [event.message for event in client.fine_tuning.jobs.list_events(job.id)][::-1]


def test_every_step_is_harmless_when_it_runs_again(
    client: openai.OpenAI, examples: Examples, models: Callable[[], list[Path]]
) -> None:
    job = row(start(client, examples))
    for step in (jobs.validate_job, jobs.start_job, jobs.train_job):
        step(job.pk)
        step(job.pk)
    drain()  # what the steps put on the queue finds its work done
    for step in (jobs.validate_job, jobs.start_job, jobs.train_job):
        step(job.pk)

    assert client.fine_tuning.jobs.retrieve(job.public_id).status == "succeeded"
    assert len(list(client.fine_tuning.jobs.list_events(job.public_id))) == 7
    assert TrainerModel.objects.count() == len(models()) == 1
    assert TrainerFile.objects.count() == 2


def test_steps_follow_each_other_through_the_queue(client: openai.OpenAI, examples: Examples) -> None:
    job = row(start(client, examples))
    seen = []
    for _ in range(3):
        assert drain(limit=1) == 1
        job.refresh_from_db()
        seen.append(job.status)
    assert seen == ["queued", "running", "succeeded"]
    assert drain() == 0


@pytest.mark.parametrize("status", [JobStatus.VALIDATING_FILES, JobStatus.RUNNING])
def test_a_killed_step_is_found_and_taken_again(
    client: openai.OpenAI, examples: Examples, status: JobStatus, models: Callable[[], list[Path]]
) -> None:
    job = row(start(client, examples))
    if status == JobStatus.RUNNING:
        drain(limit=2)
    now = timezone.now()
    assert steps.claim_step(job_id=job.pk, status=status, now=now)  # and here the worker is killed
    drain()
    job.refresh_from_db()
    assert job.status == status  # its lease still runs: nobody else touches it

    late = now + steps.LEASE + timedelta(seconds=1)
    TrainerJob.objects.filter(pk=job.pk).update(lease_until=now)  # as if it were that late
    assert steps.requeue_stalled_jobs(now=late) == 1
    assert steps.requeue_stalled_jobs(now=late) == 0  # not twice for one stall
    drain()

    job.refresh_from_db()
    assert job.status == "succeeded"
    assert TrainerModel.objects.count() == len(models()) == 1


def test_a_step_that_kills_its_worker_each_time_fails_the_job(client: openai.OpenAI, examples: Examples) -> None:
    job = start(client, examples)
    now = timezone.now()
    for start_number in range(steps.MAX_ATTEMPTS):
        then = now + start_number * 2 * steps.LEASE
        assert steps.claim_step(job_id=row(job).pk, status=JobStatus.VALIDATING_FILES, now=then)
    TrainerJob.objects.update(lease_until=now)
    drain()

    error = client.fine_tuning.jobs.retrieve(job.id).error
    assert error
    assert error.code == "server_error"
    assert error.message == "The job was started 3 times and did not finish."


def test_a_defect_in_a_step_gives_the_job_back(
    client: openai.OpenAI, examples: Examples, monkeypatch: pytest.MonkeyPatch, models: Callable[[], list[Path]]
) -> None:
    def disk_full() -> None:
        raise OSError("No space left on device")

    monkeypatch.setitem(BY_BASE_MODEL, "recall-1", Interrupted(disk_full))
    job = row(start(client, examples))
    drain(limit=2)
    with pytest.raises(OSError, match="No space left"):
        jobs.train_job(job.pk)
    assert models() == []

    jobs.train_job(job.pk)  # no lease to wait for
    job.refresh_from_db()
    assert (job.status, job.attempts) == ("succeeded", 0)


def test_a_job_cancelled_while_it_learns_leaves_nothing_behind(
    client: openai.OpenAI, examples: Examples, monkeypatch: pytest.MonkeyPatch, models: Callable[[], list[Path]]
) -> None:
    engine = Interrupted(lambda: client.fine_tuning.jobs.cancel(job.id))
    monkeypatch.setitem(BY_BASE_MODEL, "recall-1", engine)
    job = start(client, examples)
    drain()

    cancelled = client.fine_tuning.jobs.retrieve(job.id)
    assert cancelled.status == "cancelled"
    assert cancelled.finished_at
    assert cancelled.fine_tuned_model is None
    assert TrainerModel.objects.count() == len(models()) == 0
    assert [file.purpose for file in client.files.list()] == ["fine-tune"]
    assert messages(client, job)[-1] == "The job was cancelled"


def test_a_job_cancelled_in_the_last_moment_leaves_nothing_behind(
    client: openai.OpenAI,
    examples: Examples,
    monkeypatch: pytest.MonkeyPatch,
    models: Callable[[], list[Path]],
    tmp_path: Path,
) -> None:
    """After the engine's last report and before the job is finished."""
    finish = training.move_job

    def cancelled_first(**arguments: Any) -> bool:
        if arguments["to"] == JobStatus.SUCCEEDED:
            client.fine_tuning.jobs.cancel(job.id)
        return finish(**arguments)

    monkeypatch.setattr(training, "move_job", cancelled_first)
    job = start(client, examples)
    drain()

    assert client.fine_tuning.jobs.retrieve(job.id).status == "cancelled"
    assert TrainerModel.objects.count() == len(models()) == 0
    assert [path.suffix for path in (tmp_path / "media").rglob("*.*")] == [".jsonl"]


def test_of_two_workers_that_learn_the_same_job_one_finishes_it(
    client: openai.OpenAI, examples: Examples, monkeypatch: pytest.MonkeyPatch, models: Callable[[], list[Path]]
) -> None:
    def another_worker_takes_over() -> None:
        TrainerJob.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        jobs.train_job(row(job).pk)

    monkeypatch.setitem(BY_BASE_MODEL, "recall-1", Interrupted(another_worker_takes_over))
    job = start(client, examples)
    drain()

    done = client.fine_tuning.jobs.retrieve(job.id)
    assert done.status == "succeeded"
    assert len(messages(client, job)) == 7
    assert TrainerModel.objects.count() == len(models()) == 1
    assert ask(client, str(done.fine_tuned_model), "I lost my card").choices[0].finish_reason == "stop"


@pytest.mark.parametrize("steps_before", [0, 1, 2])
def test_a_paused_job_stands_still_until_it_is_resumed(
    client: openai.OpenAI, examples: Examples, steps_before: int
) -> None:
    job = start(client, examples)
    drain(limit=steps_before)
    assert client.fine_tuning.jobs.pause(job.id).status == "paused"
    drain()
    assert client.fine_tuning.jobs.retrieve(job.id).status == "paused"
    with pytest.raises(openai.BadRequestError, match="is paused and cannot be paused"):
        client.fine_tuning.jobs.pause(job.id)

    resumed = client.fine_tuning.jobs.resume(job.id)
    assert resumed.status == ("queued" if steps_before else "validating_files")
    drain()
    assert client.fine_tuning.jobs.retrieve(job.id).status == "succeeded"


def test_an_estimate_comes_from_jobs_that_were_done(client: openai.OpenAI, examples: Examples) -> None:
    first = start(client, examples)
    drain(limit=2)
    assert client.fine_tuning.jobs.retrieve(first.id).estimated_finish is None
    drain()
    begun = timezone.now()
    TrainerJob.objects.update(started_at=begun, finished_at=begun + timedelta(seconds=120))

    second = start(client, examples)
    drain(limit=2)
    started_at = row(second).started_at
    assert started_at
    estimate = client.fine_tuning.jobs.retrieve(second.id).estimated_finish
    assert estimate == pytest.approx(started_at.timestamp() + 120, abs=1)
    drain()
    assert client.fine_tuning.jobs.retrieve(second.id).estimated_finish is None


def test_expired_files_and_orphaned_models_are_swept(
    client: openai.OpenAI, examples: Examples, models: Callable[[], list[Path]], tmp_path: Path
) -> None:
    job = train(client, examples)
    orphan = models()[0].with_name("12345678-dead.sqlite3.unfinished")
    orphan.write_bytes(b"")
    TrainerFile.objects.filter(public_id=job.training_file).update(expires_at=timezone.now())

    jobs.delete_expired_files()
    assert [file.id for file in client.files.list()] == job.result_files
    jobs.delete_orphans()
    assert orphan.exists()  # too young: a worker may be writing it
    training_models = training.artifact_path("")
    assert training_models == tmp_path / "var" / "trainer"
    from_services = jobs.orphans.delete_orphans(now=timezone.now() + timedelta(days=2))
    assert from_services == 2  # and the expired content: this test's transaction never commits its deletion
    assert not orphan.exists()
    assert ask(client, str(job.fine_tuned_model), "I lost my card").choices[0].finish_reason == "stop"


def test_training_data_that_a_kill_left_without_a_row_is_swept_after_a_day(
    client: openai.OpenAI, examples: Examples, tmp_path: Path
) -> None:
    assert jobs.orphans.delete_orphans(now=timezone.now()) == 0  # before anything was stored
    kept = TrainerFile.objects.get(public_id=upload(client, examples))
    path = Path(kept.content.path)
    never_got_its_row = path.with_name("file-killed.jsonl")
    row_gone = Path(TrainerFile.objects.get(public_id=upload(client, examples)).content.path)
    never_got_its_row.write_text("{}")
    TrainerFile.objects.exclude(pk=kept.pk).delete()  # and killed before the content was
    of_others = tmp_path / "media" / "uploads" / "survey.csv"
    of_others.parent.mkdir()
    of_others.write_text("text,category")

    assert jobs.orphans.delete_orphans(now=timezone.now() + timedelta(hours=23)) == 0
    assert jobs.orphans.delete_orphans(now=timezone.now() + timedelta(hours=25)) == 2
    assert [one.exists() for one in (never_got_its_row, row_gone, path, of_others)] == [False, False, True, True]
    assert client.files.content(kept.public_id).text
    assert jobs.orphans.delete_orphans(now=timezone.now() + timedelta(hours=25)) == 0


def test_a_file_that_its_owner_deletes_meanwhile_does_not_stop_the_sweep(
    client: openai.OpenAI, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(client, examples)
    train(client, examples)
    TrainerFile.objects.filter(purpose="fine-tune").update(expires_at=timezone.now())
    first = TrainerFile.objects.expired(now=timezone.now()).first()
    assert first is not None
    real = files.delete_file

    def slower(**arguments: Any) -> None:
        if arguments["file"] == first:
            real(**arguments)
        real(**arguments)

    monkeypatch.setattr(files, "delete_file", slower)
    assert files.delete_expired_files(by=SYSTEM, now=timezone.now()) == 1
    assert not TrainerFile.objects.expired(now=timezone.now()).exists()

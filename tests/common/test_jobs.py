from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success, Task
from django_q.scheduler import scheduler

from apps.common import jobs
from apps.common.database import connection_kept_open
from apps.common.models import Heartbeat

pytestmark = pytest.mark.django_db
ran: list[int | str] = []


def note(value: int) -> None:
    ran.append(value)


def note_and_enqueue(value: int) -> None:
    ran.append(value)
    jobs.enqueue(note, value + 1)


def fail(value: int) -> None:
    raise ValueError(f"cannot do {value}")


@pytest.fixture(autouse=True)
def _these_are_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "job_modules", lambda: {"apps.common.jobs", __name__})
    ran.clear()


def test_drain_runs_what_is_queued_and_what_that_enqueues() -> None:
    jobs.enqueue(note, 1)
    jobs.enqueue(note_and_enqueue, 2)
    assert jobs.drain() == 3
    assert sorted(ran) == [1, 2, 3]  # the database hands out what waits in any order
    assert OrmQ.objects.count() == 0
    assert Success.objects.count() == 3
    assert jobs.drain() == 0


def test_a_job_can_be_named_by_its_path() -> None:
    jobs.enqueue("tests.common.test_jobs.note", 5)
    assert jobs.drain() == 1
    assert ran == [5]


def test_drain_stops_at_its_limit() -> None:
    for value in range(3):
        jobs.enqueue(note, value)
    assert jobs.drain(limit=2) == 2
    assert len(ran) == 2
    assert OrmQ.objects.count() == 1


def test_a_failing_job_is_recorded_stops_nothing_and_is_reported_at_the_end() -> None:
    jobs.enqueue(fail, 7)
    jobs.enqueue(note, 8)
    with pytest.raises(jobs.JobsFailed, match=r"test_jobs.fail\(7,\): cannot do 7"):
        jobs.drain()
    assert ran == [8]
    assert Failure.objects.get().func == "tests.common.test_jobs.fail"
    waiting = OrmQ.objects.get()  # not acknowledged: it is tried again, but not before the retry time
    assert waiting.lock is not None
    assert waiting.lock > timezone.now() + timedelta(minutes=30)
    assert jobs.drain() == 0


def test_a_job_for_later_runs_when_its_time_has_come() -> None:
    jobs.enqueue_later(note, 1, seconds=60)
    jobs.enqueue_later("tests.common.test_jobs.note", 2, seconds=0)
    assert jobs.drain() == 1
    assert ran == [2]
    OrmQ.objects.update(lock=timezone.now())
    assert jobs.drain() == 1
    assert ran == [2, 1]


def test_only_the_database_can_wait(settings: Any) -> None:
    settings.Q_BROKER_URL = "redis://localhost:1"
    jobs.enqueue_later(note, 1, seconds=0)
    assert OrmQ.objects.count() == 0


@pytest.mark.parametrize(
    "path", ["os.system", "tests.common.test_jobs.nowhere", "tests.common.test_jobs.timedelta", "apps.common.jobs._run"]
)
def test_only_functions_of_job_modules_can_be_enqueued(path: str) -> None:
    with pytest.raises(jobs.NotAJob):
        jobs.enqueue(path)
    assert OrmQ.objects.count() == 0


def test_a_schedule_cannot_call_anything_else_either() -> None:
    Schedule.objects.create(name="evil", func="os.system", args="'true'", hook="os.abort")
    Schedule.objects.create(name="good", func="tests.common.test_jobs.note", args="3", hook="os.abort")
    with connection_kept_open():
        scheduler()
    with pytest.raises(jobs.JobsFailed, match=r"apps.common.jobs.refuse\('os.system',\): os.system is not a job"):
        jobs.drain()
    assert ran == [3]
    assert not Task.objects.exclude(hook=None).exists()


def test_the_heartbeat_is_a_scheduled_job() -> None:
    assert jobs.scheduled_jobs()["heartbeat"] == jobs.ScheduledJob("heartbeat", "apps.common.jobs.beat", 1)
    jobs.enqueue(jobs.beat)
    jobs.enqueue(jobs.beat)
    assert jobs.drain() == 2
    assert Heartbeat.objects.get().name == "worker"


def test_failures_are_kept_for_a_month() -> None:
    for value, days in ((1, 29), (2, 31)):
        jobs.enqueue(fail, value)
        with pytest.raises(jobs.JobsFailed):
            jobs.drain()
        Failure.objects.filter(args=(value,)).update(stopped=timezone.now() - timedelta(days=days))
    jobs.forget_old_failures()
    assert Failure.objects.get().args == (1,)


def test_two_scheduled_jobs_cannot_share_a_name() -> None:
    with pytest.raises(ValueError, match="two scheduled jobs are called 'heartbeat'"):
        jobs.scheduled(name="heartbeat", minutes=5)(note)


def test_an_enqueue_is_undone_with_its_transaction() -> None:
    with transaction.atomic():
        jobs.enqueue(note, 1)
        transaction.set_rollback(True)
    assert OrmQ.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_drain_outside_a_transaction() -> None:
    jobs.enqueue(note_and_enqueue, 1)
    assert jobs.drain() == 2
    assert ran == [1, 2]

"""The queue with a Redis as its broker: a real one, in a database of its own on 127.0.0.1:6379."""

import re
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import Failure, OrmQ, Success

from apps.common import jobs
from apps.common.health import inspect_readiness
from apps.common.jobs import status
from apps.common.models import Heartbeat
from apps.custom_models.models import FineTuneJob
from apps.custom_models.services import hand_out_due_jobs
from tests.common.test_worker import running_worker, wait_until
from tests.custom_models.world import make_dataset, start
from tests.faults import nobody_listens

pytestmark = pytest.mark.django_db(transaction=True)
CLAIM = "flywheel:test"
ADDRESS = "redis://127.0.0.1:6379"


def claimed(number: int) -> redis.Redis | None:
    """An empty database that no other test run uses."""
    database = redis.Redis.from_url(f"{ADDRESS}/{number}")
    return database if database.dbsize() == 0 and database.set(CLAIM, 1, nx=True, ex=600) else None


@pytest.fixture
def redis_url(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    try:
        found = next(((number, database) for number in range(15, 0, -1) if (database := claimed(number))), None)
    except redis.ConnectionError as error:
        pytest.skip(f"no Redis answers at {ADDRESS}: {error}")
    if found is None:
        pytest.skip(f"{ADDRESS} has no empty database")
    number, database = found
    use(f"{ADDRESS}/{number}", settings, monkeypatch)
    yield f"{ADDRESS}/{number}"
    database.delete(CLAIM, get_broker().list_key)


def use(url: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the process had been started with Q_BROKER_URL; the queue reads its own settings only once."""
    settings.Q_BROKER_URL = url
    monkeypatch.setattr(Conf, "ORM", None)
    monkeypatch.setattr(Conf, "REDIS", url)


@pytest.mark.usefixtures("redis_url")
def test_a_job_waits_for_the_commit_and_is_taken() -> None:
    with transaction.atomic():
        jobs.enqueue(jobs.beat)
        assert status.waiting_jobs() == 0
    assert status.waiting_jobs() == 1
    assert status.running_jobs() is None
    assert OrmQ.objects.count() == 0
    assert jobs.drain() == 1
    assert status.waiting_jobs() == 0
    assert Heartbeat.objects.get().name == "worker"
    assert Success.objects.get().func == "apps.common.jobs.beat"


@pytest.mark.usefixtures("redis_url")
def test_a_job_is_forgotten_with_its_transaction() -> None:
    with transaction.atomic():
        jobs.enqueue(jobs.beat)
        transaction.set_rollback(True)
    assert status.waiting_jobs() == 0


@pytest.mark.usefixtures("redis_url")
def test_readiness_tells_what_waits() -> None:
    jobs.enqueue(jobs.beat)
    jobs.enqueue(jobs.beat)
    in_a_minute = timezone.now() + timedelta(minutes=1)
    found = inspect_readiness(now=in_a_minute)["checks"]["queue"]
    assert (found["ok"], found["state"]) == (True, "ok")
    assert re.fullmatch(r"Jobs that wait: 2, the oldest for 6\d s\.", found["detail"])


def test_a_broker_that_is_away_is_not_ready(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with nobody_listens() as url:
        use(url.replace("http", "redis"), settings, monkeypatch)
        readiness = inspect_readiness(now=timezone.now())
    assert not readiness["ok"]
    assert (readiness["checks"]["queue"]["ok"], readiness["checks"]["queue"]["state"]) == (False, "away")


@pytest.mark.usefixtures("redis_url")
def test_what_is_no_job_is_refused_before_the_commit() -> None:
    with pytest.raises(jobs.NotAJob):
        jobs.enqueue("os.system", "true")
    assert status.waiting_jobs() == 0


def test_a_job_that_was_lost_after_the_commit_is_found_by_its_sweep(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = make_dataset()
    with nobody_listens() as url, monkeypatch.context() as away:
        use(url.replace("http", "redis"), settings, away)
        started = start(dataset)  # nothing is raised: the job is committed, and whoever started it is told so
    assert "Connection refused" in caplog.text
    settings.Q_BROKER_URL = ""
    assert OrmQ.objects.count() == 0

    assert hand_out_due_jobs(now=timezone.now() + timedelta(minutes=3)) == 1
    jobs.drain()
    assert FineTuneJob.objects.get(pk=started.pk).provider_job_id  # it was launched
    assert not Failure.objects.exists()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads the process table from /proc")
def test_the_worker_takes_jobs_from_it(redis_url: str, tmp_path: Path) -> None:
    with running_worker(tmp_path / "log", Q_BROKER_URL=redis_url) as process:
        Heartbeat.objects.all().delete()
        jobs.enqueue(jobs.beat)
        wait_until(Heartbeat.objects.filter(name="worker").exists)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert Success.objects.filter(func="apps.common.jobs.beat").count() >= 2  # one more each minute
    assert OrmQ.objects.count() == 0

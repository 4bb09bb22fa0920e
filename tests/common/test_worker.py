"""The real command in a process of its own, on the test's own database."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest
from django.conf import settings

from apps.common.jobs import cluster
from apps.common.models import Heartbeat
from tests.processes import database_url, environment

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads the process table from /proc"),
]


def wait_until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def fields_of_process(pid: str) -> list[str]:
    """State, parent and group of a process: what follows the parenthesised name in /proc/<pid>/stat."""
    try:
        return (Path("/proc") / pid / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["X", "0", "0"]


def members(*, parent: int | None = None, group: int | None = None) -> list[int]:
    """Living processes with that parent or of that group, oldest first."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        state, its_parent, its_group, *more = fields_of_process(entry.name)
        if state not in "ZX" and (int(its_parent) == parent or int(its_group) == group):
            found.append((int(more[16]), int(entry.name)))  # ids begin anew some time, the time of the start does not
    return [pid for _, pid in sorted(found)]


@contextmanager
def running_worker(log: Path, *, grace: int = 50, **changes: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that has proved that it works: its first heartbeat is written."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  our own command
            [sys.executable, "manage.py", "worker", "--grace", str(grace)],
            cwd=settings.BASE_DIR,
            env=environment(DATABASE_URL=database_url(), Q_POLL_SECONDS="0.1", **changes),
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(Heartbeat.objects.filter(name="worker").exists)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running_worker(tmp_path / "log") as process:
        yield process


def cluster_of(worker: subprocess.Popen[bytes]) -> int:
    [group] = members(parent=worker.pid)
    assert len(members(group=group)) == 5  # the sentinel, two workers, monitor, pusher
    return group


def test_it_stops_within_seconds_when_asked(worker: subprocess.Popen[bytes]) -> None:
    group = cluster_of(worker)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=60) == 0
    assert members(group=group) == []


@pytest.mark.parametrize("position", [1, 3], ids=["worker", "monitor"])
def test_it_ends_as_a_whole_when_an_idle_member_is_killed(worker: subprocess.Popen[bytes], position: int) -> None:
    group = cluster_of(worker)
    os.kill(members(group=group)[position], signal.SIGKILL)
    assert worker.wait(timeout=60) == 1
    assert members(group=group) == []


def test_it_ends_as_a_whole_when_its_sentinel_is_killed(worker: subprocess.Popen[bytes]) -> None:
    group = cluster_of(worker)
    os.kill(group, signal.SIGKILL)
    assert worker.wait(timeout=60) == 1
    assert members(group=group) == []


def test_a_cluster_that_stands_still_is_not_waited_for(tmp_path: Path) -> None:
    with running_worker(tmp_path / "log", grace=3) as worker:
        group = cluster_of(worker)
        os.kill(group, signal.SIGSTOP)
        worker.send_signal(signal.SIGINT)
        assert worker.wait(timeout=60) == 1
    assert members(group=group) == []


def test_a_cluster_whose_supervisor_was_killed_stops_itself(worker: subprocess.Popen[bytes]) -> None:
    group = cluster_of(worker)
    worker.kill()
    worker.wait()
    wait_until(lambda: members(group=group) == [])


@pytest.mark.parametrize(("busy_for", "took"), [(0.0, 0.0), (0.4, 0.4), (600.0, 1.0)])
def test_when_one_is_killed_the_others_finish_within_the_grace(
    busy_for: float, took: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "RECORD_SECONDS", 0)
    monkeypatch.setattr(cluster, "LOOK_SECONDS", 0.02)
    start = time.monotonic()

    class Timer:
        @property
        def value(self) -> float:
            return 600.0 if time.monotonic() - start < busy_for else -1.0

    dead = SimpleNamespace(is_alive=lambda: False, timer=SimpleNamespace(value=600.0))
    busy = SimpleNamespace(is_alive=lambda: True, timer=Timer())
    sentinel = cluster._WatchedSentinel.__new__(cluster._WatchedSentinel)
    sentinel.pool, sentinel.event_out = [dead, busy], Event()
    sentinel.stop_event = cluster._StopOrder(grace_seconds=1)
    sentinel._let_the_others_finish()
    assert sentinel.event_out.is_set()  # nothing more is pulled
    assert took <= time.monotonic() - start < took + 10

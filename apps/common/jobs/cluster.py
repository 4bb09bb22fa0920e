"""The worker: django-q2's cluster, watched.

A process of the cluster that dies by a signal (out of memory, say) while it waits for work dies holding the lock of
the queue it waits on. Nobody can read that queue again: the cluster lives on, does nothing, and does not even stop when
asked to. So the cluster runs in a process group of its own under a supervisor. When a member was killed, when the
cluster's own loop stands still, or when a stop takes too long, the group is ended and the supervisor exits, to be
restarted by what runs it. Jobs that were running are repeated after the retry time: they are made for it.
"""

import logging
import os
import signal
import time
import uuid
from contextlib import suppress
from multiprocessing import Event
from multiprocessing.sharedctypes import RawValue
from typing import Any

from django.db import connections
from django_q.cluster import Sentinel, get_mp_context

logger = logging.getLogger("django-q")

STUCK_SECONDS = 90  # without a turn of the sentinel's loop, which takes half a second and sometimes a database wait
RECORD_SECONDS = 1  # for the monitor to write down what the workers just finished
LOOK_SECONDS = 0.2


class _StopOrder:
    """The event that the sentinel waits for in every turn of its loop; here also the proof that the loop turns.

    Two numbers in shared memory, without locks: a lock could be held for ever by a process that is dead or stopped.
    An orphan, whose supervisor is gone, is told to stop.
    """

    def __init__(self, *, grace_seconds: float) -> None:
        self.grace_seconds = grace_seconds
        self.given = RawValue("b", 0)
        self.last_turn = RawValue("d", time.monotonic())
        self.supervisor = os.getpid()

    def set(self) -> None:
        self.last_turn.value = time.monotonic()
        self.given.value = 1

    def is_set(self) -> bool:
        return bool(self.given.value) or os.getppid() != self.supervisor

    def wait(self, seconds: float) -> bool:
        self.last_turn.value = time.monotonic()
        time.sleep(seconds)
        return self.is_set()

    @property
    def silence(self) -> float:
        """Seconds since the loop last turned, or since the order was given."""
        return time.monotonic() - float(self.last_turn.value)


class _WatchedSentinel(Sentinel):  # type: ignore[misc]
    """Restarts members that ended or ran out of time, as ever; ends the cluster when one was killed."""

    def reincarnate(self, process: Any) -> None:
        if (process.exitcode or 0) < 0:
            logger.critical("A process of the cluster was killed by signal %d: ending the cluster", -process.exitcode)
            self._let_the_others_finish()
            os._exit(1)
        super().reincarnate(process)

    def _let_the_others_finish(self) -> None:
        self.event_out.set()  # pull nothing more
        deadline = time.monotonic() + self.stop_event.grace_seconds
        while time.monotonic() < deadline and any(p.is_alive() and p.timer.value > 0 for p in self.pool):
            time.sleep(LOOK_SECONDS)
        time.sleep(RECORD_SECONDS)


def _run_cluster(order: _StopOrder) -> None:
    with suppress(OSError):
        os.setpgid(0, 0)
    _WatchedSentinel(order, Event(), uuid.uuid4())


class Supervisor:
    """Runs one cluster until it ends or is asked to end by SIGTERM or SIGINT; `grace_seconds` are for running jobs."""

    def __init__(self, *, grace_seconds: float) -> None:
        self.stopping = False
        self.order = _StopOrder(grace_seconds=grace_seconds)
        self.cluster = get_mp_context().Process(target=_run_cluster, args=(self.order,), name="cluster")

    def run(self) -> bool:
        """True if the cluster ended because it was asked to and left nothing undone."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note_the_signal)
        connections.close_all()  # no connection may be shared by two processes
        self.cluster.start()
        with suppress(OSError):  # the cluster does the same: whoever comes first
            os.setpgid(self.cluster.pid, self.cluster.pid)
        try:
            self._watch()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.cluster.pid, signal.SIGKILL)
            self.cluster.join(LOOK_SECONDS)
        return self.stopping and self.cluster.exitcode == 0

    def _note_the_signal(self, *_: Any) -> None:
        self.stopping = True

    def _watch(self) -> None:
        """Return when the cluster has ended, or has been silent for so long that it never will."""
        while self.cluster.is_alive():
            if self.stopping and not self.order.given.value:
                self.order.set()
            if self.order.silence > (self.order.grace_seconds if self.stopping else STUCK_SECONDS):
                logger.critical("The cluster did not %s in time: killing it", "stop" if self.stopping else "answer")
                return
            self.cluster.join(LOOK_SECONDS)

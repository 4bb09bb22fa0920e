"""The door to the job queue. Nothing outside this package knows django-q2.

A job is an envelope: ids in, fetch, one service call; it can run twice without harm because it begins by claiming its
row. With the database as broker an enqueue commits or rolls back with the transaction around it. With any other
broker it waits for the commit, and can be lost after it: each kind of job has a sweep, a scheduled job that finds the
rows nobody works on and enqueues them again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from inspect import isfunction
from multiprocessing import Event, Value
from queue import Queue
from typing import Any, TypeVar

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.brokers.orm import ORM
from django_q.models import Failure, OrmQ
from django_q.monitor import monitor
from django_q.pusher import pusher
from django_q.signals import pre_enqueue
from django_q.tasks import async_task
from django_q.worker import worker

from apps.common.database import connection_kept_open
from apps.common.models import Heartbeat

JobArgument = int | str
Job = Callable[..., None]
J = TypeVar("J", bound=Job)

FAILURES_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class ScheduledJob:
    name: str
    path: str
    minutes: int


_scheduled: dict[str, ScheduledJob] = {}


def path_of(job: Job) -> str:
    return f"{job.__module__}.{job.__qualname__}"


def scheduled(*, name: str, minutes: int) -> Callable[[J], J]:
    """Run the decorated job every so many minutes, once `setup_schedules` has been called."""

    def register(job: J) -> J:
        if name in _scheduled:
            raise ValueError(f"two scheduled jobs are called {name!r}")
        _scheduled[name] = ScheduledJob(name=name, path=path_of(job), minutes=minutes)
        return job

    return register


def scheduled_jobs() -> Mapping[str, ScheduledJob]:
    """What was declared by the job modules imported so far, by name."""
    return _scheduled


# --- what may run -----------------------------------------------------------------------------------------------------


class NotAJob(ValueError):
    """The path names no public function of one of our apps' `jobs` modules."""


def job_modules() -> set[str]:
    return {f"{config.name}.jobs" for config in apps.get_app_configs() if config.name.startswith("apps.")}


def find_job(path: str) -> Job:
    """The job at ``apps.<app>.jobs.<function>``; NotAJob for anything else that Python could import."""
    module_name, _, name = path.rpartition(".")
    if module_name not in job_modules() or name.startswith("_"):
        raise NotAJob(f"{path} is not a function of a jobs module")
    job = getattr(import_module(module_name), name, None)
    if not isfunction(job) or job.__module__ != module_name:
        raise NotAJob(f"{module_name} defines no function {name}")
    return job


def refuse(path: str) -> None:
    """Runs in the place of what is not a job, so that the refusal is recorded as a failure and stops nothing else."""
    raise NotAJob(f"{path} is not a job of this project")


@receiver(pre_enqueue)
def _let_only_jobs_in(task: dict[str, Any], **_kwargs: Any) -> None:
    """A row of the schedule table can name any importable function, as its job and as its hook."""
    for way_around in ("hook", "chain"):
        task.pop(way_around, None)
    try:
        find_job(str(task["func"]))
    except NotAJob:
        task.update(func=path_of(refuse), args=(str(task["func"]),), kwargs={})


# --- in ---------------------------------------------------------------------------------------------------------------


def enqueue(job: Job | str, *args: JobArgument) -> None:
    """Run ``job(*args)`` in a worker. Arguments are ids: they are pickled and shown in admin, so never content.

    Services, which may not import the jobs that call them, name a job by its path: ``"apps.<app>.jobs.<function>"``.
    A guard test resolves every path and every function that is enqueued anywhere.
    """
    path = job if isinstance(job, str) else path_of(job)
    find_job(path)
    if settings.Q_BROKER_URL:
        # robust: what was committed stays true for the caller when the broker is away; a sweep finds its row
        transaction.on_commit(lambda: async_task(path, *args), robust=True)
    else:
        async_task(path, *args)


def enqueue_later(job: Job | str, *args: JobArgument, seconds: float) -> None:
    """As `enqueue`, to run when so many seconds have passed. A broker that cannot wait forgets it: what has its time
    is found by a sweep as well.
    """
    path = job if isinstance(job, str) else path_of(job)
    find_job(path)
    if not settings.Q_BROKER_URL:
        async_task(path, *args, broker=_PatientBroker(seconds))


class _PatientBroker(ORM):  # type: ignore[misc]
    """The database as broker: a row's `lock` is the time from which a worker may pull it."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def enqueue(self, task: str) -> int:
        ready_at = timezone.now() + timedelta(seconds=self.seconds)
        return int(OrmQ.objects.create(key=self.list_key, payload=task, lock=ready_at).pk)


# --- out, in this process ---------------------------------------------------------------------------------------------


class JobsFailed(Exception):
    """Some of the jobs that `drain` ran raised: one line for each, as the worker recorded it."""


def drain(limit: int = 1000) -> int:
    """Run what is queued, and what that enqueues, in this process; returns how many ran.

    A round is what the worker's three kinds of process do, by their own functions: pull, run, record and acknowledge.
    A job that raises stops nothing: it is recorded and comes back after the retry time, as in the worker, and
    JobsFailed is raised when everything else has run.
    """
    broker = get_broker()
    outcomes: list[dict[str, Any]] = []
    with connection_kept_open():
        while len(outcomes) < limit and broker.queue_size():
            outcomes += _run_one_round(broker)
    if failures := [f"{task['func']}{task['args']}: {task['result']}" for task in outcomes if not task["success"]]:
        raise JobsFailed("\n".join(failures))
    return len(outcomes)


def _run_one_round(broker: Any) -> list[dict[str, Any]]:
    pulled: Queue[Any] = Queue()
    done: Queue[Any] = Queue()
    stop_after_one_pull = Event()
    stop_after_one_pull.set()
    pusher(pulled, stop_after_one_pull, broker)
    pulled.put("STOP")
    worker(pulled, done, Value("f", -1))
    outcomes = list(done.queue)
    done.put("STOP")
    monitor(done, broker)
    return outcomes


# --- the queue's own jobs ---------------------------------------------------------------------------------------------


@scheduled(name="heartbeat", minutes=1)
def beat() -> None:
    """Proof that the whole path works: schedule, broker, worker, database. `/readyz` looks at its age."""
    Heartbeat.objects.update_or_create(name="worker", defaults={"at": timezone.now()})


@scheduled(name="forget old failures", minutes=24 * 60)
def forget_old_failures() -> None:
    """The queue keeps a bounded number of successes, but every failure."""
    Failure.objects.filter(stopped__lt=timezone.now() - FAILURES_KEPT).delete()

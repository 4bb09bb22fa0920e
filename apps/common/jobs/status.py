"""The state of the queue in a few cheap queries, for `/readyz` and `/metrics`."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Min
from django_q.brokers import get_broker
from django_q.models import Failure, OrmQ, Schedule
from django_q.signing import SignedPackage
from redis.exceptions import RedisError

from apps.common.models import Heartbeat


def heartbeat_age(*, now: datetime) -> float | None:
    """Seconds since the worker last wrote its heartbeat; None if it never did."""
    last = Heartbeat.objects.filter(name="worker").values_list("at", flat=True).first()
    return None if last is None else max((now - last).total_seconds(), 0.0)


class QueueAway(Exception):
    """The broker did not answer."""


def longest_wait(*, now: datetime) -> float | None:
    """Seconds for which the job that waits longest could have been pulled; None if none waits. QueueAway."""
    broker = get_broker()
    try:
        broker.ping()
        since = _since_in_redis(broker) if settings.Q_BROKER_URL else _since_in_database(broker, now)
    except RedisError as error:
        raise QueueAway(str(error)) from error
    return None if since is None else max((now - since).total_seconds(), 0.0)


def _since_in_database(broker: Any, now: datetime) -> datetime | None:
    waiting = OrmQ.objects.filter(key=broker.list_key, lock__lte=now)
    since: datetime | None = waiting.aggregate(since=Min("lock"))["since"]
    return since


def _since_in_redis(broker: Any) -> datetime | None:
    first = broker.connection.lindex(broker.list_key, 0)
    since: datetime | None = SignedPackage.loads(first)["started"] if first else None
    return since


def waiting_jobs() -> int:
    """Jobs that a worker could pull now."""
    return int(get_broker().queue_size())


def running_jobs() -> int | None:
    """Jobs that no worker could pull now: running, failed and waiting for the retry time, or enqueued for later.

    None from a broker that forgets a job when it hands it out, as a Redis does.
    """
    size = get_broker().lock_size()
    return None if size is None else int(size)


def failed_jobs() -> int:
    """Runs that raised, as far as they are kept."""
    return int(Failure.objects.count())


def late_schedules(*, now: datetime) -> int:
    """Schedules whose time has passed: more than a moment of it means that nobody schedules."""
    return int(Schedule.objects.filter(next_run__lt=now).exclude(repeats=0).count())

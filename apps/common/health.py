"""What `/readyz` asks: can this installation do its work right now?"""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from apps.common.guards import missing_guards
from apps.common.jobs.status import QueueAway, heartbeat_age, longest_wait, waiting_jobs

logger = logging.getLogger(__name__)

LATE_SECONDS = 180  # the heartbeat is written each minute and the scheduler looks twice a minute


@dataclass(frozen=True)
class Finding:
    """`state` is a word for programs, `detail` a sentence for people; neither holds anything secret."""

    ok: bool
    state: str
    detail: str


def check_database(**_: Any) -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return Finding(True, "ok", f"{connection.display_name} answers.")


def check_migrations(**_: Any) -> Finding:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        return Finding(False, "pending", f"{len(pending)} migrations are not applied: run manage.py migrate.")
    return Finding(True, "ok", "All migrations are applied.")


def check_guards(**_: Any) -> Finding:
    if missing := missing_guards():
        return Finding(False, "missing", f"Triggers are missing: {', '.join(missing)}. Run manage.py migrate.")
    return Finding(True, "ok", "Every append-only and frozen table has its triggers.")


def check_queue(*, now: datetime) -> Finding:
    """A long queue is work to do, not a reason to send nobody here: only a broker that is away is."""
    longest = longest_wait(now=now)
    if longest is None:
        return Finding(True, "ok", "No job waits.")
    return Finding(True, "ok", f"Jobs that wait: {waiting_jobs()}, the oldest for {longest:.0f} s.")


def check_worker(*, now: datetime) -> Finding:
    age = heartbeat_age(now=now)
    if age is None:
        return Finding(False, "never_seen", "No worker has run yet: start manage.py worker, or wait a few seconds.")
    if age > LATE_SECONDS:
        return Finding(False, "late", f"The worker's last heartbeat is {age:.0f} s old: is manage.py worker running?")
    return Finding(True, "ok", f"The worker's last heartbeat is {age:.0f} s old.")


CHECKS: dict[str, Callable[..., Finding]] = {
    "database": check_database,
    "migrations": check_migrations,
    "guards": check_guards,
    "queue": check_queue,
    "worker": check_worker,
}


def inspect_readiness(*, now: datetime) -> dict[str, Any]:
    """``{"ok": bool, "checks": {name: {"ok", "state", "detail"}}}``; a check that raises has the state ``error``."""
    findings = {name: _run(name, check, now) for name, check in CHECKS.items()}
    return {
        "ok": all(finding.ok for finding in findings.values()),
        "checks": {name: asdict(finding) for name, finding in findings.items()},
    }


def _run(name: str, check: Callable[..., Finding], now: datetime) -> Finding:
    try:
        return check(now=now)
    except DatabaseError:
        logger.exception("The readiness check %s could not be made", name)
        return Finding(False, "error", "The database did not answer; the log says why.")
    except QueueAway:
        logger.exception("The queue's broker does not answer")
        return Finding(False, "away", "The queue's broker did not answer: look at Q_BROKER_URL, and at the log.")

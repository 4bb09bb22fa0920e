"""Closes one day after the other, each killed by SIGKILL one statement later than the last, then run to its end.

``python -m tests.payouts.killed_runs <first day> <how many days>``, with DATABASE_URL naming the test database. Each
run is a forked process with its own connection; the test filled the days. Says how many statements a run has.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from django.db import connection  # noqa: E402  (after django.setup, as everything below)

from apps.common.audit import SYSTEM  # noqa: E402
from apps.payouts.queries import find_ledger_drift  # noqa: E402
from apps.payouts.services import close_revenue_day  # noqa: E402
from apps.payouts.services import revenue as revenue_service  # noqa: E402

revenue_service.BATCH = 2


class KilledAt:
    """Kills this process instead of sending statement number `last` or the commit in its place."""

    def __init__(self, last: int) -> None:
        self.left = last

    def count(self) -> None:
        self.left -= 1
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def __call__(self, execute: Callable[..., Any], *args: Any) -> Any:
        self.count()
        return execute(*args)


def close(day: date) -> None:
    now = datetime.combine(day + timedelta(days=1), time.min, tzinfo=UTC)
    close_revenue_day(day=day, by=SYSTEM, now=now)


def close_killed(day: date, at: int) -> None:
    killer = KilledAt(at)
    commit = connection._commit

    def counted_commit() -> None:
        killer.count()
        commit()

    connection._commit = counted_commit
    with connection.execute_wrapper(killer):
        close(day)


def recover(day: date) -> None:
    """The books are right as the killed run left them; then the same run, to its end."""
    if drift := find_ledger_drift():
        raise SystemExit("\n".join(drift))
    close(day)


def in_a_fork(work: Callable[[], None]) -> int:
    """The signal that ended it, 0 if it ended well; a failure ends this process too."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit(1)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def main(first: date, days: int) -> int:
    for at in range(1, days + 1):
        day = first + timedelta(days=at)
        ended_by = in_a_fork(lambda day=day, at=at: close_killed(day, at))
        in_a_fork(lambda day=day: recover(day))
        if ended_by == 0:
            return at - 1
    raise SystemExit(f"a run has more than {days} statements")


if __name__ == "__main__":
    sys.stdout.write(str(main(date.fromisoformat(sys.argv[1]), int(sys.argv[2]))))

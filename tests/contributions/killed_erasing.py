"""Erases a withdrawal, killed by SIGKILL one statement later each time, until a run comes to its end.

``python -m tests.contributions.killed_erasing <withdrawal>``, with DATABASE_URL naming the test database. Each run is a
forked process with its own connection, an hour after the last. Says how many runs were killed.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from django.db import connection  # noqa: E402  (after django.setup, as everything below)

from apps.contributions.models import Withdrawal  # noqa: E402
from apps.contributions.services import erase_withdrawal  # noqa: E402
from apps.contributions.services.withdrawals import erasing  # noqa: E402

erasing.BATCH = 2
FIRST = datetime(2026, 11, 21, tzinfo=UTC)


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


def erase_killed(withdrawal: int, run: int) -> None:
    killer = KilledAt(run)
    commit = connection._commit

    def counted_commit() -> None:
        killer.count()
        commit()

    connection._commit = counted_commit
    row = Withdrawal.objects.get(pk=withdrawal)
    with connection.execute_wrapper(killer):
        erase_withdrawal(withdrawal=row, now=FIRST + timedelta(hours=run))


def main(withdrawal: int) -> None:
    for run in range(1, 2000):
        child = os.fork()
        if not child:
            connection.close()
            erase_killed(withdrawal, run)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            print(run - 1)  # noqa: T201  what the test reads
            return
        assert os.WTERMSIG(status) == signal.SIGKILL, status


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""kill -9 between any two statements of pulling and closing a day: nothing is lost, nothing is booked twice."""

import subprocess
import sys
from datetime import date, timedelta

import pytest

from apps.payouts.models import RevenueDay, RevenueEvent, Transfer
from apps.payouts.queries import find_ledger_drift
from apps.payouts.queries.revenue import bounds_of
from tests.payouts import world
from tests.processes import database_url, environment

FIRST = date(2025, 1, 1)
DAYS = 120  # more than a run has statements


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killed_between_any_two_statements() -> None:
    persona = world.make_persona()
    ada, grace = (world.make_tester(persona.organization, name) for name in ("Ada", "Grace"))
    world.contribute(ada, persona, completed=1)
    model = world.make_version(persona, {ada: 2, grace: 1})
    days = [FIRST + timedelta(days=number) for number in range(1, DAYS + 1)]
    for number, day in enumerate(days):
        midnight, _ = bounds_of(day)
        world.paid_runs(persona, 5, model=model if number % 2 else None, at=midnight)

    run = subprocess.run(  # noqa: S603  (our own module)
        [sys.executable, "-m", "tests.payouts.killed_runs", FIRST.isoformat(), str(DAYS)],
        env=environment(DATABASE_URL=database_url()),
        capture_output=True,
        text=True,
        timeout=1500,  # a hang, not a slow machine
        check=False,
    )

    assert run.returncode == 0, run.stderr
    statements = int(run.stdout)
    assert statements > 20
    closed = days[: statements + 1]
    assert set(RevenueDay.objects.values_list("day", flat=True)) == set(closed)
    assert sum(RevenueDay.objects.values_list("run_count", flat=True)) == 5 * len(closed)
    assert RevenueEvent.objects.count() == 5 * len(closed)
    assert Transfer.objects.filter(share=None).count() == 5 * len(closed)
    assert find_ledger_drift() == []

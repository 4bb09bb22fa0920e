from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from apps.common.jobs import find_job, path_of, scheduled_jobs
from apps.payouts import jobs
from apps.payouts.models import RevenueDay
from tests.payouts import world
from tests.payouts.world import DAY

pytestmark = pytest.mark.django_db


def run(*args: str) -> str:
    out = StringIO()
    call_command("close_revenue_day", *args, stdout=out)
    return out.getvalue()


def test_close_revenue_day_prints_a_table() -> None:
    persona = world.make_persona()
    model = world.make_version(persona, {world.make_tester(persona.organization): 2})
    world.paid_runs(persona, 20, model=model)
    world.paid_runs(persona, 2)
    expected = [
        "model                                           runs  revenue  rate  pool   shared  testers  basis",
        "Bank question coder (answered by the base model)  2     €0.10    30 %  €0.03  €0.00   0        contributions",
        "Bank question coder v1                            20    €1.00    30 %  €0.30  €0.30   1        lineage",
    ]
    printed = run(DAY.isoformat(), "--as-if-over").splitlines()
    assert [" ".join(line.split()) for line in printed] == [" ".join(line.split()) for line in expected]
    assert run(DAY.isoformat(), "--as-if-over").splitlines() == printed


def test_a_day_without_paid_runs() -> None:
    assert run("2025-03-01") == "No paid runs on 2025-03-01.\n"


def test_today_is_not_over() -> None:
    with pytest.raises(CommandError, match="is not over yet"):
        run(timezone.now().date().isoformat())


@pytest.mark.parametrize("text", ["2026-02-31", "yesterday", "", "2026-13-01", "99999-01-01", "9999-12-31", "2026-1-1"])
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(CommandError, match=r"is no day of the calendar\. Write it as YYYY-MM-DD\."):
        run(text, "--as-if-over")


def test_the_hourly_job_closes_what_is_over() -> None:
    persona = world.make_persona()
    yesterday = timezone.now() - timedelta(days=1)
    world.paid_runs(persona, at=yesterday)
    world.paid_runs(persona, at=timezone.now())
    jobs.close_finished_days()
    jobs.close_finished_days()
    assert list(RevenueDay.objects.values_list("day", flat=True)) == [yesterday.date()]


def test_both_jobs_are_scheduled() -> None:
    paths = {job.path for job in scheduled_jobs().values()}
    for job in (jobs.close_finished_days, jobs.check_invariants):
        assert path_of(job) in paths
        assert find_job(path_of(job)) is job

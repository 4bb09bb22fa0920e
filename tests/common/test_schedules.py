from io import StringIO

import pytest
from django.core.management import call_command
from django_q.models import Schedule

from apps.common import jobs
from apps.common.jobs import ScheduledJob, schedules
from apps.common.jobs.schedules import setup_schedules

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _only_the_heartbeat_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "autodiscover_modules", lambda _name: None)
    monkeypatch.setattr(jobs, "_scheduled", {"heartbeat": ScheduledJob("heartbeat", "apps.common.jobs.beat", 1)})


def test_rows_are_made_once() -> None:
    assert setup_schedules() == ["created heartbeat, every 1 min"]
    assert setup_schedules() == []
    row = Schedule.objects.get()
    assert (row.func, row.schedule_type, row.minutes, row.repeats) == ("apps.common.jobs.beat", Schedule.MINUTES, 1, -1)


def test_a_changed_row_is_put_right_and_keeps_its_turn() -> None:
    setup_schedules()
    before = Schedule.objects.get()
    Schedule.objects.update(func="os.system", args="'rm -rf /'", minutes=9)
    assert setup_schedules() == ["updated heartbeat: func, minutes, args"]
    after = Schedule.objects.get()
    assert (after.pk, after.func, after.args, after.next_run) == (before.pk, before.func, None, before.next_run)


def test_strangers_and_doubles_are_removed() -> None:
    setup_schedules()
    Schedule.objects.create(name="heartbeat", func="apps.common.jobs.beat")
    Schedule.objects.create(func="os.system")
    assert setup_schedules() == ["removed heartbeat", "removed os.system"]
    assert Schedule.objects.count() == 1


def test_the_command_says_what_it_changed() -> None:
    out = StringIO()
    call_command("setup_schedules", stdout=out)
    call_command("setup_schedules", stdout=out)
    assert out.getvalue().splitlines() == ["created heartbeat, every 1 min", "All schedules are as declared."]

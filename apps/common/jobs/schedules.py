"""Keeps the queue's schedule table equal to what the code declares with `@scheduled`."""

from django.db import transaction
from django.utils.module_loading import autodiscover_modules
from django_q.models import Schedule

from apps.common.jobs import ScheduledJob, scheduled_jobs


@transaction.atomic
def setup_schedules() -> list[str]:
    """Create, update and remove rows until they match; returns what changed, a sentence each. Safe to repeat.

    Rows nobody declared are removed: the code is the only place where a schedule is made.
    """
    autodiscover_modules("jobs")
    jobs = scheduled_jobs()
    changes = []
    kept: set[str] = set()
    for row in Schedule.objects.order_by("pk"):
        if row.name in jobs and row.name not in kept:
            kept.add(row.name)
            changes += _update(row, jobs[row.name])
        else:
            row.delete()
            changes.append(f"removed {row.name or row.func}")
    for job in jobs.values():
        if job.name not in kept:
            Schedule.objects.create(name=job.name, **_columns(job))
            changes.append(f"created {job.name}, every {job.minutes} min")
    return changes


def _columns(job: ScheduledJob) -> dict[str, object]:
    return {
        "func": job.path,
        "schedule_type": Schedule.MINUTES,
        "minutes": job.minutes,
        "repeats": -1,
        "args": None,
        "kwargs": None,
        "hook": None,
        "cluster": None,
    }


def _update(row: Schedule, job: ScheduledJob) -> list[str]:
    wrong = {name: value for name, value in _columns(job).items() if getattr(row, name) != value}
    if not wrong:
        return []
    Schedule.objects.filter(pk=row.pk).update(**wrong)
    return [f"updated {job.name}: {', '.join(wrong)}"]

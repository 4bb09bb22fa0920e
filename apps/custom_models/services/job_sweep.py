"""Finding jobs whose worker is gone, or whose time has come, and putting them into the queue again."""

from datetime import datetime, timedelta

from django.db import transaction

from apps.common import jobs
from apps.custom_models.models import FineTuneJob, FineTuneJobQuerySet

LAUNCH_JOB = "apps.custom_models.jobs.launch_job"
POLL_JOB = "apps.custom_models.jobs.poll_job"
SETTLE_JOB = "apps.custom_models.jobs.settle_job"
BATCH = 500  # of each kind in one sweep; the rest waits a minute
HANDED_OUT = timedelta(minutes=2)  # how long a job that was put into the queue is not put there again
LATE = timedelta(seconds=20)  # after which a look that is due was lost, or never came from a broker that cannot wait


@transaction.atomic
def hand_out_due_jobs(*, now: datetime) -> int:
    """Enqueue the launches whose lease ran out, the polls that nobody came for and the orphans; returns how many.

    Each is handed out by a conditional UPDATE, and not again before HANDED_OUT has passed or a worker came for it: a
    queue that stands still gets few copies of it, and those that come too late find nothing due.
    """
    waiting = FineTuneJob.objects.not_handed_out_since(now - HANDED_OUT)
    launches = waiting.due_for_launch(now=now).order_by("pk")
    polls = waiting.due_for_poll(now=now - LATE).order_by("next_poll_at")
    orphans = waiting.due_for_settling(now=now).order_by("pk")
    work = [(launches, LAUNCH_JOB), (polls, POLL_JOB), (orphans, SETTLE_JOB)]
    return sum(_hand_out(due, job, now) for due, job in work)


def _hand_out(due: FineTuneJobQuerySet, job: str, now: datetime) -> int:
    claimed = [pk for pk in due.values_list("pk", flat=True)[:BATCH] if due.filter(pk=pk).update(handed_out_at=now)]
    for pk in claimed:
        jobs.enqueue(job, pk)
    return len(claimed)

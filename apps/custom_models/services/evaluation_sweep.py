"""Finding evaluations whose worker is gone and putting them into the queue again."""

from datetime import datetime, timedelta

from django.db import transaction

from apps.common import jobs
from apps.custom_models.enums import EvaluationStatus
from apps.custom_models.models import Evaluation
from apps.custom_models.services.evaluation_status import EVALUATE_JOB, end_evaluation

BATCH = 500  # in one sweep; the rest waits for the next
STALLED = timedelta(minutes=10)
GIVEN_UP = timedelta(days=1)


def hand_out_stalled_evaluations(*, now: datetime) -> int:
    """Enqueue evaluations that nobody has worked on for ten minutes: their worker was killed, or a provider failed.
    Returns how many.

    One that has not come to its end within a day is ended.
    """
    running = Evaluation.objects.filter(status=EvaluationStatus.RUNNING)
    for evaluation in running.filter(created_at__lt=now - GIVEN_UP)[:BATCH]:
        why = f"It did not come to its end within a day. {evaluation.error_message}".strip()
        end_evaluation(evaluation=evaluation, to=EvaluationStatus.FAILED, now=now, error_message=why)
    stalled = Evaluation.objects.waiting(now=now).filter(updated_at__lt=now - STALLED)
    count = 0
    for pk in stalled.values_list("pk", flat=True)[:BATCH]:
        with transaction.atomic():
            if stalled.filter(pk=pk).update(updated_at=now):
                jobs.enqueue(EVALUATE_JOB, pk)
                count += 1
    return count

from django.utils import timezone

from apps.common import jobs
from apps.custom_models.models import Evaluation, FineTuneJob
from apps.custom_models.services import (
    continue_evaluation,
    hand_out_due_jobs,
    hand_out_stalled_evaluations,
    launch_fine_tune,
    poll_fine_tune,
    settle_orphan,
)


def launch_job(job_id: int) -> None:
    launch_fine_tune(job=FineTuneJob.objects.get(pk=job_id), now=timezone.now())


def poll_job(job_id: int) -> None:
    poll_fine_tune(job=FineTuneJob.objects.get(pk=job_id), now=timezone.now())


def settle_job(job_id: int) -> None:
    settle_orphan(job=FineTuneJob.objects.get(pk=job_id), now=timezone.now())


def evaluate_job(evaluation_id: int) -> None:
    continue_evaluation(evaluation=Evaluation.objects.get(pk=evaluation_id), now=timezone.now())


@jobs.scheduled(name="poll due fine-tuning jobs", minutes=1)
def poll_due_jobs() -> None:
    hand_out_due_jobs(now=timezone.now())


@jobs.scheduled(name="resume stalled evaluations", minutes=5)
def resume_evaluations() -> None:
    hand_out_stalled_evaluations(now=timezone.now())

"""Envelopes: each step of a job on the queue, and the sweeps. Ids in, one service call."""

from django.utils import timezone

from apps.common.audit import SYSTEM
from apps.common.jobs import scheduled
from apps.trainer.services import files, orphans, steps, training, validation


def validate_job(job_id: int) -> None:
    validation.validate_files(job_id=job_id, clock=timezone.now)


def start_job(job_id: int) -> None:
    training.start_training(job_id=job_id, now=timezone.now())


def train_job(job_id: int) -> None:
    training.train_model(job_id=job_id, clock=timezone.now)


@scheduled(name="trainer: queue stalled jobs again", minutes=1)
def requeue_stalled_jobs() -> None:
    steps.requeue_stalled_jobs(now=timezone.now())


@scheduled(name="trainer: remove expired files", minutes=60)
def delete_expired_files() -> None:
    files.delete_expired_files(by=SYSTEM, now=timezone.now())


@scheduled(name="trainer: remove files and models without a row", minutes=24 * 60)
def delete_orphans() -> None:
    orphans.delete_orphans(now=timezone.now())

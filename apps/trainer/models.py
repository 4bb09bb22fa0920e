"""What the protocol server remembers. Everything belongs to an account, a text: the trainer knows no organization.

Other tables are referred to by their public ids, as in the protocol: deleting a file leaves the jobs that read it.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.common.ids import new_id
from apps.common.models import both_or_neither
from apps.trainer.enums import EventLevel, EventType, JobStatus, Purpose

M = TypeVar("M", bound=models.Model)
FILES_FOLDER = "trainer"  # of the storage: a folder for each account


@dataclass(frozen=True)
class Account:
    """Who calls: the holder of a trainer key."""

    name: str

    @property
    def audit_name(self) -> str:
        return f"trainer:{self.name}"


class AccountQuerySet(models.QuerySet[M]):
    def of_account(self, account: str) -> Self:
        return self.filter(account=account)


class TrainerFileQuerySet(AccountQuerySet["TrainerFile"]):
    def expired(self, *, now: datetime) -> Self:
        return self.filter(expires_at__lte=now)


def new_file_id() -> str:
    return new_id("file-")


def new_job_id() -> str:
    return new_id("ftjob-")


def new_event_id() -> str:
    return new_id("ftevent-")


def new_model_key() -> str:
    return new_id("", length=8)


def upload_path(file: "TrainerFile", filename: str) -> str:
    """Named by our id: what a client calls its file is shown, never used as a path."""
    suffix = Path(filename).suffix.lower()
    return f"{FILES_FOLDER}/{file.account}/{file.public_id}{suffix if suffix in ('.jsonl', '.csv') else ''}"


class TrainerFile(models.Model):
    """An uploaded training file or the result file of a job. `upload_file` and `delete_file` are its doors."""

    account = models.CharField(max_length=100)
    public_id = models.CharField(max_length=40, unique=True, default=new_file_id)
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    filename = models.CharField(max_length=255)
    bytes = models.PositiveBigIntegerField()
    content = models.FileField(upload_to=upload_path, max_length=200)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)

    objects = TrainerFileQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            # the list of an account's files, newest first
            models.Index(fields=["account", "-id"], name="trainer_file_by_account"),
            # the hourly sweep
            models.Index(fields=["expires_at"], condition=Q(expires_at__isnull=False), name="trainer_file_expiry"),
        ]

    def __str__(self) -> str:
        return self.public_id


class TrainerJobQuerySet(AccountQuerySet["TrainerJob"]):
    def stalled(self, *, now: datetime, queued_before: datetime) -> Self:
        """A worker should have moved these long ago, and none holds them now."""
        free = Q(lease_until=None) | Q(lease_until__lt=now)
        return self.filter(free, status__in=JobStatus.moving(), step_queued_at__lt=queued_before)


class TrainerJob(models.Model):
    """A fine-tuning job. Its status moves by `move_job` alone (services/jobs.py), one queued step after the other."""

    account = models.CharField(max_length=100)
    public_id = models.CharField(max_length=40, unique=True, default=new_job_id)
    model_key = models.CharField(max_length=8, default=new_model_key)  # ends the name of the model it will make
    status = models.CharField(max_length=20, choices=JobStatus.choices, default=JobStatus.VALIDATING_FILES)
    base_model = models.CharField(max_length=100)
    training_file = models.CharField(max_length=40)
    validation_file = models.CharField(max_length=40, blank=True)
    suffix = models.CharField(max_length=64, blank=True)
    seed = models.PositiveIntegerField()
    hyperparameters = models.JSONField()  # n_epochs, batch_size, learning_rate_multiplier: number or "auto"

    examples = models.PositiveIntegerField(null=True, blank=True)  # null until the files are validated
    trained_tokens = models.PositiveBigIntegerField(null=True, blank=True)  # known at validation, shown at success
    fine_tuned_model = models.CharField(max_length=200, blank=True)
    result_file = models.CharField(max_length=40, blank=True)
    error_code = models.CharField(max_length=100, blank=True)
    error_message = models.TextField(blank=True)
    error_param = models.CharField(max_length=100, blank=True)

    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    estimated_finish_at = models.DateTimeField(null=True, blank=True)

    step_queued_at = models.DateTimeField()  # when the step of this status was last put on the queue
    attempts = models.PositiveIntegerField(default=0)  # starts of this step, counted at the start: killed ones count
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True)

    objects = TrainerJobQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status=JobStatus.SUCCEEDED) | ~Q(fine_tuned_model=""), name="trainer_success_has_model"
            ),
            models.CheckConstraint(
                condition=~Q(status=JobStatus.FAILED) | ~Q(error_code=""), name="trainer_failure_has_code"
            ),
            both_or_neither("lease_until", "lease_token", name="trainer_job_lease_pair"),
        ]
        indexes = [
            # the list of an account's jobs, newest first
            models.Index(fields=["account", "-id"], name="trainer_job_by_account"),
            # the recovery of stalled jobs
            models.Index(fields=["status", "step_queued_at"], name="trainer_job_stalled"),
        ]

    def __str__(self) -> str:
        return self.public_id


class TrainerJobTag(models.Model):
    """One pair of a job's metadata. A row each, so that clients find their jobs by it at any number of jobs."""

    job = models.ForeignKey(TrainerJob, on_delete=models.CASCADE, related_name="tags")
    key = models.CharField(max_length=64)
    value = models.CharField(max_length=512)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["job", "key"], name="trainer_tag_once")]
        indexes = [
            # `metadata[key]=value` in the list of jobs
            models.Index(fields=["key", "value"], name="trainer_tag_lookup"),
        ]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class TrainerJobEvent(models.Model):
    """What happened to a job, in words. Written in the transaction that does it."""

    job = models.ForeignKey(TrainerJob, on_delete=models.CASCADE, related_name="events")
    public_id = models.CharField(max_length=40, unique=True, default=new_event_id)
    created_at = models.DateTimeField()
    level = models.CharField(max_length=10, choices=EventLevel.choices, default=EventLevel.INFO)
    type = models.CharField(max_length=10, choices=EventType.choices, default=EventType.MESSAGE)
    message = models.TextField()
    data = models.JSONField(default=dict, blank=True)
    step = models.PositiveIntegerField(null=True, blank=True)  # of a metrics event

    class Meta:
        ordering = ["-id"]
        constraints = [
            # a step trained again after a crash is reported once
            models.UniqueConstraint(fields=["job", "step"], name="trainer_step_once"),
        ]

    def __str__(self) -> str:
        return self.message


class TrainerModel(models.Model):
    """A fine-tuned model that answers. Made by `train_model`, removed by `delete_model`."""

    account = models.CharField(max_length=100)
    public_id = models.CharField(max_length=200, unique=True)  # ft:<base>:<account>:<suffix>:<key>
    base_model = models.CharField(max_length=100)
    artifact = models.CharField(max_length=200, unique=True)  # path below the trainer's folder
    examples = models.PositiveIntegerField()
    created_at = models.DateTimeField()
    shutdown_date = models.DateField(null=True, blank=True)

    objects = AccountQuerySet["TrainerModel"].as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            # the list of an account's models
            models.Index(fields=["account", "-id"], name="trainer_model_by_account"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def path(self) -> Path:
        return artifact_path(self.artifact)


def artifact_path(artifact: str) -> Path:
    """Where an engine keeps a model: beside the database, never in it, so that any engine can."""
    return Path(settings.VAR_DIR) / "trainer" / artifact

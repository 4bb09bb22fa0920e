from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.common.fields import EncryptedTextField
from apps.common.guards import append_only
from apps.common.models import both_or_neither
from apps.contributions.models import TrainingExample
from apps.custom_models.enums import EvaluationStatus, JobStatus, ModelStatus
from apps.datasets.models import TrainingDataset
from apps.organizations.enums import Currency
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet
from apps.personas.models import Persona
from apps.providers.enums import Method
from apps.providers.models import BaseModel, ProviderCredential

# A job that is open here, or that its provider may have made and not ended: at most one of each dataset.
MAY_BE_ALIVE = Q(status__in=sorted(JobStatus.open())) | Q(creation_unanswered_since__isnull=False)


class FineTuneJobQuerySet(OrganizationQuerySet["FineTuneJob"]):
    def may_be_alive(self) -> Self:
        return self.filter(MAY_BE_ALIVE)

    def not_handed_out_since(self, moment: datetime) -> Self:
        """No copy of them was put into the queue since, or a worker came for it."""
        return self.filter(Q(handed_out_at=None) | Q(handed_out_at__lte=moment))

    def due_for_launch(self, *, now: datetime) -> Self:
        """Not yet at the provider, and no worker holds them."""
        return self.filter(status__in=JobStatus.launching()).filter(Q(lease_until=None) | Q(lease_until__lt=now))

    def due_for_poll(self, *, now: datetime) -> Self:
        return self.filter(status__in=JobStatus.remote(), next_poll_at__lte=now)

    def due_for_settling(self, *, now: datetime) -> Self:
        """Ended here while they were being created, so that the provider may have one that nobody knows of."""
        orphans = self.filter(status__in=JobStatus.finished(), creation_unanswered_since__isnull=False)
        return orphans.filter(Q(next_poll_at=None) | Q(next_poll_at__lte=now))


class FineTuneJob(OrganizationOwned):
    """One fine-tuning job (AV6, RT6). Started by `start_fine_tune`; its status moves by `set_job_status` alone."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="fine_tune_jobs"
    )  # null: started by a schedule or an API key
    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="fine_tune_jobs")
    dataset = models.ForeignKey(TrainingDataset, on_delete=models.PROTECT, related_name="fine_tune_jobs")
    base_model = models.ForeignKey(BaseModel, on_delete=models.PROTECT, related_name="fine_tune_jobs")
    credential = models.ForeignKey(
        ProviderCredential, on_delete=models.PROTECT, null=True, blank=True, related_name="fine_tune_jobs"
    )
    provider = models.CharField(max_length=50)
    method = models.CharField(max_length=20, choices=Method.choices, default=Method.SUPERVISED)
    suffix = models.CharField(max_length=64, blank=True)
    hyperparameters = models.JSONField(default=dict)  # n_epochs, learning_rate_multiplier, batch_size: number or "auto"
    client_reference = models.CharField(max_length=64, unique=True)  # in the remote job's metadata: finds a lost answer
    status = models.CharField(max_length=20, choices=JobStatus.choices, default=JobStatus.PREPARING)
    started_by = models.CharField(max_length=254)

    # Set before the provider is asked to create the job, cleared when its answer is known: it may have one meanwhile.
    creation_unanswered_since = models.DateTimeField(null=True, blank=True)

    training_sha256 = models.CharField(max_length=64)
    training_file_id = models.CharField(max_length=100, blank=True)
    validation_file_id = models.CharField(max_length=100, blank=True)
    provider_job_id = models.CharField(max_length=100, blank=True)
    fine_tuned_model = models.CharField(max_length=200, blank=True)
    result_files = models.JSONField(default=list, blank=True)
    metrics = models.JSONField(default=dict, blank=True)

    estimated_tokens = models.PositiveBigIntegerField(default=0)
    estimated_cost_micros = models.PositiveBigIntegerField(default=0)
    estimated_seconds = models.PositiveIntegerField(null=True, blank=True)  # null: nothing to estimate from
    trained_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    actual_cost_micros = models.PositiveBigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, choices=Currency.choices, default=Currency.USD)

    error_code = models.CharField(max_length=100, blank=True)
    error_message = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    estimated_finish_at = models.DateTimeField(null=True, blank=True)

    launch_attempts = models.PositiveIntegerField(default=0)  # counted at the start: a killed worker counts too
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True)
    handed_out_at = models.DateTimeField(null=True, blank=True)  # null: a worker came since it was put into the queue
    next_poll_at = models.DateTimeField(null=True, blank=True)
    poll_failures = models.PositiveIntegerField(default=0)
    last_problem = models.TextField(blank=True)  # the last temporary error, while it is being retried

    objects = FineTuneJobQuerySet.as_manager()

    class Meta:
        db_table = "avatar_fine_tune_jobs"
        verbose_name = "fine-tuning job"
        constraints = [
            models.UniqueConstraint(fields=["dataset"], condition=MAY_BE_ALIVE, name="one_live_job_per_dataset"),
            # Each server gives its own ids; without a credential all jobs of a provider are at the same one.
            models.UniqueConstraint(
                fields=["credential", "provider_job_id"],
                condition=Q(credential__isnull=False) & ~Q(provider_job_id=""),
                name="remote_job_once_per_credential",
            ),
            models.UniqueConstraint(
                fields=["provider", "provider_job_id"],
                condition=Q(credential__isnull=True) & ~Q(provider_job_id=""),
                name="remote_job_once_per_provider",
            ),
            models.CheckConstraint(
                condition=~Q(status=JobStatus.SUCCEEDED) | ~Q(fine_tuned_model=""), name="succeeded_jobs_have_a_model"
            ),
            both_or_neither("lease_until", "lease_token", name="job_lease_pair"),
        ]
        indexes = [
            # the poller: what is open and due
            models.Index(fields=["status", "next_poll_at"], name="job_due"),
        ]

    def __str__(self) -> str:
        return f"Fine-tuning {self.pk} of {self.persona}"


@append_only
class FineTuneEvent(models.Model):
    """An event of the provider, kept as it came; `remote_id` makes fetching twice harmless."""

    job = models.ForeignKey(FineTuneJob, on_delete=models.PROTECT, related_name="events")
    remote_id = models.CharField(max_length=100)
    at = models.DateTimeField()
    level = models.CharField(max_length=10)
    type = models.CharField(max_length=20)
    message = models.TextField()
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["at", "id"]
        constraints = [models.UniqueConstraint(fields=["job", "remote_id"], name="event_once")]

    def __str__(self) -> str:
        return self.message


class CustomModel(OrganizationOwned):
    """A version of a persona's own model (RT2). `activate_model` and `deactivate_model` are its doors."""

    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="custom_models")
    number = models.PositiveIntegerField("version")
    name = models.CharField(max_length=200)
    base_model = models.ForeignKey(BaseModel, on_delete=models.PROTECT, related_name="custom_models")
    credential = models.ForeignKey(
        ProviderCredential, on_delete=models.PROTECT, null=True, blank=True, related_name="custom_models"
    )
    provider = models.CharField(max_length=50)
    fine_tuned_model_id = models.CharField(max_length=200)
    training_dataset = models.ForeignKey(
        TrainingDataset, on_delete=models.PROTECT, null=True, blank=True, related_name="custom_models"
    )  # null: activated by a pasted id, trained elsewhere
    job = models.OneToOneField(
        FineTuneJob, on_delete=models.PROTECT, null=True, blank=True, related_name="custom_model"
    )
    status = models.CharField(max_length=20, choices=ModelStatus.choices, default=ModelStatus.READY)
    training_started_at = models.DateTimeField(null=True, blank=True)
    training_completed_at = models.DateTimeField(null=True, blank=True)
    training_duration_seconds = models.PositiveIntegerField(null=True, blank=True)
    training_loss = models.FloatField(null=True, blank=True)
    validation_loss = models.FloatField(null=True, blank=True)
    training_accuracy = models.FloatField(null=True, blank=True)
    validation_accuracy = models.FloatField(null=True, blank=True)
    training_examples = models.PositiveIntegerField(default=0)
    average_response_time_ms = models.FloatField(null=True, blank=True)
    quality_score = models.FloatField(null=True, blank=True)
    user_approval_rate = models.FloatField(null=True, blank=True)
    is_active = models.BooleanField(default=False)
    deployed_at = models.DateTimeField(null=True, blank=True)
    training_cost_micros = models.PositiveBigIntegerField(default=0)
    inference_cost_per_answer_micros = models.PositiveBigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, choices=Currency.choices, default=Currency.USD)
    shutdown_date = models.DateField(null=True, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        db_table = "custom_models"
        constraints = [
            models.UniqueConstraint(fields=["persona", "number"], name="model_version_number"),
            models.UniqueConstraint(fields=["persona"], condition=Q(is_active=True), name="one_active_model"),
            models.CheckConstraint(
                condition=Q(is_active=False) | Q(status=ModelStatus.READY), name="only_ready_models_are_active"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.persona} v{self.number}"


class Activation(OrganizationOwned):
    """From when to when a version was live, by whom and why. Written by `activate_model` and `deactivate_model`."""

    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="activations")
    custom_model = models.ForeignKey(CustomModel, on_delete=models.PROTECT, related_name="activations")
    activated_at = models.DateTimeField()
    activated_by = models.CharField(max_length=254)
    activated_reason = models.TextField(blank=True)
    deactivated_at = models.DateTimeField(null=True, blank=True)
    deactivated_by = models.CharField(max_length=254, blank=True)
    deactivated_reason = models.TextField(blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        ordering = ["-activated_at"]
        constraints = [
            models.UniqueConstraint(fields=["persona"], condition=Q(deactivated_at=None), name="one_open_activation"),
            both_or_neither("deactivated_at", "deactivated_by", name="deactivated_pair"),
        ]

    def __str__(self) -> str:
        return f"{self.custom_model} from {self.activated_at:%Y-%m-%d %H:%M}"


class EvaluationQuerySet(OrganizationQuerySet["Evaluation"]):
    def waiting(self, *, now: datetime) -> Self:
        """Not at their end, and no worker is at them."""
        running = self.filter(status=EvaluationStatus.RUNNING)
        return running.filter(Q(lease_until=None) | Q(lease_until__lt=now))


class Evaluation(OrganizationOwned):
    """A comparison of models on the persona's test examples, which no dataset may contain (SC4).

    Started by `start_evaluation` or `run_evaluation`, worked on by who has its `Turn`, ended by `end_evaluation`.
    """

    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="evaluations")
    candidate = models.ForeignKey(CustomModel, on_delete=models.PROTECT, related_name="evaluations")
    status = models.CharField(max_length=20, choices=EvaluationStatus.choices, default=EvaluationStatus.RUNNING)
    test_size = models.PositiveIntegerField(default=0)
    answered = models.PositiveIntegerField(default=0)  # of test_size times arms
    error_message = models.TextField(blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    started_by = models.CharField(max_length=254)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True)

    objects = EvaluationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["candidate"], condition=Q(status=EvaluationStatus.RUNNING), name="one_running_evaluation"
            ),
            both_or_neither("lease_until", "lease_token", name="evaluation_lease_pair"),
        ]

    def __str__(self) -> str:
        return f"Evaluation {self.pk} of {self.candidate}"


class EvaluationArm(models.Model):
    """One model's result in an evaluation: the base model (no custom model) or a version."""

    evaluation = models.ForeignKey(Evaluation, on_delete=models.PROTECT, related_name="arms")
    custom_model = models.ForeignKey(
        CustomModel, on_delete=models.PROTECT, null=True, blank=True, related_name="evaluation_arms"
    )
    model_name = models.CharField(max_length=200)
    correct = models.PositiveIntegerField(default=0)
    answered = models.PositiveIntegerField(default=0)
    accuracy = models.FloatField(null=True, blank=True)
    interval_low = models.FloatField(null=True, blank=True)  # 95 %, Wilson
    interval_high = models.FloatField(null=True, blank=True)
    median_latency_ms = models.FloatField(null=True, blank=True)
    cost_micros = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["evaluation", "id"]  # the base model before the version
        constraints = [models.UniqueConstraint(fields=["evaluation", "model_name"], name="arm_once")]

    def __str__(self) -> str:
        return self.model_name


class EvaluationAnswer(models.Model):
    """What one model answered to one test example."""

    arm = models.ForeignKey(EvaluationArm, on_delete=models.CASCADE, related_name="answers")
    example = models.ForeignKey(TrainingExample, on_delete=models.PROTECT, related_name="+")
    answer = EncryptedTextField(blank=True)
    score = models.FloatField()  # the task's own metric, 0-1
    latency_ms = models.FloatField()
    cost_micros = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["arm", "example"], name="answer_once")]

    def __str__(self) -> str:
        return f"{self.arm} on {self.example_id}: {self.score}"

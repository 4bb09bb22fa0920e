from django.db import models
from django.db.models import Q

from apps.abtests.enums import ABTestStatus, ModelType, RolloutStatus
from apps.common.models import both_or_neither
from apps.custom_models.models import CustomModel
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet
from apps.personas.models import Persona


class ABTest(OrganizationOwned):
    """A comparison of variants on live traffic (RT10): 7 days and 50/50 unless said otherwise.

    Its status moves by `start_abtest`, `stop_abtest` and `complete_due_abtests`.
    """

    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="abtests")
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=20, choices=ABTestStatus.choices, default=ABTestStatus.DRAFT)
    duration_days = models.PositiveSmallIntegerField(default=7)
    started_at = models.DateTimeField(null=True, blank=True)
    started_by = models.CharField(max_length=254, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = "A/B test"
        constraints = [
            models.UniqueConstraint(
                fields=["persona"], condition=Q(status=ABTestStatus.RUNNING), name="one_running_test_per_persona"
            ),
            models.CheckConstraint(condition=Q(duration_days__gte=1), name="abtest_takes_a_day"),
            both_or_neither("started_at", "started_by", name="abtest_started_pair"),
        ]

    def __str__(self) -> str:
        return self.name


class Variant(models.Model):
    """One arm of a test: a version, or the base model where `custom_model` is empty."""

    abtest = models.ForeignKey(ABTest, on_delete=models.PROTECT, related_name="variants")
    name = models.CharField(max_length=100)
    custom_model = models.ForeignKey(
        CustomModel, on_delete=models.PROTECT, null=True, blank=True, related_name="variants"
    )
    weight = models.PositiveSmallIntegerField(default=50)  # percent of the traffic

    class Meta:
        ordering = ["abtest", "id"]
        constraints = [
            models.UniqueConstraint(fields=["abtest", "name"], name="variant_name_once"),
            models.CheckConstraint(condition=Q(weight__gte=1) & Q(weight__lte=100), name="variant_weight_is_a_percent"),
        ]

    def __str__(self) -> str:
        return self.name


class Observation(OrganizationOwned):
    """What one answer of a variant was worth (RT10)."""

    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="observations")
    unit = models.CharField(max_length=100)  # who saw it: the sticky unit
    model_type = models.CharField(max_length=10, choices=ModelType.choices)
    response_id = models.CharField(max_length=64)
    quality_score = models.FloatField(null=True, blank=True)
    user_approval = models.BooleanField(null=True, blank=True)
    response_time_ms = models.FloatField(null=True, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        db_table = "ab_test_metrics"
        constraints = [models.UniqueConstraint(fields=["response_id"], name="one_observation_per_response")]

    def __str__(self) -> str:
        return f"{self.variant}: {self.response_id}"


class Rollout(OrganizationOwned):
    """A version that gets a growing percentage of the traffic, with fallback to the incumbent (PB11)."""

    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="rollouts")
    candidate = models.ForeignKey(CustomModel, on_delete=models.PROTECT, related_name="rollouts")
    status = models.CharField(max_length=20, choices=RolloutStatus.choices, default=RolloutStatus.RUNNING)
    percent = models.PositiveSmallIntegerField(default=10)
    started_by = models.CharField(max_length=254)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.TextField(blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["persona"], condition=Q(status=RolloutStatus.RUNNING), name="one_running_rollout"
            ),
            models.CheckConstraint(condition=Q(percent__lte=100), name="rollout_percent"),
        ]

    def __str__(self) -> str:
        return f"{self.candidate} at {self.percent} %"

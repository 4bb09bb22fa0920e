"""What testers say at the review desk: labels, answers to gold items, and why they said nothing."""

from django.db import models
from django.db.models import Q

from apps.common.fields import EncryptedJSONField, EncryptedTextField
from apps.common.models import both_or_neither
from apps.contributions.enums import SkipReason
from apps.contributions.models.examples import TrainingExample
from apps.contributions.models.testers import Tester
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet


class Label(OrganizationOwned):
    """What one tester says is the right answer to one example."""

    example = models.ForeignKey(TrainingExample, on_delete=models.PROTECT, related_name="labels")
    tester = models.ForeignKey(Tester, on_delete=models.PROTECT, related_name="labels")
    payload = EncryptedJSONField(null=True)  # None once it was withdrawn
    payload_hash = models.CharField(max_length=64)  # of what the task compares: labels with the same one agree
    rating = models.PositiveSmallIntegerField(null=True, blank=True)  # of the model's answer, 1-5
    seconds_spent = models.PositiveIntegerField(null=True, blank=True)
    agrees = models.BooleanField(null=True, blank=True)  # with the accepted label, once there is one
    answer_similarity = models.FloatField(null=True, blank=True)  # to the model's answer that was shown, 0-1
    is_flagged = models.BooleanField(default=False)  # looks pasted from that answer: staff look at it
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["example", "tester"], name="one_label_per_tester"),
            models.CheckConstraint(
                condition=Q(rating=None) | (Q(rating__gte=1) & Q(rating__lte=5)), name="rating_is_1_to_5"
            ),
            models.CheckConstraint(condition=Q(withdrawn_at=None) | Q(payload=None), name="withdrawn_labels_are_empty"),
        ]
        indexes = [
            # a tester's labels of today, and the last one, at every item of the desk
            models.Index(fields=["tester", "updated_at"], name="label_by_tester"),
        ]

    def __str__(self) -> str:
        return f"{self.tester} on {self.example}"


class GoldAnswer(OrganizationOwned):
    """What a tester said to a gold item, whose right answer was known: it measures the tester and teaches nobody.

    No label: it counts towards no total, no credit and no agreement.
    """

    example = models.ForeignKey(TrainingExample, on_delete=models.PROTECT, related_name="gold_answers")
    tester = models.ForeignKey(Tester, on_delete=models.PROTECT, related_name="gold_answers")
    payload = EncryptedJSONField(null=True)  # None once it was withdrawn
    score = models.FloatField()  # the task's comparison with the known answer, 0-1
    seconds_spent = models.PositiveIntegerField(null=True, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["example", "tester"], name="one_gold_answer_per_tester"),
            models.CheckConstraint(condition=Q(score__gte=0) & Q(score__lte=1), name="gold_score_is_0_to_1"),
        ]

    def __str__(self) -> str:
        return f"{self.tester} on gold item {self.example_id}"


class Skip(OrganizationOwned):
    """Why a tester gave an example no label. A report also takes the example off every desk until staff have looked."""

    example = models.ForeignKey(TrainingExample, on_delete=models.PROTECT, related_name="skips")
    tester = models.ForeignKey(Tester, on_delete=models.PROTECT, related_name="skips")
    reason = models.CharField(max_length=20, choices=SkipReason.choices)
    note = EncryptedTextField(blank=True)
    is_report = models.BooleanField(default=False)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=254, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["example", "tester"], name="one_skip_per_tester"),
            both_or_neither("resolved_at", "resolved_by", name="skip_resolved_pair"),
        ]

    def __str__(self) -> str:
        return f"{self.tester}: {self.get_reason_display()}"

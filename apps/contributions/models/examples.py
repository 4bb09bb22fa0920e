from datetime import datetime
from decimal import Decimal
from typing import Self

from django.db import models
from django.db.models import Case, Count, F, Q, Value, When
from django.db.models.functions import Concat

from apps.common.fields import EncryptedJSONField
from apps.common.guards import refused
from apps.common.models import both_or_neither
from apps.contributions.enums import ExampleKind, ExampleSource, ExampleStatus, QualityBand, Split
from apps.contributions.models.privacy import Withdrawal
from apps.contributions.models.testers import Tester
from apps.contributions.models.uploads import Upload
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet
from apps.personas.models import Persona


class TrainingExampleQuerySet(OrganizationQuerySet["TrainingExample"]):
    def accepted(self) -> Self:
        return self.filter(status=ExampleStatus.ACCEPTED)

    def trainable(self) -> Self:
        """Accepted, consented to, and not pinned to the test set that no dataset may ever train on."""
        return self.accepted().filter(consent=True).exclude(split_pin=Split.TEST)

    def awaiting(self, *, now: datetime) -> Self:
        """Examples that want a label and are on nobody's screen: a lease that has ended counts for nothing."""
        return self.filter(status=ExampleStatus.AWAITING_LABELS).filter(Q(leased_until=None) | Q(leased_until__lt=now))

    def with_enough_labels(self) -> Self:
        """Undecided examples that have as many labels as their persona asks for now."""
        labelled = self.filter(status=ExampleStatus.AWAITING_LABELS, labels__isnull=False, labels__withdrawn_at=None)
        return labelled.annotate(given=Count("labels")).filter(given__gte=F("persona__labels_per_example"))

    def not_labelled_by(self, tester: Tester) -> Self:
        return self.exclude(labels__tester=tester)


_BAND = Case(
    When(quality_score=None, then=Value(QualityBand.UNRATED.value)),
    When(quality_score__lt=Decimal("0.5"), then=Value(QualityBand.LOW.value)),
    When(quality_score__lt=Decimal("0.7"), then=Value(QualityBand.FAIR.value)),
    default=Value(QualityBand.GOOD.value),
    output_field=models.TextField(),
)
_KEPT_OUT = Case(  # of training, for ever or for want of consent
    When(Q(split_pin=Split.TEST.value) | Q(consent=False), then=Value("|kept out")),
    default=Value("|"),
    output_field=models.TextField(),
)


@refused(
    "UPDATE",
    name="synthetic_for_ever",
    when="OLD.source = 'synthetic' AND NEW.source IS DISTINCT FROM 'synthetic'",
    message="ai_training_examples: what is synthetic stays marked as synthetic",
)
class TrainingExample(OrganizationOwned):
    """One input, what a model answered, what people say is right. Its status has one door: services/decisions.py."""

    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="examples")
    kind = models.CharField(max_length=30, choices=ExampleKind.choices)
    source = models.CharField(max_length=20, choices=ExampleSource.choices)
    input = EncryptedJSONField(null=True)  # None once it was withdrawn
    output = EncryptedJSONField(null=True, blank=True)  # what the AI answered, if it did
    accepted_label = EncryptedJSONField(null=True, blank=True)
    category = models.CharField(max_length=100, blank=True)  # the task's class of the accepted label, for balance
    content_hash = models.CharField(max_length=64)
    quality_score = models.DecimalField(max_digits=4, decimal_places=3, null=True, blank=True)  # 0-1 (RT1)
    quality_points = models.PositiveSmallIntegerField(null=True, blank=True)  # 0-10 (PB3)
    outcome = models.CharField(max_length=30, blank=True)  # what became of the answer (PB2)
    edit_share = models.FloatField(null=True, blank=True)  # the part of the answer that was changed, 0-1
    approvals = models.PositiveIntegerField(default=0)  # people who approved of the answer
    rejections = models.PositiveIntegerField(default=0)
    conversation_continued = models.BooleanField(default=False)
    is_gold = models.BooleanField(default=False)  # its answer is known: testers are measured by it
    metadata = models.JSONField(default=dict, blank=True)  # of a synthetic example: template and emphasis (PB4)
    facets = models.GeneratedField(  # what it is counted by (PB8) as one key, so that an index alone answers
        expression=Concat(
            "kind", Value("|"), "source", Value("|"), "status", Value("|"), "outcome", Value("|"), _BAND, _KEPT_OUT,
            output_field=models.TextField(),
        ),
        output_field=models.TextField(),
        db_persist=True,
    )  # fmt: skip
    near_duplicate_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="near_duplicates"
    )  # the oldest example whose input is nearly the same
    kept_apart_at = models.DateTimeField(null=True, blank=True)  # somebody looked: it is another example than those
    kept_apart_by = models.CharField(max_length=254, blank=True)
    status = models.CharField(max_length=20, choices=ExampleStatus.choices, default=ExampleStatus.AWAITING_LABELS)
    split_pin = models.CharField(max_length=12, choices=Split.choices, blank=True)
    consent = models.BooleanField(default=True)
    schema_version = models.PositiveSmallIntegerField(default=1)  # of the task's schemas that the payloads were read by
    client_id = models.CharField(max_length=100, blank=True)  # the sender's own; a keyed hash once withdrawn
    response_id = models.CharField(max_length=64, blank=True)
    conversation_ref = models.CharField(max_length=100, blank=True)
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, null=True, blank=True, related_name="examples")
    contributed_by = models.CharField(max_length=254, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    leased_to = models.ForeignKey(Tester, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.CharField(max_length=254, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawal = models.ForeignKey(
        Withdrawal, on_delete=models.PROTECT, null=True, blank=True, related_name="examples"
    )  # the request that took it out

    objects = TrainingExampleQuerySet.as_manager()

    class Meta:
        db_table = "ai_training_examples"
        constraints = [
            models.UniqueConstraint(
                fields=["persona", "client_id"], condition=~Q(client_id=""), name="example_client_id_once"
            ),
            # an answer is captured once; also the way from an answer to its example
            models.UniqueConstraint(
                fields=["response_id", "source"], condition=~Q(response_id=""), name="example_per_response"
            ),
            models.CheckConstraint(
                condition=~Q(status=ExampleStatus.ACCEPTED) | Q(accepted_label__isnull=False),
                name="accepted_examples_have_a_label",
            ),
            models.CheckConstraint(
                condition=Q(quality_score=None) | (Q(quality_score__gte=0) & Q(quality_score__lte=1)),
                name="quality_is_between_0_and_1",
            ),
            models.CheckConstraint(
                condition=Q(quality_points=None) | Q(quality_points__lte=10), name="quality_points_are_0_to_10"
            ),
            models.CheckConstraint(
                condition=Q(edit_share=None) | (Q(edit_share__gte=0) & Q(edit_share__lte=1)),
                name="example_edit_share_0_to_1",
            ),
            models.CheckConstraint(
                condition=Q(input__isnull=False) | Q(status=ExampleStatus.WITHDRAWN),
                name="only_withdrawn_examples_are_empty",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | Q(status=ExampleStatus.WITHDRAWN), name="withdrawn_examples_stay_so"
            ),
            both_or_neither("accepted_at", "accepted_by", name="example_accepted_pair"),
            both_or_neither("kept_apart_at", "kept_apart_by", name="example_kept_apart_pair"),
        ]
        indexes = [
            # the review desk's queue and the dataset builder's choice
            models.Index(fields=["persona", "status", "id"], name="example_queue"),
            # what has come in, counted by everything
            models.Index(fields=["persona", "facets"], name="example_facets"),
            # ... and by day
            models.Index(fields=["persona", "created_at"], name="example_by_day"),
            # duplicates on the way in
            models.Index(fields=["persona", "content_hash"], name="example_duplicates"),
            # gold items for a desk: a handful among many. All that example_queue has, or SQLite walks that one instead
            models.Index(fields=["persona", "status", "id"], condition=Q(is_gold=True), name="example_gold"),
            # the turns before one of the same conversation, with each answer
            models.Index(
                fields=["persona", "conversation_ref"], condition=~Q(conversation_ref=""), name="example_conversation"
            ),
            # the pages of duplicates
            models.Index(
                fields=["near_duplicate_of"],
                condition=Q(near_duplicate_of__isnull=False),
                name="example_near_duplicates",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

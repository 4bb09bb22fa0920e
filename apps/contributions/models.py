from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Count, F, Q

from apps.common.fields import EncryptedJSONField
from apps.common.models import both_or_neither
from apps.contributions.enums import ExampleKind, ExampleSource, ExampleStatus, Split, TesterStatus
from apps.organizations.enums import Currency
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet
from apps.personas.models import Persona


class Tester(OrganizationOwned):
    """A user who labels for one organization, with what they consented to. Status changes through the services."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="tester_of")
    display_name = models.CharField(max_length=150)
    status = models.CharField(max_length=20, choices=TesterStatus.choices, default=TesterStatus.INVITED)
    consented_at = models.DateTimeField(null=True, blank=True)
    consent_wording = models.TextField(blank=True)  # the very text that was shown
    payout_details = EncryptedJSONField(null=True, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        ordering = ["display_name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="one_tester_per_organization"),
            models.CheckConstraint(
                condition=~Q(status=TesterStatus.ACTIVE) | Q(consented_at__isnull=False),
                name="active_testers_consented",
            ),
        ]

    def __str__(self) -> str:
        return self.display_name


class Upload(OrganizationOwned):
    """A file that somebody brought in: where it lies, what it was, what became of it."""

    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="uploads")
    file = models.FileField(upload_to="uploads/")  # stored under a random name
    original_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    rows_imported = models.PositiveIntegerField(default=0)
    uploaded_by = models.CharField(max_length=254)

    objects = OrganizationQuerySet.as_manager()

    def __str__(self) -> str:
        return self.original_name


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
        labelled = self.filter(status=ExampleStatus.AWAITING_LABELS, labels__isnull=False)
        return labelled.annotate(given=Count("labels")).filter(given__gte=F("persona__labels_per_example"))

    def not_labelled_by(self, tester: Tester) -> Self:
        return self.exclude(labels__tester=tester)


class TrainingExample(OrganizationOwned):
    """One input, what a model answered, what people say is right. Its status has one door: services/decisions.py."""

    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="examples")
    kind = models.CharField(max_length=30, choices=ExampleKind.choices)
    source = models.CharField(max_length=20, choices=ExampleSource.choices)
    input = EncryptedJSONField()
    output = EncryptedJSONField(null=True, blank=True)  # what the AI answered, if it did
    accepted_label = EncryptedJSONField(null=True, blank=True)
    category = models.CharField(max_length=100, blank=True)  # the task's class of the accepted label, for balance
    content_hash = models.CharField(max_length=64)
    quality_score = models.DecimalField(max_digits=4, decimal_places=3, null=True, blank=True)  # 0-1 (RT1)
    outcome = models.CharField(max_length=30, blank=True)
    status = models.CharField(max_length=20, choices=ExampleStatus.choices, default=ExampleStatus.AWAITING_LABELS)
    split_pin = models.CharField(max_length=12, choices=Split.choices, blank=True)
    consent = models.BooleanField(default=True)
    client_id = models.CharField(max_length=100, blank=True)  # the sender's own id: sending twice changes nothing
    response_id = models.CharField(max_length=64, blank=True)
    conversation_ref = models.CharField(max_length=100, blank=True)
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, null=True, blank=True, related_name="examples")
    contributed_by = models.CharField(max_length=254, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    leased_to = models.ForeignKey(Tester, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.CharField(max_length=254, blank=True)

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
            both_or_neither("accepted_at", "accepted_by", name="example_accepted_pair"),
        ]
        indexes = [
            # the review desk's queue and the dataset builder's choice
            models.Index(fields=["persona", "status", "id"], name="example_queue"),
            # duplicates on the way in
            models.Index(fields=["persona", "content_hash"], name="example_duplicates"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"


class Label(OrganizationOwned):
    """What one tester says is the right answer to one example."""

    example = models.ForeignKey(TrainingExample, on_delete=models.PROTECT, related_name="labels")
    tester = models.ForeignKey(Tester, on_delete=models.PROTECT, related_name="labels")
    payload = EncryptedJSONField()
    payload_hash = models.CharField(max_length=64)  # equal labels agree
    rating = models.PositiveSmallIntegerField(null=True, blank=True)  # of the model's answer, 1-5
    seconds_spent = models.PositiveIntegerField(null=True, blank=True)
    agrees = models.BooleanField(null=True, blank=True)  # with the accepted label, once there is one

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["example", "tester"], name="one_label_per_tester"),
            models.CheckConstraint(
                condition=Q(rating=None) | (Q(rating__gte=1) & Q(rating__lte=5)), name="rating_is_1_to_5"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tester} on {self.example}"


class Contribution(OrganizationOwned):
    """Totals of a tester for a persona (UX8). Re-derivable from labels and ledger: `check_invariants` compares.

    One row for each currency that the persona ever charged in. What was earned is each row's own; tests and weight
    stand in the row of the currency it charges in now, so that every column can be summed.
    """

    tester = models.ForeignKey(Tester, on_delete=models.PROTECT, related_name="contributions")
    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="contributions")
    training_tests_completed = models.PositiveIntegerField(default=0)  # labels that agree with the accepted one
    contribution_weight = models.DecimalField(
        max_digits=9, decimal_places=8, default=0
    )  # share among the persona's testers
    earned_micros = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3, choices=Currency.choices, default=Currency.EUR)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        db_table = "ai_training_contributions"
        constraints = [
            models.UniqueConstraint(fields=["tester", "persona", "currency"], name="one_contribution_per_currency")
        ]

    def __str__(self) -> str:
        return f"{self.tester} for {self.persona}"

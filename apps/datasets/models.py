from decimal import Decimal
from typing import Self

from django.db import models
from django.db.models import Q

from apps.common.fields import EncryptedTextField
from apps.common.guards import frozen, refused, text_altered
from apps.common.models import both_or_neither
from apps.contributions.enums import Split
from apps.contributions.models import Tester, TrainingExample
from apps.datasets.enums import DatasetStatus
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet
from apps.personas.models import Persona, PromptVersion

MIN_QUALITY_SCORE = Decimal("0.700")  # what a dataset asks for unless told otherwise (RT1)
MAX_ROWS = 1000  # and how many of the newest it takes (RT4)
FORMAT = "openai_chat"


class TrainingDatasetQuerySet(OrganizationQuerySet["TrainingDataset"]):
    def published(self) -> Self:
        return self.exclude(published_at=None)


@frozen(
    when="OLD.published_at IS NOT NULL",
    columns=[
        "organization_id", "persona_id", "prompt_version_id", "min_quality_score", "include_persona",
        "include_platform_context", "training_params", "format", "seed", "example_count", "training_count",
        "validation_count", "training_tokens", "training_sha256", "validation_sha256", "prepared_at", "redactions",
        "approved_at", "approved_by", "published_at", "published_by",
    ],
)  # fmt: skip
class TrainingDataset(OrganizationOwned):
    """A choice of examples (RT1). Built by `build_dataset`, frozen for ever by `publish_dataset`: rows and recipe.

    Only name and description may still be corrected. `status` after that is a note on the last training, written by the
    fine-tuning jobs; it decides nothing here.
    """

    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="datasets")
    prompt_version = models.ForeignKey(
        PromptVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="datasets"
    )
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=20, choices=DatasetStatus.choices, default=DatasetStatus.PREPARING)
    min_quality_score = models.DecimalField(max_digits=4, decimal_places=3, default=MIN_QUALITY_SCORE)
    include_persona = models.BooleanField(default=True)
    include_platform_context = models.BooleanField(default=False)
    training_params = models.JSONField(default=dict, blank=True)
    format = models.CharField(max_length=50, default=FORMAT)
    seed = models.PositiveIntegerField(default=1)  # of the split
    example_count = models.PositiveIntegerField(default=0)
    training_count = models.PositiveIntegerField(default=0)
    validation_count = models.PositiveIntegerField(default=0)
    training_tokens = models.PositiveBigIntegerField(default=0)
    training_sha256 = models.CharField(max_length=64, blank=True)
    validation_sha256 = models.CharField(max_length=64, blank=True)
    prepared_at = models.DateTimeField(null=True, blank=True)
    redactions = models.JSONField(default=dict, blank=True)  # how often each kind of personal data was replaced
    approved_at = models.DateTimeField(null=True, blank=True)  # staff looked at what would leave, and let it
    approved_by = models.CharField(max_length=254, blank=True)
    withdrawn_count = models.PositiveIntegerField(default=0)  # items whose people took them back since
    published_at = models.DateTimeField(null=True, blank=True)
    published_by = models.CharField(max_length=254, blank=True)

    objects = TrainingDatasetQuerySet.as_manager()

    class Meta:
        db_table = "training_datasets"
        constraints = [
            models.CheckConstraint(condition=Q(status__in=DatasetStatus.values), name="dataset_status_is_known"),
            models.CheckConstraint(
                condition=Q(status=DatasetStatus.PREPARING) | Q(published_at__isnull=False),
                name="only_published_datasets_train",
            ),
            both_or_neither("published_at", "published_by", name="dataset_published_pair"),
            both_or_neither("approved_at", "approved_by", name="dataset_approved_pair"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_published(self) -> bool:
        return self.published_at is not None


PARENT_IS_PUBLISHED = (
    "EXISTS (SELECT 1 FROM training_datasets d WHERE d.id = {row}.dataset_id AND d.published_at IS NOT NULL)"
)
EMPTIED_BY_WITHDRAWAL = (
    "(NEW.line = '' AND EXISTS (SELECT 1 FROM ai_training_examples e "
    "WHERE e.id = OLD.example_id AND e.status = 'withdrawn'))"
)


@frozen(
    when=PARENT_IS_PUBLISHED.format(row="OLD"),
    columns=["dataset_id", "example_id", "split", "position", "content_hash", "line_sha256", "tokens"],
    inserts=PARENT_IS_PUBLISHED.format(row="NEW"),
)
@refused(
    "UPDATE",
    name="line_frozen",
    when=f"{PARENT_IS_PUBLISHED.format(row='OLD')} AND {text_altered('line')} AND NOT {EMPTIED_BY_WITHDRAWAL}",
    message="datasets_datasetitem is frozen once published: its line may only be emptied, after a withdrawal",
)
@refused(
    "UPDATE",
    name="stays",
    when="OLD.dataset_id IS DISTINCT FROM NEW.dataset_id",
    message="datasets_datasetitem is frozen once published: an item never moves to another dataset",
)
class DatasetItem(models.Model):
    """One example in one dataset, with the line that was rendered from it.

    Two things may happen to a published line: key rotation encrypts it anew, and a withdrawal empties it. The database
    cannot tell by a cipher text what it says, so whoever hands a line out compares it with `line_sha256` (see
    `file_chunks`), and `check_invariants` compares all of them.
    """

    dataset = models.ForeignKey(TrainingDataset, on_delete=models.PROTECT, related_name="items")
    example = models.ForeignKey(TrainingExample, on_delete=models.PROTECT, related_name="dataset_items")
    split = models.CharField(max_length=12, choices=Split.choices)
    position = models.PositiveIntegerField()  # in the split's file, from 0
    content_hash = models.CharField(max_length=64)
    line = EncryptedTextField()
    line_sha256 = models.CharField(max_length=64)
    tokens = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "example"], name="example_once_per_dataset"),
            models.UniqueConstraint(fields=["dataset", "split", "position"], name="item_position"),
            models.CheckConstraint(condition=~Q(split=Split.TEST), name="test_examples_are_never_items"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset}, {self.get_split_display().lower()} row {self.position}"


WHOLE_ITEM = 1_000_000  # the weight of one training item: its credits add up to it


@frozen(
    when="1 = 1",
    columns=["dataset_id", "item_id", "tester_id", "weight", "rule"],
    inserts=PARENT_IS_PUBLISHED.format(row="NEW"),
)
class ItemCredit(models.Model):
    """Who taught one training item: what shares by lineage are computed from.

    Written once, by `publish_dataset`; never changed, and none added once the dataset is published.
    """

    dataset = models.ForeignKey(TrainingDataset, on_delete=models.PROTECT, related_name="credits")
    item = models.ForeignKey(DatasetItem, on_delete=models.PROTECT, related_name="credits")
    tester = models.ForeignKey(Tester, on_delete=models.PROTECT, related_name="credits")
    weight = models.PositiveIntegerField()  # of WHOLE_ITEM
    rule = models.CharField(max_length=30)  # version of the weight rule

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "tester"], name="one_credit_per_item_and_tester"),
            models.CheckConstraint(condition=Q(weight__gt=0) & Q(weight__lte=WHOLE_ITEM), name="credit_is_a_part"),
        ]
        indexes = [
            # the day's shares: weight per tester of one dataset
            models.Index(fields=["dataset", "tester"], name="credit_by_tester"),
        ]

    def __str__(self) -> str:
        return f"{self.tester} for {self.item}"

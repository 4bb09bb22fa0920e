from django.db import models


class DatasetStatus(models.TextChoices):
    """RT1. `preparing` is a draft; from `ready` on the dataset is published and never changes again."""

    PREPARING = "preparing", "Preparing"
    READY = "ready", "Ready"
    TRAINING = "training", "Training"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"

    @classmethod
    def published(cls) -> set["DatasetStatus"]:
        return {cls.READY, cls.TRAINING, cls.COMPLETED, cls.FAILED}


class LeftOut(models.TextChoices):
    """Why an example of the persona is not in a dataset: the first reason that applies, in this order."""

    AWAITING_LABELS = "awaiting_labels", "Awaiting labels"
    DISPUTED = "disputed", "Labels disagree"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"
    NO_CONSENT = "no_consent", "No consent to train on it"
    IN_TEST_SET = "in_test_set", "Pinned to the test set"
    SAME_AS_TEST = "same_as_test", "Its content or its conversation is in the test set"
    NOT_SCORED = "not_scored", "Has no quality score, which counts as not good enough"
    LOW_QUALITY = "low_quality", "Quality below the minimum"
    DUPLICATE = "duplicate", "Same content as a newer example"
    OVER_MAXIMUM = "over_maximum", "Older than the newest rows asked for"
    PINNED_APART = "pinned_apart", "Pinned to training while its conversation is pinned to validation"

from enum import StrEnum

from django.db import models


class Method(models.TextChoices):
    """How a model is tuned."""

    SUPERVISED = "supervised", "Supervised"
    DPO = "dpo", "Preference (DPO)"


class RemoteStatus(StrEnum):
    """Where a fine-tuning job stands at its provider. Adapters translate their provider's words into these."""

    VALIDATING_FILES = "validating_files"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

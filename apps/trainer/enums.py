from django.db import models


class Purpose(models.TextChoices):
    FINE_TUNE = "fine-tune", "Fine-tuning"
    FINE_TUNE_RESULTS = "fine-tune-results", "Fine-tuning results"


class JobStatus(models.TextChoices):
    """The protocol's words. `paused` is the one its published description forgets and real servers send."""

    VALIDATING_FILES = "validating_files", "Validating files"
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"

    @classmethod
    def moving(cls) -> set["JobStatus"]:
        """A worker has, or should have, the next step of these."""
        return {cls.VALIDATING_FILES, cls.QUEUED, cls.RUNNING}

    @classmethod
    def open(cls) -> set["JobStatus"]:
        return cls.moving() | {cls.PAUSED}


class EventLevel(models.TextChoices):
    INFO = "info", "Info"
    WARN = "warn", "Warning"
    ERROR = "error", "Error"


class EventType(models.TextChoices):
    MESSAGE = "message", "Message"
    METRICS = "metrics", "Metrics"

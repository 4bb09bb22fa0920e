from django.db import models


class JobStatus(models.TextChoices):
    """AV6: the provider's words, and before them our own steps up to the moment the provider has the job."""

    PREPARING = "preparing", "Preparing"
    UPLOADING = "uploading", "Uploading"
    CREATING = "creating", "Creating"
    VALIDATING_FILES = "validating_files", "Validating files"
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"

    @classmethod
    def launching(cls) -> set["JobStatus"]:
        return {cls.PREPARING, cls.UPLOADING, cls.CREATING}

    @classmethod
    def remote(cls) -> set["JobStatus"]:
        """The provider has it and has not ended it: these are polled."""
        return {cls.VALIDATING_FILES, cls.QUEUED, cls.RUNNING, cls.PAUSED}

    @classmethod
    def open(cls) -> set["JobStatus"]:
        return cls.launching() | cls.remote()

    @classmethod
    def stages(cls) -> list["JobStatus"]:
        """What a job that nobody disturbs goes through, in this order."""
        return [
            cls.PREPARING, cls.UPLOADING, cls.CREATING, cls.VALIDATING_FILES, cls.QUEUED, cls.RUNNING, cls.SUCCEEDED,
        ]  # fmt: skip

    @classmethod
    def finished(cls) -> set["JobStatus"]:
        return {cls.SUCCEEDED, cls.FAILED, cls.CANCELLED}


class ModelStatus(models.TextChoices):
    READY = "ready", "Ready"
    RETIRED = "retired", "Retired"
    DELETED = "deleted", "Deleted at the provider"


class EvaluationStatus(models.TextChoices):
    RUNNING = "running", "Running"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"

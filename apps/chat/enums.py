from django.db import models


class ResponseKind(models.TextChoices):
    CHAT = "chat", "Chat completion"
    RUN = "run", "Task run"


class ResponseStatus(models.TextChoices):
    COMPLETED = "completed", "Completed"
    UNPARSED = "unparsed", "Answer does not parse"
    INTERRUPTED = "interrupted", "Caller hung up"
    FAILED = "failed", "Failed"

    @classmethod
    def answered(cls) -> set["ResponseStatus"]:
        """A model gave a whole answer, whatever it was worth."""
        return {cls.COMPLETED, cls.UNPARSED}

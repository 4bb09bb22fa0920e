from django.db import models


class FeedbackType(models.TextChoices):
    """RT3."""

    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    EDITED = "edited", "Edited"
    REGENERATED = "regenerated", "Regenerated"

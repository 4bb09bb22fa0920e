from dataclasses import dataclass

from django.db import models


class Plan(models.TextChoices):
    FREE = "free", "Free"
    PLUS = "plus", "Plus"
    ENTERPRISE = "enterprise", "Enterprise"


@dataclass(frozen=True)
class PlanLimits:
    """What a plan allows. `fine_tunes_per_month` None means any number."""

    fine_tunes_per_month: int | None
    own_credentials: bool


# AV14: the free plan has one fine-tune a month; RT13: more custom models need Plus.
PLAN_LIMITS = {
    Plan.FREE: PlanLimits(fine_tunes_per_month=1, own_credentials=False),
    Plan.PLUS: PlanLimits(fine_tunes_per_month=20, own_credentials=True),
    Plan.ENTERPRISE: PlanLimits(fine_tunes_per_month=None, own_credentials=True),
}


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    MANAGER = "manager", "Manager"
    VIEWER = "viewer", "Viewer"

    @classmethod
    def may_write(cls) -> set["Role"]:
        return {cls.OWNER, cls.MANAGER}


class Scope(models.TextChoices):
    """What an API key may do."""

    CHAT = "chat", "Chat completions and task runs"
    FEEDBACK = "feedback", "Send feedback"
    CONTRIBUTE = "contribute", "Add examples"
    READ = "read", "Read everything of the organization"
    TRAIN = "train", "Build datasets, start fine-tuning, activate models"


class Currency(models.TextChoices):
    EUR = "EUR", "Euro"
    USD = "USD", "US dollar"
    GBP = "GBP", "Pound sterling"

"""What writes feedback and what follows from it."""

from apps.feedback.services import erasing
from apps.feedback.services.verdicts import (
    change_retraining_policy,
    edit_share,
    mark_retraining_due,
    record_feedback,
    recount_approvals,
    recount_samples,
    repeat_last_words,
)

__all__ = [
    "change_retraining_policy",
    "edit_share",
    "erasing",
    "mark_retraining_due",
    "record_feedback",
    "recount_approvals",
    "recount_samples",
    "repeat_last_words",
]

"""What testers see: the way in, and the desk."""

from apps.contributions.views.desk import (
    review_desk,
    review_diff,
    review_label,
    review_report,
    review_skip,
    review_undo,
)
from apps.contributions.views.entering import WORDING_ID, review_consent, review_home

__all__ = [
    "WORDING_ID",
    "review_consent",
    "review_desk",
    "review_diff",
    "review_home",
    "review_label",
    "review_report",
    "review_skip",
    "review_undo",
]

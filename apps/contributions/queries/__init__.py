"""What can be asked about examples and testers: one module per noun. Nothing here writes."""

from apps.contributions.queries.chunks import chunked
from apps.contributions.queries.desks import Desk, EmptyQueue, Progress, desks_of, explain_empty_queue, review_progress
from apps.contributions.queries.examples import csv_of_examples, describe_votes, labels_given
from apps.contributions.queries.quality import (
    AGREEMENT,
    Reaction,
    find_quality_drift,
    for_judging,
    judge_examples,
    quality_of,
    wrongly_rated,
)
from apps.contributions.queries.testers import check_may_label, get_tester, testers_of
from apps.contributions.queries.totals import count_agreeing_labels, find_contribution_drift

__all__ = [
    "AGREEMENT",
    "Desk",
    "EmptyQueue",
    "Progress",
    "Reaction",
    "check_may_label",
    "chunked",
    "count_agreeing_labels",
    "csv_of_examples",
    "describe_votes",
    "desks_of",
    "explain_empty_queue",
    "find_contribution_drift",
    "find_quality_drift",
    "for_judging",
    "get_tester",
    "judge_examples",
    "labels_given",
    "quality_of",
    "review_progress",
    "testers_of",
    "wrongly_rated",
]

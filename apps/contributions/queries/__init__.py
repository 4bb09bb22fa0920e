"""What can be asked about examples and testers: one module per noun. Nothing here writes."""

from apps.contributions.queries.chunks import chunked
from apps.contributions.queries.desks import Desk, EmptyQueue, Progress, desks_of, explain_empty_queue, review_progress
from apps.contributions.queries.examples import csv_of_examples, describe_votes, labels_given
from apps.contributions.queries.testers import check_may_label, get_tester, testers_of
from apps.contributions.queries.totals import count_agreeing_labels, find_contribution_drift

__all__ = [
    "Desk",
    "EmptyQueue",
    "Progress",
    "check_may_label",
    "chunked",
    "count_agreeing_labels",
    "csv_of_examples",
    "describe_votes",
    "desks_of",
    "explain_empty_queue",
    "find_contribution_drift",
    "get_tester",
    "labels_given",
    "review_progress",
    "testers_of",
]

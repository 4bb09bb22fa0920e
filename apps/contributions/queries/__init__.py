"""What can be asked about examples and testers: one module per noun. Nothing here writes."""

from apps.contributions.queries.agreement import Agreement, agreement_of, label_hash
from apps.contributions.queries.cases import Case, WaitingCases, count_cases, describe_case, next_case
from apps.contributions.queries.chunks import chunked
from apps.contributions.queries.collection import Collection, PersonaCounts
from apps.contributions.queries.desks import (
    Desk,
    EmptyQueue,
    Progress,
    desks_of,
    explain_empty_queue,
    may_read,
    review_progress,
    undoable_act,
    wanted_from,
)
from apps.contributions.queries.duplicates import DuplicateGroup, comparable, count_groups, duplicate_groups
from apps.contributions.queries.eligibility import Eligibility
from apps.contributions.queries.examples import csv_of_examples, sample_of_csv
from apps.contributions.queries.gold import next_gold, unseen_gold
from apps.contributions.queries.items import describe_changes, describe_item, read_back
from apps.contributions.queries.label_quality import TesterQuality, own_qualities, tester_qualities
from apps.contributions.queries.near_texts import NearTexts, normal_text
from apps.contributions.queries.quality import (
    AGREEMENT,
    Reaction,
    captured_examples,
    find_quality_drift,
    for_judging,
    judge_examples,
    quality_of,
    wrongly_rated,
)
from apps.contributions.queries.references import (
    ReferenceFile,
    list_reference_answers,
    read_reference_file,
    reference_answer_for,
)
from apps.contributions.queries.reports import has_open_report, open_reports
from apps.contributions.queries.statistics import Statistics, statistics_for, statistics_of
from apps.contributions.queries.synthetic import SyntheticPair, synthetic_pairs
from apps.contributions.queries.testers import check_may_label, get_tester, testers_of
from apps.contributions.queries.totals import count_agreeing_labels, find_contribution_drift
from apps.contributions.queries.uploads import (
    conversation_uploads,
    counted_reasons,
    eligibility_sentence,
    few_shots_of,
    percent_of,
    prompt_changes,
    sample_pairs,
    stage_words,
    stages_of,
)
from apps.contributions.queries.wording import Change, diff_texts, payload_text

__all__ = [
    "AGREEMENT",
    "Agreement",
    "Case",
    "Change",
    "Collection",
    "Desk",
    "DuplicateGroup",
    "Eligibility",
    "EmptyQueue",
    "NearTexts",
    "PersonaCounts",
    "Progress",
    "Reaction",
    "ReferenceFile",
    "Statistics",
    "SyntheticPair",
    "TesterQuality",
    "WaitingCases",
    "agreement_of",
    "captured_examples",
    "check_may_label",
    "chunked",
    "comparable",
    "conversation_uploads",
    "count_agreeing_labels",
    "count_cases",
    "count_groups",
    "counted_reasons",
    "csv_of_examples",
    "describe_case",
    "describe_changes",
    "describe_item",
    "desks_of",
    "diff_texts",
    "duplicate_groups",
    "eligibility_sentence",
    "explain_empty_queue",
    "few_shots_of",
    "find_contribution_drift",
    "find_quality_drift",
    "for_judging",
    "get_tester",
    "has_open_report",
    "judge_examples",
    "label_hash",
    "list_reference_answers",
    "may_read",
    "next_case",
    "next_gold",
    "normal_text",
    "open_reports",
    "own_qualities",
    "payload_text",
    "percent_of",
    "prompt_changes",
    "quality_of",
    "read_back",
    "read_reference_file",
    "reference_answer_for",
    "review_progress",
    "sample_of_csv",
    "sample_pairs",
    "stage_words",
    "stages_of",
    "statistics_for",
    "statistics_of",
    "synthetic_pairs",
    "tester_qualities",
    "testers_of",
    "undoable_act",
    "unseen_gold",
    "wanted_from",
    "wrongly_rated",
]

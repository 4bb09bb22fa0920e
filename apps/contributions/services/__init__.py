"""What writes: one module per noun."""

from apps.contributions.services.decisions import (
    reject_example,
    resolve_example,
    settle_examples_with_enough_labels,
)
from apps.contributions.services.examples import MAX_ITEMS, capture_example, create_examples
from apps.contributions.services.imports import ImportResult, import_examples, rehearse_import
from apps.contributions.services.intake import ExampleResult, ExampleResultStatus, NewExample, rejected
from apps.contributions.services.labels import NewLabel, submit_label, submit_labels
from apps.contributions.services.leases import lease_next_example, skip_example
from apps.contributions.services.quality import note_continuation, note_feedback, recompute_quality
from apps.contributions.services.testers import (
    CONSENT_WORDING,
    invite_tester,
    pause_tester,
    record_consent,
    resume_tester,
)
from apps.contributions.services.totals import recount_contributions
from apps.contributions.services.withdrawals import (
    erase_withdrawal,
    hand_out_withdrawals,
    retry_withdrawal,
    withdraw_examples,
    withdraw_organization,
    withdraw_tester,
)

__all__ = [
    "CONSENT_WORDING",
    "MAX_ITEMS",
    "ExampleResult",
    "ExampleResultStatus",
    "ImportResult",
    "NewExample",
    "NewLabel",
    "capture_example",
    "create_examples",
    "erase_withdrawal",
    "hand_out_withdrawals",
    "import_examples",
    "invite_tester",
    "lease_next_example",
    "note_continuation",
    "note_feedback",
    "pause_tester",
    "recompute_quality",
    "record_consent",
    "recount_contributions",
    "rehearse_import",
    "reject_example",
    "rejected",
    "resolve_example",
    "resume_tester",
    "retry_withdrawal",
    "settle_examples_with_enough_labels",
    "skip_example",
    "submit_label",
    "submit_labels",
    "withdraw_examples",
    "withdraw_organization",
    "withdraw_tester",
]

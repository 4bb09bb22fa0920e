"""What writes: one module per noun."""

from apps.contributions.services.answers import save_answer
from apps.contributions.services.decisions import (
    reject_example,
    resolve_example,
    settle_examples_with_enough_labels,
)
from apps.contributions.services.downloads import record_download
from apps.contributions.services.duplicates import (
    find_near_duplicates,
    hand_out_stalled_searches,
    keep_apart,
    reject_near_duplicates,
    request_due_searches,
    request_duplicate_search,
)
from apps.contributions.services.examples import MAX_ITEMS, capture_example, create_examples
from apps.contributions.services.gold import mark_gold, unmark_gold
from apps.contributions.services.imports import ImportResult, import_examples, rehearse_import
from apps.contributions.services.intake import ExampleResult, ExampleResultStatus, NewExample, rejected
from apps.contributions.services.labels import NewLabel, submit_label, submit_labels
from apps.contributions.services.leases import lease_next_example, sign_start
from apps.contributions.services.protected_names import protect_name, stop_protecting_name
from apps.contributions.services.quality import note_continuation, note_feedback, recompute_quality
from apps.contributions.services.references import ReferenceImport, import_reference_answers
from apps.contributions.services.reopening import reopen_example
from apps.contributions.services.row_files import (
    check_row_file,
    drop_row_file,
    hand_out_row_files,
    store_row_file,
    work_on_row_file,
)
from apps.contributions.services.skips import report_example, resolve_reports, skip_example
from apps.contributions.services.synthetic import SyntheticResult, create_synthetic_examples
from apps.contributions.services.testers import (
    CONSENT_WORDING,
    invite_tester,
    pause_tester,
    record_consent,
    resume_tester,
)
from apps.contributions.services.totals import recount_contributions
from apps.contributions.services.undoing import Undone, undo_last, undoable
from apps.contributions.services.uploads import (
    MAX_UPLOAD_BYTES,
    Received,
    choose_speaker,
    hand_out_original,
    hand_out_uploads,
    process_upload,
    receive_upload,
    retry_upload,
)
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
    "MAX_UPLOAD_BYTES",
    "ExampleResult",
    "ExampleResultStatus",
    "ImportResult",
    "NewExample",
    "NewLabel",
    "Received",
    "ReferenceImport",
    "SyntheticResult",
    "Undone",
    "capture_example",
    "check_row_file",
    "choose_speaker",
    "create_examples",
    "create_synthetic_examples",
    "drop_row_file",
    "erase_withdrawal",
    "find_near_duplicates",
    "hand_out_original",
    "hand_out_row_files",
    "hand_out_stalled_searches",
    "hand_out_uploads",
    "hand_out_withdrawals",
    "import_examples",
    "import_reference_answers",
    "invite_tester",
    "keep_apart",
    "lease_next_example",
    "mark_gold",
    "note_continuation",
    "note_feedback",
    "pause_tester",
    "process_upload",
    "protect_name",
    "receive_upload",
    "recompute_quality",
    "record_consent",
    "record_download",
    "recount_contributions",
    "rehearse_import",
    "reject_example",
    "reject_near_duplicates",
    "rejected",
    "reopen_example",
    "report_example",
    "request_due_searches",
    "request_duplicate_search",
    "resolve_example",
    "resolve_reports",
    "resume_tester",
    "retry_upload",
    "retry_withdrawal",
    "save_answer",
    "settle_examples_with_enough_labels",
    "sign_start",
    "skip_example",
    "stop_protecting_name",
    "store_row_file",
    "submit_label",
    "submit_labels",
    "undo_last",
    "undoable",
    "unmark_gold",
    "withdraw_examples",
    "withdraw_organization",
    "withdraw_tester",
    "work_on_row_file",
]

"""Reading money: balances, what a tester earned and why, and whether the books are right."""

from apps.payouts.queries import own_data
from apps.payouts.queries.drift import find_drift, find_ledger_drift
from apps.payouts.queries.earnings import (
    CurrencyEarnings,
    earnings_of,
    shares_earned_by,
    testers_with_money,
    tests_completed_by,
)
from apps.payouts.queries.explanations import explain_share, explain_weight, labelled_rows
from apps.payouts.queries.ledger import balance_of, with_balance
from apps.payouts.queries.revenue import unclosed_days, unpulled_days

__all__ = [
    "CurrencyEarnings",
    "balance_of",
    "earnings_of",
    "explain_share",
    "explain_weight",
    "find_drift",
    "find_ledger_drift",
    "labelled_rows",
    "own_data",
    "shares_earned_by",
    "testers_with_money",
    "tests_completed_by",
    "unclosed_days",
    "unpulled_days",
    "with_balance",
]

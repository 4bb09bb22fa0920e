"""Taking back what was said (AV13): out of everything at once, erased everywhere by the worker, and answered."""

from apps.contributions.services.withdrawals import own_copies
from apps.contributions.services.withdrawals.erasers import ERASERS, Affected, Eraser, Leftover, erasers
from apps.contributions.services.withdrawals.erasing import erase_withdrawal, hand_out_withdrawals, retry_withdrawal
from apps.contributions.services.withdrawals.requesting import (
    withdraw_examples,
    withdraw_organization,
    withdraw_tester,
)

__all__ = [
    "ERASERS",
    "Affected",
    "Eraser",
    "Leftover",
    "erase_withdrawal",
    "erasers",
    "hand_out_withdrawals",
    "own_copies",
    "retry_withdrawal",
    "withdraw_examples",
    "withdraw_organization",
    "withdraw_tester",
]

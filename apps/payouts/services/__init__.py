"""Writing money: the ledger, the day's revenue, its closing. Everything here can be repeated or killed without harm."""

from apps.payouts.services.closing import close_finished_days, close_revenue_day
from apps.payouts.services.ledger import open_account, transfer
from apps.payouts.services.revenue import pull_revenue

__all__ = ["close_finished_days", "close_revenue_day", "open_account", "pull_revenue", "transfer"]

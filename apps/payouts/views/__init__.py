"""A tester's own money, and the admin's front page."""

from apps.payouts.views.earnings import earnings, share_detail
from apps.payouts.views.front_page import dashboard

__all__ = ["dashboard", "earnings", "share_detail"]

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common.audit import SYSTEM
from apps.common.errors import FlywheelError
from apps.common.money import format_money
from apps.payouts.models import RevenueDay
from apps.payouts.queries.explanations import model_name, percent_of_rate
from apps.payouts.queries.revenue import bounds_of
from apps.payouts.services import close_revenue_day

HEADINGS = ("model", "runs", "revenue", "rate", "pool", "shared", "testers", "basis")


class Command(BaseCommand):
    help = "Pull the paid runs of a UTC day into the books and share their revenue. Repeating it changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("day", metavar="YYYY-MM-DD")
        parser.add_argument(
            "--as-if-over",
            action="store_true",
            help="close a day that is still running, as if it were midnight; later runs count in the next open day",
        )

    def handle(self, *args: Any, as_if_over: bool, **options: Any) -> None:
        day = _day(options["day"])
        _, its_end = bounds_of(day)
        now = its_end if as_if_over else timezone.now()
        try:
            closed = close_revenue_day(day=day, by=SYSTEM, now=now)
        except FlywheelError as error:
            raise CommandError(str(error)) from error
        if not closed:
            self.stdout.write(f"No paid runs on {day}.")
            return
        for line in _table([HEADINGS, *(_row(revenue_day) for revenue_day in closed)]):
            self.stdout.write(line)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
        bounds_of(day)
    except (ValueError, OverflowError):
        raise CommandError(f"{text!r} is no day of the calendar. Write it as YYYY-MM-DD.") from None
    return day


def _row(day: RevenueDay) -> tuple[str, ...]:
    revenue, pool, shared = (
        format_money(micros, day.currency) for micros in (day.revenue_micros, day.pool_micros, day.shared_micros)
    )
    rate, testers = percent_of_rate(day.share_rate), str(day.shares.count())
    return model_name(day), f"{day.run_count:,}", revenue, rate, pool, shared, testers, day.basis


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from apps.payouts.management.turn.house import credentials


class Command(BaseCommand):
    help = "Say where to log in and what to look at first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="where it is served (http://127.0.0.1:8000)")

    def handle(self, *_args: Any, url: str, **_options: Any) -> None:
        known = credentials()
        bold = self.style.MIGRATE_HEADING
        self.stdout.write("")
        self.stdout.write(bold("Flywheel is running: ") + url)
        if "admin_password" in known:
            self.stdout.write(f"  Admin    {url}/admin/   {known['admin_email']}   {known['admin_password']}")
            self.stdout.write(f"  Tester   {url}/review/  {known['tester_email']}   (the sign-in code is printed here)")
        if "api_key" in known:
            self.stdout.write(f"  API key  {known['api_key']}")
        self.stdout.write(
            "Look first at the admin's front page, then at Earnings as the tester: each amount opens down to the\n"
            f"labelled rows behind it. The API is described at {url}/api/docs/. Ctrl-C stops everything."
        )
        self.stdout.write("")

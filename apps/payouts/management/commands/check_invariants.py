from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.payouts.queries import find_drift


class Command(BaseCommand):
    help = "Check the ledger, the contributions and the lineage against what they follow from. Exits 1 if one is off."

    def handle(self, *args: Any, **options: Any) -> None:
        problems = find_drift()
        for problem in problems:
            self.stdout.write(problem)
        if problems:
            raise CommandError(f"{len(problems)} things are off.", returncode=1)
        self.stdout.write("Ledger, contributions and lineage are right.")

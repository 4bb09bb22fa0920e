from typing import Any

from django.core.management.base import BaseCommand

from apps.common.jobs.schedules import setup_schedules


class Command(BaseCommand):
    help = "Make the schedule table match the jobs declared with @jobs.scheduled. Run it after every migrate."

    def handle(self, *args: Any, **options: Any) -> None:
        changes = setup_schedules()
        if options["verbosity"]:
            self.stdout.write("\n".join(changes) or "All schedules are as declared.")

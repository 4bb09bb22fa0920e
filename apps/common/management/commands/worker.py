import logging
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.common import jobs
from apps.common.jobs.cluster import Supervisor


class Command(BaseCommand):
    help = (
        "Run the queued and scheduled jobs until SIGTERM or Ctrl-C. Exits with 1 when a process of the cluster was "
        "killed or stands still: run it under something that always restarts it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--grace", type=float, default=20, metavar="SECONDS", help="for running jobs to finish when it ends (20)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verbosity"]:
            logging.getLogger("django-q").setLevel(logging.INFO)  # a line for each job
        jobs.enqueue(jobs.beat)  # the first sign of life, in seconds instead of a minute
        if not Supervisor(grace_seconds=options["grace"]).run():
            raise CommandError("The cluster ended without being asked to, or not in time.")

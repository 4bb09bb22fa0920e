from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.common.audit import SYSTEM
from apps.providers.services import load_catalogue


class Command(BaseCommand):
    help = "Add the base models and prices that this release knows and the database lacks. What is there stays."

    def handle(self, *_args: Any, **_options: Any) -> None:
        added = load_catalogue(by=SYSTEM, now=timezone.now())
        self.stdout.write(f"{added} base models and prices added.")

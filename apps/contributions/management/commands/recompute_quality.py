from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.common.audit import SYSTEM
from apps.contributions.services import recompute_quality
from apps.personas.models import Persona


class Command(BaseCommand):
    help = "Compute the points and the score of every example again, and store what differs. Safe to repeat."

    def handle(self, *_args: Any, **_options: Any) -> None:
        for persona in Persona.objects.select_related("organization").order_by("pk"):
            count = recompute_quality(persona=persona, by=SYSTEM, now=timezone.now())
            self.stdout.write(f"{persona.organization}, {persona}: {count:,} examples rated anew")

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.common.audit import SYSTEM
from apps.common.errors import FlywheelError
from apps.contributions.services import import_reference_answers
from apps.personas.queries import find_persona

SHOWN = 20  # rejected rows that are listed one by one


class Command(BaseCommand):
    help = "Import reference answers of a persona from a CSV file with the columns category and text."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--persona", required=True, help="slug of the persona whose tone they show")
        parser.add_argument("--organization", default="", help="slug, needed where several have such a persona")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            persona = find_persona(slug=options["persona"], organization=options["organization"])
            with options["file"].open("rb") as file:
                result = import_reference_answers(persona=persona, file=file, by=SYSTEM)
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from None
        except FlywheelError as error:
            raise CommandError(str(error)) from None
        for line, why in result.rejected[:SHOWN]:
            self.stderr.write(f"line {line}: {why}")
        if len(result.rejected) > SHOWN:
            self.stderr.write(f"... and {len(result.rejected) - SHOWN} more rows")
        self.stdout.write(
            f"{result.created} reference answers created, {result.known} known already, "
            f"{len(result.rejected)} rows rejected."
        )
        if result.rejected and not result.created and not result.known:
            raise CommandError("Nothing was imported.")

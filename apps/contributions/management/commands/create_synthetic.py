from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common.audit import SYSTEM
from apps.common.errors import FlywheelError
from apps.contributions.queries import synthetic_pairs
from apps.contributions.services import create_synthetic_examples
from apps.personas.models import Persona
from apps.personas.queries import find_persona, task_of


class Command(BaseCommand):
    help = (
        "Create the synthetic examples that the templates of a persona's task give; with --output also write them to "
        "a file, one JSON object with instruction, input, output and metadata a line."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--persona", required=True, help="slug of the persona that is to learn from them")
        parser.add_argument("--organization", default="", help="slug, needed where several have such a persona")
        parser.add_argument("--output", type=Path, metavar="FILE.jsonl", help="write all of them there, too")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            persona = find_persona(slug=options["persona"], organization=options["organization"])
            if options["output"]:
                self._write(persona, options["output"])
            result = create_synthetic_examples(persona=persona, by=SYSTEM, now=timezone.now())
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.") from None
        except FlywheelError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{result.created} synthetic examples created, {result.known} known already.")

    def _write(self, persona: Persona, path: Path) -> None:
        pairs = synthetic_pairs(task=task_of(persona))
        path.write_text("".join(f"{pair.as_line()}\n" for pair in pairs), encoding="utf-8")
        self.stdout.write(f"{len(pairs)} synthetic examples written to {path}.")

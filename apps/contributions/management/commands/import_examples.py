from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common.audit import SYSTEM
from apps.common.errors import FlywheelError, InvalidInput
from apps.contributions.enums import Split
from apps.contributions.formats import ROW_FORMATS, recognise
from apps.contributions.models import Tester
from apps.contributions.services import ImportResult, import_examples, rehearse_import
from apps.personas.models import Persona
from apps.personas.queries import find_persona

SHOWN = 20  # rejected rows that are listed one by one


class Command(BaseCommand):
    help = (
        "Import examples from a file: CSV with the columns text and, if what is right is known, category or answer; or "
        "JSON in the shape of OpenAI chats, Hugging Face instructions or Alpaca. Its shape is recognised. "
        "A row with a right answer is accepted as it is, or becomes a label of --label-as."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--persona", required=True, help="slug of the persona that is to learn from the rows")
        parser.add_argument("--organization", default="", help="slug, needed where several have such a persona")
        parser.add_argument("--label-as", default="", metavar="EMAIL", help="whose labels the right answers are")
        parser.add_argument("--pin", default="", choices=["", *Split.values], help="test: never train on these rows")
        parser.add_argument(
            "--format", default="", choices=["", *(shape.name for shape in ROW_FORMATS)], help="recognised unless given"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would become of the rows; store nothing")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            persona = find_persona(slug=options["persona"], organization=options["organization"])
            label_as = _tester(persona, options["label_as"]) if options["label_as"] else None
            with options["file"].open("rb") as file:
                shape = ROW_FORMATS.get(options["format"]) if options["format"] else recognise(file)
                bring_in = rehearse_import if options["dry_run"] else import_examples
                result = bring_in(
                    persona=persona,
                    rows=shape.read(file),
                    by=SYSTEM,
                    now=timezone.now(),
                    label_as=label_as,
                    split_pin=options["pin"],
                )
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from None
        except FlywheelError as error:
            raise CommandError(str(error)) from None
        self._report(result, is_dry=options["dry_run"])

    def _report(self, result: ImportResult, *, is_dry: bool) -> None:
        for line, why in result.rejected[:SHOWN]:
            self.stderr.write(f"line {line}: {why}")
        if len(result.rejected) > SHOWN:
            self.stderr.write(f"... and {len(result.rejected) - SHOWN} more rows")
        self.stdout.write(
            f"{result.created} examples created, {result.duplicates} duplicates left alone, "
            f"{len(result.rejected)} rows rejected."
        )
        if is_dry:
            self.stdout.write("This was a rehearsal: nothing is stored.")
        elif result.rejected and not result.created:
            raise CommandError("Nothing was imported.")


def _tester(persona: Persona, email: str) -> Tester:
    testers = Tester.objects.of_organization(persona.organization).select_related("user", "organization")
    tester = testers.filter(user__email=email.lower()).first()
    if tester is None:
        raise InvalidInput(f"{email} is no tester of {persona.organization}.", resolution="Invite them first.")
    return tester

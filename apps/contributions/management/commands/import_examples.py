from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common.audit import SYSTEM
from apps.common.errors import FlywheelError, InvalidInput
from apps.contributions.enums import Split
from apps.contributions.formats import read_csv
from apps.contributions.models import Tester
from apps.contributions.services import ImportResult, import_examples
from apps.personas.models import Persona

SHOWN = 20  # rejected rows that are listed one by one


class Command(BaseCommand):
    help = (
        "Import examples from a CSV file with the columns text and, if the rows are coded, category. "
        "A row with a category is accepted as it is, or becomes a label of --label-as."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--persona", required=True, help="slug of the persona that is to learn from the rows")
        parser.add_argument("--organization", default="", help="slug, needed where several have such a persona")
        parser.add_argument("--label-as", default="", metavar="EMAIL", help="whose labels the categories are")
        parser.add_argument("--pin", default="", choices=["", *Split.values], help="test: never train on these rows")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            persona = _persona(options["persona"], options["organization"])
            label_as = _tester(persona, options["label_as"]) if options["label_as"] else None
            with options["file"].open("rb") as file:
                result = import_examples(
                    persona=persona,
                    rows=read_csv(file),
                    by=SYSTEM,
                    now=timezone.now(),
                    label_as=label_as,
                    split_pin=options["pin"],
                )
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from None
        except FlywheelError as error:
            raise CommandError(str(error)) from None
        self._report(result)

    def _report(self, result: ImportResult) -> None:
        for line, why in result.rejected[:SHOWN]:
            self.stderr.write(f"line {line}: {why}")
        if len(result.rejected) > SHOWN:
            self.stderr.write(f"... and {len(result.rejected) - SHOWN} more rows")
        self.stdout.write(
            f"{result.created} examples created, {result.duplicates} duplicates left alone, "
            f"{len(result.rejected)} rows rejected."
        )
        if result.rejected and not result.created:
            raise CommandError("Nothing was imported.")


def _persona(slug: str, organization: str) -> Persona:
    personas = Persona.objects.filter(slug=slug)
    if organization:
        personas = personas.filter(organization__slug=organization)
    found = list(personas.select_related("organization").order_by("organization__slug"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise InvalidInput(f"There is no persona {slug!r}.", resolution="Check --persona and --organization.")
    names = ", ".join(persona.organization.slug for persona in found)
    raise InvalidInput(f"Several organizations have a persona {slug!r}.", resolution=f"Add --organization: {names}.")


def _tester(persona: Persona, email: str) -> Tester:
    testers = Tester.objects.of_organization(persona.organization).select_related("user", "organization")
    tester = testers.filter(user__email=email.lower()).first()
    if tester is None:
        raise InvalidInput(f"{email} is no tester of {persona.organization}.", resolution="Invite them first.")
    return tester

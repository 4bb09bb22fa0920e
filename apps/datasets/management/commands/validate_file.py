import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.datasets.formats.validate import Kind, Validation, read_lines


class Command(BaseCommand):
    help = "Check a training file (JSONL) by the rules of the fine-tuning protocol. Exit status 1 if it has errors."
    requires_system_checks: list[str] = []  # it touches no setting and no database

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file")
        parser.add_argument("--json", action="store_true", help="print everything found as one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        validation = Validation()
        try:
            with open(options["file"], "rb") as file:
                validation.read(read_lines(file))
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        if options["json"]:
            self.stdout.write(json.dumps(validation.as_dict(), ensure_ascii=False, indent=2))
        else:
            self._print(validation)
        if not validation.is_valid:
            sys.exit(1)

    def _print(self, validation: Validation) -> None:
        found = validation.as_dict()
        self._print_kinds("Errors", validation.errors)
        self._print_kinds("Warnings", validation.warnings)
        self.stdout.write(
            f"{found['examples']:,} examples, {'valid' if validation.is_valid else 'not usable as it is'}."
        )
        for name in ("messages_per_example", "tokens_per_example", "assistant_tokens_per_example"):
            numbers = ", ".join(f"{key} {value:,}" for key, value in found[name].items())
            self.stdout.write(f"{name.replace('_', ' ').capitalize()}: {numbers or 'none'}")
        self.stdout.write(
            f"About {found['billing_tokens']:,} billed tokens in {found['n_epochs']} epochs, the provider's default."
        )

    def _print_kinds(self, title: str, kinds: dict[str, Kind]) -> None:
        for name, kind in kinds.items():
            self.stdout.write(f"{title}, {name}: {kind.count:,}")
            for found in kind.first:
                self.stdout.write(f"  line {found.line}: {found.message}" if found.line else f"  {found.message}")

import json
import textwrap
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common.errors import FlywheelError, InvalidInput
from apps.custom_models.models import CustomModel
from apps.payouts.management.turn import steps
from apps.payouts.management.turn.house import furnish
from apps.payouts.management.turn.other_tasks import show_other_tasks
from apps.payouts.management.turn.report import Report, as_json, as_table
from apps.payouts.management.turn.sample import Sample, own_sample, sample_of_files
from apps.payouts.queries import find_drift

WIDTH = 100


def _refuse_production() -> None:
    if settings.PRODUCTION:
        raise CommandError(
            "The demo makes an administrator, sample testers and sample money, which do not belong into production. "
            "Run it on a database of its own, without DEBUG=false."
        )


class Command(BaseCommand):
    help = "Turn the wheel once: label, freeze, train, prove, answer, give feedback, earn and share."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--train", type=Path, metavar="FILE.csv", help="questions to label and train on")
        parser.add_argument("--test", type=Path, metavar="FILE.csv", help="questions that no dataset will contain")
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")

    def handle(self, *_args: Any, **options: Any) -> None:
        _refuse_production()
        try:
            report = self._turn(self._sample(options["train"], options["test"]))
        except FlywheelError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(as_json(report), indent=2, ensure_ascii=False))
        else:
            self._print_table(as_table(report))
        if report.problems:
            raise CommandError("The invariants do not hold: " + "; ".join(report.problems))

    def _sample(self, train: Path | None, test: Path | None) -> Sample:
        if train and test:
            return sample_of_files(train=train, test=test)
        if train or test:
            raise InvalidInput("--train and --test go together.", resolution="Name both files, or neither.")
        return own_sample()

    def _turn(self, sample: Sample) -> Report:
        with self._step("People"):
            house = furnish(sample, now=timezone.now())
            self._say(f"{house.organization}, {house.persona}, {len(house.testers)} testers")
        with self._step("Labels"):
            examples = steps.bring_in(house, sample, say=self._say)
        if sample.has_other_tasks:
            with self._step("Other tasks"):
                show_other_tasks(house, say=self._say)
        with self._step("Dataset"):
            dataset = steps.freeze(house, say=self._say)
        with self._step("Fine-tuning"):
            job = steps.train(house, dataset, say=self._say)
        model = CustomModel.objects.get(job=job)
        with self._step("Proof"):
            evaluation = steps.prove(house, model, say=self._say)
        with self._step("Answers"):
            answered = steps.answer(house, sample, say=self._say)
        with self._step("Money"):
            revenue = steps.earn(house, sample, say=self._say)
        with self._step("Earnings"):
            earnings = steps.show_earnings(house, say=self._say)
            problems = find_drift()
        return Report(
            examples=examples,
            dataset=dataset,
            job=job,
            evaluation=evaluation,
            answered=answered,
            revenue=revenue,
            earnings=earnings,
            problems=problems,
        )

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        """Progress goes to stderr, so that stdout holds the result alone."""
        self.stderr.write(self.style.MIGRATE_HEADING(title))
        start = time.monotonic()
        yield
        self._say(f"{time.monotonic() - start:.1f} s")

    def _say(self, text: str) -> None:
        self.stderr.write(f"  {text}", self.style.SUCCESS)

    def _print_table(self, rows: list[tuple[str, str]]) -> None:
        column = max(len(name) for name, _ in rows) + 2
        self.stdout.write("")
        for name, value in rows:
            lines = textwrap.wrap(value, WIDTH - column)
            self.stdout.write(f"{name:<{column}}{lines[0]}")
            for line in lines[1:]:
                self.stdout.write(" " * column + line)

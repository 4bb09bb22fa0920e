"""The result file of a job: the CSV columns of the protocol, empty where nothing was measured."""

import csv
import io
from collections.abc import Iterable
from typing import Protocol

COLUMNS = ("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy")


class Measured(Protocol):
    """What an engine reports of one step; None is what it did not measure."""

    @property
    def number(self) -> int: ...
    @property
    def train_loss(self) -> float | None: ...
    @property
    def train_accuracy(self) -> float | None: ...
    @property
    def valid_loss(self) -> float | None: ...
    @property
    def valid_accuracy(self) -> float | None: ...


def write_results(steps: Iterable[Measured]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for step in steps:
        measured = (step.train_loss, step.train_accuracy, step.valid_loss, step.valid_accuracy)
        writer.writerow([step.number, *("" if value is None else f"{value:.5f}" for value in measured)])
    return text.getvalue().encode()

"""The questions a turn is made with: the project's own sample, or files named on the command line."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from apps.common.errors import InvalidInput
from apps.contributions.formats import ImportRow, read_csv

SAMPLE_DIR = Path(settings.BASE_DIR) / "apps" / "contributions" / "sample"
HOLD_OUT_EVERY = 5


@dataclass(frozen=True)
class Sample:
    """Coded questions, the codes' descriptions, and a name under which they are kept apart from other samples."""

    slug: str
    codes: list[dict[str, str]]
    train: list[ImportRow]
    test: list[ImportRow]
    has_other_tasks: bool = False  # whether the other tasks are shown beside this one


def own_sample() -> Sample:
    """540 questions written for the project; every fifth is held out as the test."""
    rows = _read(SAMPLE_DIR / "bank_questions.csv")
    test = rows[HOLD_OUT_EVERY - 1 :: HOLD_OUT_EVERY]
    train = [row for index, row in enumerate(rows) if index % HOLD_OUT_EVERY != HOLD_OUT_EVERY - 1]
    codes: list[dict[str, str]] = json.loads((SAMPLE_DIR / "codebook.json").read_text())
    return Sample(slug="sample-bank", codes=codes, train=train, test=test, has_other_tasks=True)


def sample_of_files(*, train: Path, test: Path) -> Sample:
    """Any CSV files with the columns text and category; the categories become the codebook."""
    rows, held_out = _read(train), _read(test)
    categories = sorted({row.category for row in (*rows, *held_out)})
    if "" in categories:
        raise InvalidInput(
            "A row has no category, but the turn needs every row coded.",
            resolution="Fill the category column of both files.",
        )
    codes = [{"code": name, "title": name.replace("_", " ").capitalize(), "description": ""} for name in categories]
    return Sample(slug=f"turn-{_digest(rows, held_out)}", codes=codes, train=rows, test=held_out)


def _digest(*files: list[ImportRow]) -> str:
    texts = [f"{row.text}\0{row.category}" for rows in files for row in (*rows, ImportRow(0, "", ""))]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]


def _read(path: Path) -> list[ImportRow]:
    """The rows of a file; InvalidInput naming the file, and the line if it is one, where it cannot be used."""
    try:
        with path.open("rb") as file:
            rows = list(read_csv(file))
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", resolution="Check the path.") from None
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error.message}", resolution=error.resolution, code=error.code) from None
    for row in rows:
        if row.fault:
            raise InvalidInput(f"{path}, line {row.line}: {row.fault}", resolution="Correct or remove that row.")
    return rows

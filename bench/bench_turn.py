"""The whole turn of the wheel on Banking77, as `manage.py demo` makes it; every fifth row is held out as the test.

Reads ../shared/data/banking77/train.csv (columns text,category), or the file named on the command line.
"""

import csv
import json
import os
import sys
import tempfile
import time
from io import StringIO
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
FOLDER = tempfile.TemporaryDirectory()
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
os.environ["DATABASE_URL"] = os.environ.get("BENCH_DATABASE_URL", f"sqlite:///{FOLDER.name}/bench.sqlite3")
os.environ["MEDIA_ROOT"] = f"{FOLDER.name}/media"

import django  # noqa: E402 - the environment comes first

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from bench import limits  # noqa: E402

QUESTIONS = Path(settings.BASE_DIR).parent / "shared" / "data" / "banking77" / "train.csv"
HOLD_OUT_EVERY = 5
SECONDS = 60  # on two cores


def main() -> None:
    questions = Path(sys.argv[1]) if len(sys.argv) > 1 else QUESTIONS
    if not questions.exists():
        print(f"{questions} is not there: nothing measured")
        return
    settings.DEBUG = False  # else every statement is kept in memory, payloads included
    settings.VAR_DIR = Path(FOLDER.name)
    call_command("migrate", verbosity=0)
    train, test = split(questions)
    out = StringIO()
    start = time.perf_counter()
    call_command("demo", "--json", train=train, test=test, stdout=out)
    seconds = time.perf_counter() - start
    turn = json.loads(out.getvalue())
    assert turn["invariants_ok"]
    print(
        f"{turn['examples']:,} examples, {turn['test_size']:,} held out: base model {turn['base_accuracy']:.1%} right, "
        f"custom model {turn['custom_accuracy']:.1%} ({connection.vendor})"
    )
    limits.compare("  the whole turn", seconds, SECONDS, "s")
    limits.leave()


def split(questions: Path) -> tuple[Path, Path]:
    with questions.open(newline="") as file:
        header, *rows = csv.reader(file)
    last = HOLD_OUT_EVERY - 1
    return (
        write("train.csv", header, [row for number, row in enumerate(rows) if number % HOLD_OUT_EVERY != last]),
        write("test.csv", header, rows[last::HOLD_OUT_EVERY]),
    )


def write(name: str, header: list[str], rows: list[list[str]]) -> Path:
    path = Path(FOLDER.name) / name
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


if __name__ == "__main__":
    main()

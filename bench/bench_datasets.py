"""Datasets: choosing, building, publishing, exporting and validating 8,000 rows on the embedded database.

Each is printed in rows a second and as a ratio to plainly dumping the same rows as JSON lines in the same run: no
database, no tokens, no hashes. The ratios are what to compare between machines.
"""

import hashlib
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
FOLDER = tempfile.TemporaryDirectory()
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
os.environ["DATABASE_URL"] = os.environ.get("BENCH_DATABASE_URL", f"sqlite:///{FOLDER.name}/bench.sqlite3")

import django  # noqa: E402 - the environment comes first

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from apps.common.audit import SYSTEM  # noqa: E402
from apps.contributions.enums import ExampleKind, ExampleSource, ExampleStatus, TesterStatus  # noqa: E402
from apps.contributions.models import Label, Tester, TrainingExample  # noqa: E402
from apps.datasets import queries, services  # noqa: E402
from apps.datasets.formats.validate import Validation, read_lines  # noqa: E402
from apps.organizations.models import User  # noqa: E402
from apps.organizations.services import create_organization  # noqa: E402
from apps.personas.enums import TaskName  # noqa: E402
from apps.personas.models import Persona  # noqa: E402
from apps.providers.models import BaseModel  # noqa: E402

ROWS = 8_000
CODES = [f"topic_{number}" for number in range(77)]
WORDS = ("card", "account", "transfer", "cash", "rate", "fee", "refund", "pin", "limit", "today", "again", "why", "how")


def main() -> None:
    settings.DEBUG = False  # else every statement is kept in memory, payloads included
    call_command("migrate", verbosity=0)
    persona = make_persona()
    make_examples(persona)
    baseline = min(timed(lambda: dump_plainly(persona))[0] for _ in range(3))
    report("dump plainly as JSON lines", baseline, baseline)

    previewing, _ = timed(lambda: queries.preview(persona=persona, maximum=None))
    report("preview", previewing, baseline)
    building, dataset = timed(
        lambda: services.build_dataset(persona=persona, name="Bench", by=SYSTEM, now=timezone.now(), maximum=None)
    )
    report("build: choose, split, render, count tokens, store", building, baseline)
    publishing, dataset = timed(
        lambda: services.approve_and_publish_dataset(dataset=dataset, by=SYSTEM, now=timezone.now())
    )
    report("publish: check every line, hash, credit", publishing, baseline)
    exporting, content = timed(lambda: b"".join(queries.file_chunks(dataset=dataset, split="train")))
    assert hashlib.sha256(content).hexdigest() == dataset.training_sha256
    report("export", exporting, baseline, rows=dataset.training_count)
    validating, validation = timed(lambda: validate(content))
    assert validation.is_valid
    report("validate, counting every token", validating, baseline, rows=dataset.training_count)
    drifting, findings = timed(queries.find_lineage_drift)
    assert findings == []
    report("find lineage drift", drifting, baseline)


def make_persona() -> Persona:
    organization = create_organization(name="Bench", slug=f"bench-{time.time_ns()}", by=SYSTEM)
    base_model, _ = BaseModel.objects.get_or_create(provider="openai", name="recall-1", defaults={"can_train": True})
    codes = [{"code": code, "title": code.replace("_", " "), "description": "Questions about it."} for code in CODES]
    return Persona.objects.create(
        organization=organization,
        slug="bench",
        name="Bank question coder",
        task=TaskName.SURVEY_CODING,
        settings={"codes": codes},
        base_model=base_model,
    )


def make_examples(persona: Persona) -> None:
    now = timezone.now()
    user = User.objects.create_user(f"{time.time_ns()}@example.org")
    tester = Tester.objects.create(
        organization=persona.organization,
        user=user,
        display_name="Ada",
        status=TesterStatus.ACTIVE,
        consented_at=now,
        consent_wording="-",
    )
    examples = TrainingExample.objects.bulk_create(
        TrainingExample(
            organization=persona.organization,
            persona=persona,
            kind=ExampleKind.SURVEY_ANSWER,
            source=ExampleSource.IMPORT,
            input={"text": text_of(number)},
            accepted_label={"code": CODES[number % 77]},
            category=CODES[number % 77],
            content_hash=f"{number:064x}",
            quality_score=Decimal("1.000"),
            status=ExampleStatus.ACCEPTED,
            accepted_at=now,
            accepted_by="agreement",
        )
        for number in range(ROWS)
    )
    Label.objects.bulk_create(
        Label(
            organization=persona.organization,
            example=example,
            tester=tester,
            payload=example.accepted_label,
            payload_hash="0" * 64,
            agrees=True,
        )
        for example in examples
    )


def text_of(number: int) -> str:
    words = [WORDS[number * step % len(WORDS)] for step in (1, 2, 3, 5, 7, 11, 13)]
    return f"{' '.join(words)} {number}?"


def dump_plainly(persona: Persona) -> str:
    """What a script without any of this would do: the same texts, one `json.dumps` a row."""
    system = "".join(
        f"- {entry['code']}: {entry['title']}. {entry['description']}\n" for entry in persona.settings["codes"]
    )
    file = io.StringIO()
    for number in range(ROWS):
        messages = [
            {"role": "system", "content": system},
            {"role": "user", "content": text_of(number)},
            {"role": "assistant", "content": json.dumps({"code": CODES[number % 77], "confidence": "high"})},
        ]
        file.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")
    return file.getvalue()


def validate(content: bytes) -> Validation:
    validation = Validation()
    validation.read(read_lines(io.BytesIO(content)))
    return validation


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def report(what: str, seconds: float, baseline: float, *, rows: int = ROWS) -> None:
    """`seconds` for `rows`, against `baseline` seconds for all of them: how many times as long a row takes."""
    ratio = (seconds / rows) / (baseline / ROWS)
    print(f"{what}: {rows / seconds:,.0f} rows/s, {ratio:.2f} x plain dumping ({seconds:.2f} s, {connection.vendor})")


if __name__ == "__main__":
    main()

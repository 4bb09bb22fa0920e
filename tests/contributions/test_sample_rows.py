"""The samples that a new installation shows: each row is what its task understands, and none is there twice."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from apps.personas.tasks import TASKS, PersonaFacts, Task
from apps.personas.tasks.issues import Issue, line_of

SAMPLE_DIR = Path(settings.BASE_DIR) / "apps" / "contributions" / "sample"
ENOUGH = 24


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLE_DIR / name).read_text().splitlines()]


def _task(name: str) -> tuple[Task, PersonaFacts]:
    task = TASKS.get(name)
    return task, PersonaFacts("Sample", settings=task.clean_settings({}))


@pytest.mark.parametrize(("name", "task_name"), [("ux_tests.jsonl", "ux_test"), ("roasts.jsonl", "roast")])
def test_every_row_is_what_its_task_understands(name: str, task_name: str) -> None:
    rows = _rows(name)
    task, facts = _task(task_name)
    assert len(rows) >= ENOUGH
    assert len({task.user_message(row["input"]) for row in rows}) == len(rows)
    for row in rows:
        assert set(row) == {"task", "input", "output", "label"}
        assert row["task"] == task_name
        assert task.clean_input(row["input"]) == row["input"]
        assert task.label_of_output(row["output"], facts) is not None
        taught = task.parse_answer(task.assistant_message(task.clean_label(row["label"], facts)), facts)
        assert task.compare(taught, row["label"]) == 1.0


def test_some_answers_are_right_and_some_were_corrected() -> None:
    """A sample in which the model is always right, or never, shows nothing."""
    for name in ("ux_tests.jsonl", "roasts.jsonl"):
        right = Counter()
        for row in _rows(name):
            task, _ = _task(row["task"])
            right[task.compare(row["output"], row["label"]) == 1.0] += 1
        assert min(right[True], right[False]) >= 8, name


def test_testers_have_judged_every_issue_of_invented_websites() -> None:
    for row in _rows("ux_tests.jsonl"):
        host = urlsplit(row["input"]["url"]).hostname or ""
        assert host.endswith((".example.com", ".example.org")), host
        found = [line_of(Issue.model_validate(issue)) for issue in row["output"]["issues_found"]]
        assert sorted([*row["label"]["confirmed_issues"], *row["label"]["false_positives"]]) == sorted(found)


def test_there_are_six_reference_roasts_of_each_of_five_categories() -> None:
    with (SAMPLE_DIR / "reference_roasts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    task, facts = _task("roast")
    assert [task.clean_label({"text": row["text"]}, facts) for row in rows] == [{"text": row["text"]} for row in rows]
    assert len({row["text"] for row in rows}) == len(rows)
    assert Counter(row["category"] for row in rows) == dict.fromkeys(
        ["boasting", "complaining", "know_it_all", "late_again", "technology"], 6
    )

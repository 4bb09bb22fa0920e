"""The samples that a new installation shows: each row is what its task understands, and none is there twice."""

import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from apps.common.audit import SYSTEM
from apps.contributions.formats.transcripts import read_transcript
from apps.contributions.formats.transcripts.pairs import extract_pairs
from apps.contributions.models import ReferenceAnswer
from apps.contributions.services.references import import_reference_answers
from apps.personas.tasks import TASKS, PersonaFacts, Task
from apps.personas.tasks.issues import Issue, line_of
from tests.factories import PersonaFactory

SAMPLE_DIR = Path(settings.BASE_DIR) / "apps" / "contributions" / "sample"
ENOUGH = 24


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLE_DIR / name).read_text().splitlines()]


def _task(name: str) -> tuple[Task, PersonaFacts]:
    task = TASKS.get(name)
    return task, PersonaFacts("Sample", settings=task.clean_settings({}))


@pytest.mark.parametrize(
    ("name", "task_name"),
    [("ux_tests.jsonl", "ux_test"), ("roasts.jsonl", "roast"), ("pages.jsonl", "page_builder")],
)
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
    for name in ("ux_tests.jsonl", "roasts.jsonl", "pages.jsonl"):
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


def test_the_conversations_are_one_avatars_with_different_people() -> None:
    """AV3, AV4: pairs enough for fine-tuning to be offered, and none that is too short or small talk."""
    transcript = read_transcript((SAMPLE_DIR / "conversations.txt").read_text(encoding="utf-8"))
    found = extract_pairs(transcript.conversations, persona="Nora")
    assert (len(transcript.conversations), len(found.pairs), sum(found.dropped.values())) == (12, 73, 0)
    assert len({turn.speaker for one in transcript.conversations for turn in one.turns}) == 13
    assert len({pair.question for pair in found.pairs}) == len({pair.answer for pair in found.pairs}) == 73


@pytest.mark.django_db
def test_there_are_six_reference_roasts_of_each_of_five_categories() -> None:
    with (SAMPLE_DIR / "reference_roasts.csv").open("rb") as file:
        imported = import_reference_answers(persona=PersonaFactory(task="roast", settings={}), file=file, by=SYSTEM)
    assert (imported.created, imported.known, imported.rejected) == (30, 0, [])
    task, facts = _task("roast")
    kept = ReferenceAnswer.objects.all()
    assert [task.clean_label({"text": answer.text}, facts)["text"] for answer in kept] == [one.text for one in kept]
    assert Counter(answer.category for answer in kept) == dict.fromkeys(
        ["boasting", "complaining", "know_it_all", "late_again", "technology"], 6
    )

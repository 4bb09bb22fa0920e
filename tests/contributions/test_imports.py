import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.common.audit import SYSTEM
from apps.common.errors import InvalidInput, NotAllowed
from apps.common.models import AuditEvent
from apps.contributions.enums import ExampleStatus, TesterStatus
from apps.contributions.formats import ImportRow, read_csv
from apps.contributions.models import Contribution, Label, TrainingExample
from apps.contributions.queries import find_contribution_drift
from apps.contributions.services import ImportResult, import_examples, rehearse_import
from apps.organizations.models import Organization
from apps.personas.models import Persona
from tests.factories import NOW, PersonaFactory, TesterFactory

pytestmark = pytest.mark.django_db
CODED = [ImportRow(2, "My card is gone", "lost_card"), ImportRow(3, "What is the rate?", "exchange_rate")]


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(slug="coder", organization__slug="bank")
    return persona


def _import(persona: Persona, rows: Any, **options: Any) -> ImportResult:
    return import_examples(persona=persona, rows=rows, by=SYSTEM, now=NOW, **options)


def test_rows_without_a_category_await_labels(persona: Persona) -> None:
    assert _import(persona, [ImportRow(2, " My card is gone ")]).created == 1
    example = TrainingExample.objects.get()
    assert (example.input, example.status) == ({"text": "My card is gone"}, ExampleStatus.AWAITING_LABELS)
    assert (example.kind, example.source, example.organization) == ("survey_answer", "import", persona.organization)
    assert example.contributed_by == "system"


def test_rows_with_a_category_are_accepted_on_the_importers_word(persona: Persona) -> None:
    assert _import(persona, CODED).created == 2
    example = TrainingExample.objects.order_by("pk")[0]
    assert (example.status, example.accepted_label, example.category) == (
        "accepted",
        {"code": "lost_card"},
        "lost_card",
    )
    assert (example.accepted_by, example.accepted_at, str(example.quality_score)) == ("system", NOW, "1.000")
    assert not Label.objects.exists()
    assert not Contribution.objects.exists()


def test_with_a_tester_the_categories_are_their_labels(persona: Persona) -> None:
    tester = TesterFactory(organization=persona.organization)
    assert _import(persona, CODED, label_as=tester).created == 2
    assert [(label.payload, label.agrees) for label in Label.objects.order_by("pk")] == [
        ({"code": "lost_card"}, True),
        ({"code": "exchange_rate"}, True),
    ]
    assert TrainingExample.objects.accepted().filter(accepted_by=tester.user.email).count() == 2
    contribution = Contribution.objects.get()
    assert (contribution.training_tests_completed, contribution.contribution_weight) == (2, 1)
    assert find_contribution_drift() == []


def test_where_several_labels_are_wanted_one_testers_is_not_enough(persona: Persona) -> None:
    Persona.objects.update(labels_per_example=2)
    persona.refresh_from_db()
    _import(persona, CODED, label_as=TesterFactory(organization=persona.organization))
    assert set(TrainingExample.objects.values_list("status", flat=True)) == {"awaiting_labels"}
    assert set(Label.objects.values_list("agrees", flat=True)) == {None}
    assert not Contribution.objects.exists()


def test_pinned_rows_are_never_trained_on(persona: Persona) -> None:
    _import(persona, CODED, split_pin="test")
    assert TrainingExample.objects.accepted().count() == 2
    assert not TrainingExample.objects.trainable().exists()
    with pytest.raises(InvalidInput, match="There is no split 'tset'"):
        _import(persona, CODED, split_pin="tset")


def test_duplicates_are_counted_and_change_nothing(persona: Persona) -> None:
    twice = [*CODED, ImportRow(4, "My card is gone", "exchange_rate")]
    assert _import(persona, twice) == ImportResult(created=2, duplicates=1)
    assert _import(persona, CODED, split_pin="test") == ImportResult(created=0, duplicates=2)
    assert set(TrainingExample.objects.values_list("split_pin", "category")) == {
        ("", "lost_card"),
        ("", "exchange_rate"),
    }


def test_duplicates_are_found_across_batches_and_not_across_personas(persona: Persona) -> None:
    rows = [ImportRow(n, f"Question {n % 700}") for n in range(1400)]
    assert _import(persona, rows) == ImportResult(created=700, duplicates=700)
    assert _import(PersonaFactory(organization=persona.organization), rows[:5]).created == 5


def test_rows_that_cannot_be_used_are_left_out_with_their_line(persona: Persona) -> None:
    rows = [
        *CODED,
        ImportRow(4, "Which code?", "lost_cart"),
        ImportRow(5, "", "lost_card"),
        ImportRow(6, "x" * 10_001, "lost_card"),
        ImportRow(7, "", fault="It has 3 cells where the header names 2."),
    ]
    result = _import(persona, rows)
    assert (result.created, [line for line, _ in result.rejected]) == (2, [4, 5, 6, 7])
    assert result.rejected[0][1].startswith("code: 'lost_cart' is not in the codebook")
    assert result.rejected[1][1].startswith("text: String should have at least 1 character.")
    assert result.rejected[3][1] == "It has 3 cells where the header names 2."


def test_a_tester_labels_only_what_has_a_category(persona: Persona) -> None:
    tester = TesterFactory(organization=persona.organization)
    result = _import(persona, [CODED[0], ImportRow(3, "No code")], label_as=tester)
    assert (result.created, result.rejected[0][0]) == (1, 3)


def test_a_file_of_nothing_but_mistakes_is_refused_as_a_whole(persona: Persona) -> None:
    rows = [*CODED, *(ImportRow(n, f"Question {n}", "nonsense") for n in range(4, 1010))]
    with pytest.raises(InvalidInput, match="More than 1,000 rows cannot be used; the first is line 4") as caught:
        _import(persona, rows)
    assert caught.value.code == "too_many_rejected"
    assert not TrainingExample.objects.exists()


def test_a_fault_late_in_the_file_leaves_nothing_behind(persona: Persona) -> None:
    tester = TesterFactory(organization=persona.organization)
    lines = b"".join(b"question %d,lost_card\n" % n for n in range(1200))
    with pytest.raises(InvalidInput, match="Line 1202 is not UTF-8"):
        _import(persona, read_csv(io.BytesIO(b"text,category\n" + lines + b"\xff,lost_card\n")), label_as=tester)
    for model in (TrainingExample, Label, Contribution, AuditEvent):
        assert not model.objects.exists()


def test_an_error_of_the_source_leaves_nothing_behind(persona: Persona) -> None:
    def rows() -> Iterator[ImportRow]:
        yield from (ImportRow(n, f"Question {n}") for n in range(1500))
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        _import(persona, rows())
    assert not TrainingExample.objects.exists()


@pytest.mark.parametrize("status", [TesterStatus.PAUSED, TesterStatus.WITHDRAWN])
def test_a_tester_who_may_not_label_is_refused(persona: Persona, status: TesterStatus) -> None:
    tester = TesterFactory(organization=persona.organization, status=status)
    with pytest.raises(NotAllowed):
        _import(persona, CODED, label_as=tester)
    assert not TrainingExample.objects.exists()


def test_a_strangers_tester_is_refused(persona: Persona) -> None:
    with pytest.raises(NotAllowed, match="another organization"):
        _import(persona, CODED, label_as=TesterFactory())
    assert not TrainingExample.objects.exists()


def test_the_import_is_in_the_audit_log_without_its_texts(persona: Persona) -> None:
    _import(persona, [*CODED, CODED[0]])
    event = AuditEvent.objects.get(verb="imported")
    assert event.data == {"created": 2, "duplicates": 1, "rejected": 0}
    assert (event.object_id, event.organization) == (str(persona.pk), "bank")


def test_formulas_are_kept_as_the_text_they_are(persona: Persona) -> None:
    _import(persona, read_csv(io.BytesIO(b"text\n=1+1\n@SUM(A1)\n")))
    assert [example.input["text"] for example in TrainingExample.objects.order_by("pk")] == ["=1+1", "@SUM(A1)"]


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "questions.csv"
    path.write_text("text,category\nMy card is gone,lost_card\nWhat is it?,nonsense\n")
    return path


def _command(*args: object) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("import_examples", *map(str, args), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.usefixtures("persona")
def test_the_command_reports_what_it_did(file: Path) -> None:
    out, err = _command(file, "--persona", "coder", "--pin", "test")
    assert out == "1 examples created, 0 duplicates left alone, 1 rows rejected.\n"
    assert err.startswith("line 3: code: 'nonsense' is not in the codebook")
    assert TrainingExample.objects.get().split_pin == "test"


def test_the_command_labels_as_a_tester(persona: Persona, file: Path) -> None:
    tester = TesterFactory(organization=persona.organization, user__email="ada@example.org")
    _command(file, "--persona", "coder", "--label-as", "Ada@example.org")
    assert Label.objects.get().tester == tester
    with pytest.raises(CommandError, match=r"nobody@example\.org is no tester"):
        _command(file, "--persona", "coder", "--label-as", "nobody@example.org")


@pytest.mark.usefixtures("persona")
def test_the_command_asks_which_organization_is_meant(file: Path) -> None:
    PersonaFactory(slug="coder", organization__slug="other")
    with pytest.raises(CommandError, match="Add --organization: bank, other"):
        _command(file, "--persona", "coder")
    _command(file, "--persona", "coder", "--organization", "bank")
    assert TrainingExample.objects.get().organization == Organization.objects.get(slug="bank")


@pytest.mark.usefixtures("persona")
def test_the_command_explains_a_wrong_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file or directory"):
        _command(tmp_path / "none.csv", "--persona", "coder")
    with pytest.raises(CommandError, match="There is no persona 'none'"):
        _command(tmp_path / "none.csv", "--persona", "none")
    empty = tmp_path / "empty.csv"
    empty.touch()
    with pytest.raises(CommandError, match=r"The file is empty\. Its first line must name the columns"):
        _command(empty, "--persona", "coder")
    empty.write_text("text,category\nx,nonsense\n")
    with pytest.raises(CommandError, match=r"Nothing was imported\."):
        _command(empty, "--persona", "coder")


@pytest.mark.usefixtures("persona")
def test_a_rehearsal_says_the_same_and_stores_nothing(file: Path) -> None:
    out, err = _command(file, "--persona", "coder", "--dry-run")
    assert out == (
        "1 examples created, 0 duplicates left alone, 1 rows rejected.\nThis was a rehearsal: nothing is stored.\n"
    )
    assert err.startswith("line 3: ")
    assert not TrainingExample.objects.exists()
    assert not AuditEvent.objects.filter(verb="imported").exists()
    assert _command(file, "--persona", "coder")[0] == out.partition("This")[0]


@pytest.mark.usefixtures("persona")
def test_the_shape_is_recognised_or_said(tmp_path: Path) -> None:
    path = tmp_path / "rows.txt"
    path.write_text('[{"instruction": "My card is gone", "input": "", "output": "lost_card"}]')
    _command(path, "--persona", "coder")
    example = TrainingExample.objects.get()
    assert (example.input, example.accepted_label) == ({"text": "My card is gone"}, {"code": "lost_card"})
    with pytest.raises(CommandError, match="The first line names the columns"):
        _command(path, "--persona", "coder", "--format", "csv_rows")


CHAT = {
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi!"},
        {"role": "user", "content": "How are you?"},
        {"role": "assistant", "content": "Fine, and you?"},
    ],
    "metadata": {"source": "notebook"},
}


def test_a_chat_keeps_what_was_said_before(tmp_path: Path) -> None:
    PersonaFactory(slug="friend", task="conversation", settings={})
    path = tmp_path / "chats.jsonl"
    path.write_text(json.dumps(CHAT))
    _command(path, "--persona", "friend")
    example = TrainingExample.objects.get()
    assert example.input["message"] == "How are you?"
    assert [turn["content"] for turn in example.input["history"]] == ["Hello", "Hi!"]
    assert (example.accepted_label, example.metadata) == ({"text": "Fine, and you?"}, {"source": "notebook"})
    assert (example.kind, example.status, str(example.quality_score)) == ("chat_turn", "accepted", "1.000")


def test_a_rehearsal_finds_repeats_across_batches(persona: Persona) -> None:
    _import(persona, [ImportRow(1, "Question 1")])
    rows = [ImportRow(n, f"Question {n % 700}") for n in range(1400)]
    rehearsed = rehearse_import(persona=persona, rows=rows, by=SYSTEM, now=NOW)
    assert rehearsed == ImportResult(created=699, duplicates=701)
    assert TrainingExample.objects.count() == 1
    assert _import(persona, rows) == rehearsed

"""The wheel turns once, through every app, on the embedded default."""

import csv
import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from apps.common import jobs
from apps.common.audit import SYSTEM
from apps.common.guards import guards_lifted
from apps.common.models import AuditEvent
from apps.common.money import format_money
from apps.contributions.enums import Split, UploadStatus
from apps.contributions.models import ReferenceAnswer, Tester, TrainingExample, Upload
from apps.custom_models.models import Activation, CustomModel, FineTuneJob
from apps.datasets.models import DatasetItem, ItemCredit
from apps.organizations.models import ApiKey, Organization, User
from apps.organizations.queries import find_api_key
from apps.organizations.services import revoke_api_key
from apps.payouts.management.turn.house import credentials, furnish, remember
from apps.payouts.management.turn.sample import own_sample
from apps.payouts.management.turn.steps import TurnStopped, show_earnings
from apps.payouts.models import RevenueDay, RevenueEvent, Share, Transfer
from apps.payouts.queries import explain_share, find_drift
from apps.personas.models import FewShotExample
from tests.payouts import world

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

KEYS = {
    "examples",
    "dataset",
    "job",
    "base_accuracy",
    "custom_accuracy",
    "test_size",
    "responses",
    "feedback",
    "revenue_micros",
    "shares",
    "invariants_ok",
}
BANKING77 = Path(settings.BASE_DIR).parent / "shared" / "data" / "banking77" / "train.csv"


def _turn(**options: Any) -> dict[str, Any]:
    out = StringIO()
    call_command("demo", "--json", stdout=out, stderr=StringIO(), **options)
    result: dict[str, Any] = json.loads(out.getvalue())
    return result


@pytest.fixture(autouse=True)
def _told_as_before() -> Iterator[None]:
    """A key that a test was told is rolled back with its rows; what the first turn told is true for the tests after."""
    told = credentials()
    yield
    remember(**told)


def _write(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "category"), *rows])
    return path


@pytest.fixture(scope="module")
def first_turn(
    django_db_setup: None,  # noqa: ARG001  it makes the database
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[dict[str, Any]]:
    """One turn on the own sample, which every test that asks for it finds in the database as it was."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield _turn()
        transaction.set_rollback(True)


def test_one_turn_on_the_own_sample(first_turn: dict[str, Any]) -> None:
    result = first_turn

    assert set(result) == KEYS
    assert result["examples"] == 432
    assert result["test_size"] == 108
    assert result["job"]["status"] == "succeeded"
    assert result["job"]["version"] == 1
    assert result["custom_accuracy"] > 0.8
    assert result["base_accuracy"] < 0.1
    assert result["responses"] == result["feedback"] == 20
    assert result["invariants_ok"] is True


@pytest.mark.usefixtures("first_turn")
def test_the_chain_from_a_share_back_to_the_labelled_rows() -> None:
    day = RevenueDay.objects.get()
    shares = Share.objects.filter(revenue_day=day)
    assert day.revenue_micros == 100 * 50_000
    assert day.pool_micros == day.revenue_micros * 3 // 10
    assert sum(share.amount_micros for share in shares) == day.shared_micros == day.pool_micros

    for share in shares:
        credits = ItemCredit.objects.filter(dataset=day.custom_model.training_dataset, tester=share.tester)
        assert share.weight == sum(credit.weight for credit in credits)
        assert {credit.item.example.labels.get().tester for credit in credits} == {share.tester}


@pytest.mark.usefixtures("first_turn")
def test_no_held_out_question_is_ever_in_a_dataset() -> None:
    assert DatasetItem.objects.filter(example__split_pin=Split.TEST).count() == 0
    assert DatasetItem.objects.count() == 432


@pytest.mark.usefixtures("first_turn")
def test_every_task_is_there_with_something_to_look_at_and_to_label() -> None:
    found = TrainingExample.objects.values_list("persona__task", "source", "status").annotate(count=Count("pk"))
    counts = {tuple(of): count for *of, count in found.order_by("persona__task", "source", "status")}
    assert counts == {
        ("conversation", "upload", "accepted"): 73,
        ("page_builder", "import", "accepted"): 18,
        ("page_builder", "import", "awaiting_labels"): 8,
        ("page_builder", "synthetic", "accepted"): 180,
        ("roast", "import", "accepted"): 22,
        ("roast", "import", "awaiting_labels"): 10,
        ("survey_coding", "chat", "awaiting_labels"): 20,
        ("survey_coding", "import", "accepted"): 540,
        ("survey_coding", "run", "awaiting_labels"): 100,
        ("ux_test", "import", "accepted"): 20,
        ("ux_test", "import", "awaiting_labels"): 10,
    }
    assert Upload.objects.get().status == UploadStatus.DONE
    assert FewShotExample.objects.filter(is_active=False).count() == 20
    assert ReferenceAnswer.objects.count() == 30


@pytest.mark.usefixtures("first_turn")
def test_a_second_turn_makes_version_2_and_keeps_the_first() -> None:
    jobs.enqueue("apps.custom_models.jobs.poll_job", 999_999)  # somebody else's, and failing: no concern of this turn

    result = _turn()

    assert result["job"]["version"] == 2
    assert result["revenue_micros"] == 5_000_000  # this turn's, not the first one's as well
    assert sum(share["amount_micros"] for share in result["shares"]) == 1_500_000
    assert len(result["shares"]) == 3
    assert result["dataset"]["name"] == "Bank questions 2"
    assert [model.is_active for model in CustomModel.objects.order_by("number")] == [False, True]
    assert Activation.objects.filter(deactivated_at=None).count() == 1
    assert Organization.objects.count() == 1
    assert find_drift() == []


@pytest.mark.usefixtures("first_turn")
def test_the_last_step_fails_when_the_earnings_pages_say_something_else() -> None:
    house = furnish(own_sample(), now=timezone.now())
    transfer = Transfer.objects.filter(share__isnull=False).order_by("pk")[:1].get()
    with guards_lifted(Transfer._meta.db_table):
        Transfer.objects.filter(pk=transfer.pk).update(amount_micros=1)
    with pytest.raises(TurnStopped, match=r"The earnings page of Ada says {'EUR': 1} micros; the shares add up to"):
        show_earnings(house, say=[].append)


@pytest.fixture
def small_files(tmp_path: Path) -> dict[str, Path]:
    rows = [(f"Where is my card {n}?", "card") for n in range(12)] + [
        (f"Rate of euros {n}?", "rate") for n in range(12)
    ]
    test = [("Where is the card?", "card"), ("Which rate of euros?", "rate")]
    return {"train": _write(tmp_path / "train.csv", rows), "test": _write(tmp_path / "test.csv", test)}


def test_own_files(small_files: dict[str, Path]) -> None:
    result = _turn(**small_files)

    assert result["examples"] == 24
    assert result["test_size"] == 2
    assert result["custom_accuracy"] == 1.0
    assert result["responses"] == result["feedback"] == 20  # two questions, asked ten times each
    assert result["dataset"]["name"] == "Bank questions 1"


def _read_table(printed: str) -> dict[str, list[str]]:
    """Name -> its lines, from two columns; a line without a name goes on with the one before."""
    column = printed.strip("\n").index("24 labelled")
    table: dict[str, list[str]] = {}
    name = ""
    for line in printed.strip("\n").splitlines():
        name = line[:column].strip() or name
        table.setdefault(name, []).append(line[column:])
    return table


def test_the_table_says_what_the_turn_came_to(small_files: dict[str, Path]) -> None:
    out = StringIO()
    call_command("demo", stdout=out, stderr=StringIO(), **small_files)
    table = _read_table(out.getvalue())
    job = FineTuneJob.objects.latest("pk")
    shares = Share.objects.filter(revenue_day__persona=job.persona).order_by("-amount_micros")
    testers = [share.tester.display_name for share in shares]

    assert list(table) == [
        "Examples", "Dataset", "Training tokens", "Cost", "Base model", "Custom model", "Answers", "Feedback",
        "Revenue", *testers, "Earnings pages", "Invariants",
    ]  # fmt: skip
    lines = {name: " ".join(lines) for name, lines in table.items()}
    assert lines["Examples"] == "24 labelled and accepted"
    assert lines["Dataset"] == "22 training + 2 validation rows, frozen"
    assert lines["Training tokens"] == f"{job.dataset.training_tokens:,} in the file, {job.trained_tokens:,} trained"
    assert lines["Cost"] == "$0.00 estimated, $0.00 actual"
    assert lines["Base model"] == "recall-1: 0.0 % right of 2 (95 % interval 0.0-65.8 %)"
    assert lines["Custom model"] == f"{job.fine_tuned_model}: 100.0 % right of 2 (95 % interval 34.2-100.0 %)"
    assert lines["Answers"] == f"20 by {job.fine_tuned_model}"
    assert lines["Feedback"] == "20 approved"
    assert lines["Revenue"] == "€5.00 by 100 runs"
    assert sorted(testers) == ["Ada", "Ben", "Chloe"]
    for share in shares:
        amount = format_money(share.amount_micros, "EUR")
        assert lines[share.tester.display_name] == f"{amount} {explain_share(share)}"
    assert "100 paid runs of Bank question coder v1 earned €5.00; 30 % (€1.50) goes to the people" in lines["Ada"]
    assert sorted(table["Earnings pages"]) == sorted(
        f"{share.tester}: {amount} in all, {amount} this month"
        for share in shares
        for amount in [format_money(share.amount_micros, "EUR")]
    )
    assert lines["Invariants"] == "ledger, contributions and lineage agree"
    assert max(map(len, out.getvalue().splitlines())) <= 100


@pytest.mark.usefixtures("first_turn")
def test_welcome_says_where_to_log_in() -> None:
    out = StringIO()
    call_command("welcome", url="http://127.0.0.1:9000", stdout=out)
    known, lines = credentials(), [" ".join(line.split()) for line in out.getvalue().splitlines()]

    assert "Flywheel is running: http://127.0.0.1:9000" in lines
    assert f"Admin http://127.0.0.1:9000/admin/ admin@example.org {known['admin_password']}" in lines
    assert "Tester http://127.0.0.1:9000/review/ ada@example.org (the sign-in code is printed here)" in lines
    assert f"API key {known['api_key']}" in lines
    assert User.objects.get(is_superuser=True).check_password(known["admin_password"])
    assert Tester.objects.filter(user__email=known["tester_email"]).exists()
    assert find_api_key(token=known["api_key"], now=timezone.now()) is not None


def test_production_is_refused_before_anything_is_made(settings: Any) -> None:
    settings.PRODUCTION = True
    before = AuditEvent.objects.count()
    with pytest.raises(CommandError, match="do not belong into production"):
        _turn()
    assert AuditEvent.objects.count() == before


@pytest.mark.usefixtures("first_turn")
def test_a_turn_closes_no_other_organizations_day() -> None:
    elsewhere = world.make_persona()
    world.paid_runs(elsewhere, 2, at=timezone.now())
    _turn()
    assert not RevenueDay.objects.filter(persona=elsewhere).exists()
    assert not RevenueEvent.objects.filter(persona=elsewhere).exists()


def test_nine_rows_are_too_few_to_train_on(tmp_path: Path) -> None:
    train = _write(tmp_path / "train.csv", [(f"Where is my card {n}?", "card") for n in range(9)])
    test = _write(tmp_path / "test.csv", [("Where is the card?", "card"), ("Which rate of euros?", "rate")])
    with pytest.raises(CommandError, match=r"Need at least 10 examples\. Current: 9"):
        _turn(train=train, test=test)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": Path("only-one.csv")}, "--train and --test go together"),
        (
            {"train": Path("nowhere.csv"), "test": Path("nowhere.csv")},
            "nowhere.csv cannot be read: No such file or directory. Check the path.",
        ),
        ({"train": Path("/"), "test": Path("nowhere.csv")}, "/ cannot be read: Is a directory. Check the path."),
        ({"train": Path("x" * 5_000), "test": Path("nowhere.csv")}, "cannot be read: File name too long."),
    ],
)
def test_files_that_are_not_there(options: dict[str, Path], message: str) -> None:
    with pytest.raises(CommandError, match=re.escape(message)):
        _turn(**options)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "train.csv: The file is empty."),
        (b"text,category\n", "train.csv: The file has a header and no rows."),
        (b"question;label\nx;y\n", "train.csv: The first line names the columns 'question;label'."),
        ("text,category\nGr\xfc\xdfe,card\n".encode("latin-1"), "train.csv: Line 2 is not UTF-8"),
        (b"text,category\na\0b,card\n", "train.csv: Line 2 contains a NUL byte"),
        (b"text,category\n" + 2_000_000 * b"x" + b",card\n", "train.csv: Line 2 holds a cell of more than 100,000"),
        (b"text,category\na,b,c\n", "train.csv, line 2: It has 3 cells where the header names 2."),
        (b"text,category\nWhere?,card\nAnd this?,\n", "A row has no category"),
        (b"text,category\nWhere?," + 200 * b"c" + b"\n", "String should have at most 100 characters"),
    ],
    ids=["empty", "header", "columns", "encoding", "nul", "giant", "ragged", "no category", "long category"],
)
def test_what_no_turn_can_be_made_with(tmp_path: Path, content: bytes, message: str) -> None:
    train = tmp_path / "train.csv"
    train.write_bytes(content)
    test = _write(tmp_path / "test.csv", [("Where is the card?", "card")])
    with pytest.raises(CommandError, match=re.escape(message)):
        _turn(train=train, test=test)


@pytest.mark.usefixtures("first_turn")
def test_the_key_that_was_told_is_used_again_while_it_works() -> None:
    told = credentials()["api_key"]
    assert furnish(own_sample(), now=timezone.now()).api_key == told
    assert ApiKey.objects.count() == 1

    revoke_api_key(key=ApiKey.objects.get(), by=SYSTEM, now=timezone.now())
    new = furnish(own_sample(), now=timezone.now()).api_key
    assert new == credentials()["api_key"] != told
    assert find_api_key(token=new, now=timezone.now()) is not None


@pytest.mark.skipif(not BANKING77.exists(), reason="the public questions are not beside this checkout")
def test_real_questions_every_fifth_held_out(tmp_path: Path) -> None:
    with BANKING77.open(newline="") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    train = _write(tmp_path / "train.csv", [row for index, row in enumerate(rows) if index % 5 != 4])
    test = _write(tmp_path / "test.csv", rows[4::5])

    result = _turn(train=train, test=test)

    assert result["test_size"] >= 1_990  # a few of the 2,000 are there twice
    assert result["custom_accuracy"] >= 0.80
    assert result["base_accuracy"] <= 0.05
    assert result["invariants_ok"] is True

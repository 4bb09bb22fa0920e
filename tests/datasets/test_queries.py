from decimal import Decimal

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings

from apps.common.errors import Conflict, InvalidInput
from apps.common.guards import drop_guards
from apps.contributions.enums import Split
from apps.contributions.models import TrainingExample
from apps.datasets.enums import LeftOut
from apps.datasets.models import DatasetItem, ItemCredit, TrainingDataset
from apps.datasets.queries import (
    estimate_file,
    file_chunks,
    file_name,
    files,
    find_lineage_drift,
    open_file,
    preview,
    statistics_of,
)
from apps.datasets.queries.previews import advise
from apps.personas.models import Persona
from tests.datasets.world import accept, accept_many, alter, build, label, publish, withdraw
from tests.factories import PersonaFactory, TesterFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory()
    return persona


@pytest.fixture
def published(persona: Persona) -> TrainingDataset:
    tester = TesterFactory(organization=persona.organization)
    for example in accept_many(persona, 30):
        label(example, [tester])
    return publish(build(persona))


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_file_is_its_lines_in_order(published: TrainingDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    items = DatasetItem.objects.filter(dataset=published, split=Split.TRAIN).order_by("position")
    whole = "".join(f"{line}\n" for line in items.values_list("line", flat=True)).encode()
    assert b"".join(file_chunks(dataset=published, split="train")) == whole
    monkeypatch.setattr(files, "BATCH", 4)
    chunks = list(file_chunks(dataset=published, split="train"))
    assert [chunk.count(b"\n") for chunk in chunks] == [4, 4, 4, 4, 4, 4, 3]
    assert b"".join(chunks) == whole


def test_the_size_of_a_file_is_known_before_it_is_read(
    published: TrainingDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(b"".join(file_chunks(dataset=published, split=Split.TRAIN)))
    whole = estimate_file(dataset=published, split=Split.TRAIN)
    assert (whole.size, whole.is_exact) == (size, True)
    monkeypatch.setattr(files, "BATCH", 4)
    first = estimate_file(dataset=published, split=Split.TRAIN)
    assert (first.size, first.is_exact) == (pytest.approx(size, rel=0.05), False)
    assert estimate_file(dataset=build(published.persona, maximum=3), split=Split.VALIDATION).size == 0


def test_a_download_has_name_and_hash(published: TrainingDataset) -> None:
    download = open_file(dataset=published, split="validation")
    assert download.headers == {
        "Content-Type": "application/jsonl",
        "Content-Disposition": 'attachment; filename="validation-data-2026-11-20.jsonl"',
        "ETag": f'"{published.validation_sha256}"',
    }
    assert file_name(dataset=published, split="train") == "training-data-2026-11-20.jsonl"


def test_lines_are_encrypted_at_rest_where_a_key_is_set(persona: Persona) -> None:
    accept_many(persona, 12)
    plain = publish(build(persona))
    with override_settings(FIELD_ENCRYPTION_KEYS=[Fernet.generate_key().decode()]):
        dataset = publish(build(persona))
        content = b"".join(file_chunks(dataset=dataset, split="train"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT line FROM datasets_datasetitem WHERE dataset_id = %s", [dataset.pk])
        assert all(line.startswith("fernet:") for (line,) in cursor.fetchall())
    assert dataset.training_sha256 == plain.training_sha256
    assert b"Question number 7" in content


def test_a_draft_has_no_file(persona: Persona) -> None:
    accept_many(persona, 10)
    with pytest.raises(Conflict, match="not published yet") as raised:
        file_chunks(dataset=build(persona), split="train")
    assert raised.value.code == "not_published"


def test_there_is_no_test_file(published: TrainingDataset) -> None:
    with pytest.raises(InvalidInput, match="no 'test' file"):
        file_chunks(dataset=published, split="test")


def test_withdrawn_examples_are_never_handed_out_again(published: TrainingDataset) -> None:
    withdraw(DatasetItem.objects.filter(dataset=published)[0])
    with pytest.raises(Conflict, match="1 of its examples were withdrawn") as raised:
        file_chunks(dataset=published, split="train")
    assert raised.value.code == "examples_withdrawn"
    assert find_lineage_drift() == []


# --- drift ------------------------------------------------------------------------------------------------------------


def test_a_changed_line_is_found(published: TrainingDataset) -> None:
    alter(published.items.get(split=Split.VALIDATION, position=1), "{}")
    assert find_lineage_drift() == [f"Dataset {published.pk}: its validation file is not the one that was published."]


def test_a_changed_line_is_found_beside_a_withdrawn_one(published: TrainingDataset) -> None:
    withdrawn, changed = published.items.filter(split=Split.TRAIN).order_by("position")[3:5]
    withdraw(withdrawn)
    assert find_lineage_drift() == []
    alter(changed, "{}")
    assert find_lineage_drift() == [
        f"Dataset {published.pk}: line 5 of its train file is not the one that was published."
    ]


def test_a_changed_line_is_never_handed_out(published: TrainingDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BATCH", 4)
    alter(published.items.get(split=Split.TRAIN, position=6), "{}")
    download = open_file(dataset=published, split=Split.TRAIN)
    assert next(download.chunks).count(b"\n") == 4
    with pytest.raises(Conflict, match="Line 7 of the train file of Bank questions is not the one") as raised:
        next(download.chunks)
    assert raised.value.code == "dataset_changed"


def test_a_line_lost_without_a_withdrawal_is_found(published: TrainingDataset) -> None:
    item = DatasetItem.objects.filter(dataset=published, split=Split.TRAIN)[0]
    alter(item, "")
    assert find_lineage_drift() == [
        f"Dataset {published.pk}: the line of item {item.pk} is empty though its example was not withdrawn."
    ]


def test_a_test_example_in_a_dataset_is_found(published: TrainingDataset) -> None:
    item = DatasetItem.objects.filter(dataset=published)[0]
    TrainingExample.objects.filter(pk=item.example_id).update(split_pin=Split.TEST)
    assert find_lineage_drift() == [
        f"Dataset {published.pk}: example {item.example_id} is pinned to the test set, which no dataset may train on."
    ]


def test_what_got_past_the_triggers_is_found(published: TrainingDataset) -> None:
    drop_guards()
    held_back = DatasetItem.objects.filter(dataset=published, split=Split.VALIDATION)[0]
    credit = ItemCredit.objects.filter(dataset=published).order_by("item_id")[0]
    ItemCredit.objects.filter(pk=credit.pk).update(weight=999_999)
    ItemCredit.objects.create(dataset=published, item=held_back, tester=credit.tester, weight=1_000_000, rule="v1")
    assert find_lineage_drift() == [
        f"Dataset {published.pk}: the credits of item {credit.item_id} add up to 999,999, not to 1,000,000.",
        f"Dataset {published.pk}: item {held_back.pk} has credits and is no training item.",
    ]


# --- preview and statistics -------------------------------------------------------------------------------------------


def test_the_preview_says_what_building_then_makes(persona: Persona) -> None:
    accept_many(persona, 45)
    accept(persona, quality_score=Decimal("0.2"))
    found = preview(persona=persona, maximum=40)
    dataset = build(persona, maximum=40)
    assert (found.examples, found.training, found.validation) == (40, 36, 4)
    assert found.training_tokens == dataset.training_tokens
    assert found.tokens_are_exact
    assert found.left_out == {LeftOut.LOW_QUALITY: 1, LeftOut.OVER_MAXIMUM: 5}
    assert [rendered.line for rendered in found.sample] == [
        item.line for item in dataset.items.filter(split="train").order_by("position")[:3]
    ]
    assert not TrainingDataset.objects.exclude(pk=dataset.pk).exists()


def test_the_preview_of_many_rows_estimates_their_tokens(persona: Persona, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.datasets.queries.previews.SAMPLE", 10)
    accept_many(persona, 100)
    found = preview(persona=persona)
    assert not found.tokens_are_exact
    assert found.training_tokens == pytest.approx(build(persona).training_tokens, rel=0.05)


def test_the_preview_of_nothing(persona: Persona) -> None:
    found = preview(persona=persona)
    assert (found.examples, found.training_tokens, found.sample, found.left_out) == (0, 0, [], {})
    assert found.advice == "Need at least 10 examples. Current: 0"


@pytest.mark.parametrize(
    ("rows", "advice"),
    [
        (9, "Need at least 10 examples. Current: 9"),
        (10, "10 examples will do; 100 or more are recommended, 500 or more are optimal."),
        (100, "100 examples are good; 500 or more are optimal."),
        (500, ""),
    ],
)
def test_advice_on_the_number_of_examples(rows: int, advice: str) -> None:
    assert advise(rows) == advice


def test_statistics(published: TrainingDataset) -> None:
    found = statistics_of(dataset=published)
    tokens = sorted(published.items.filter(split=Split.TRAIN).values_list("tokens", flat=True))
    assert (found.examples, found.training, found.validation, found.over_limit) == (30, 27, 3, 0)
    assert found.tokens == {
        "min": tokens[0],
        "mean": round(sum(tokens) / 27),
        "median": tokens[13],
        "p95": tokens[25],
        "max": tokens[-1],
    }
    assert found.categories == {"exchange_rate": 10, "lost_card": 10, "top_up_failed": 10}


def test_statistics_name_examples_that_will_be_cut_off(persona: Persona) -> None:
    accept(persona, text="word " * 1000)
    persona.base_model.max_example_tokens = 500
    persona.base_model.save()
    assert statistics_of(dataset=build(persona)).over_limit == 1


def test_the_choice_takes_as_many_queries_for_many_rows_as_for_few(persona: Persona) -> None:
    counts = []
    for _ in range(2):
        accept_many(PersonaFactory(), 1)
        for n in range(20):
            accept(persona, text=f"{len(counts)} {n}")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            preview(persona=persona)
        counts.append(len(queries))
    assert counts[0] == counts[1]

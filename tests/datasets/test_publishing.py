import hashlib
from copy import copy
from threading import Barrier, Thread
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import DatabaseError, connection, transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps.common.errors import Conflict, InvalidInput
from apps.common.ids import sha256
from apps.common.models import AuditEvent
from apps.common.rotation import rotate_model
from apps.contributions.enums import ExampleStatus, Split
from apps.contributions.models import Tester, TrainingExample
from apps.datasets.enums import DatasetStatus
from apps.datasets.models import DatasetItem, ItemCredit, TrainingDataset
from apps.datasets.queries import file_chunks, find_lineage_drift
from apps.personas.models import Persona
from tests.datasets.world import accept, accept_many, build, label, publish, withdraw
from tests.factories import NOW, PersonaFactory, TesterFactory

pytestmark = pytest.mark.django_db
KEY, NEW_KEY = (Fernet.generate_key().decode() for _ in range(2))
EMPTY = hashlib.sha256(b"").hexdigest()


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory()
    return persona


@pytest.fixture
def testers(persona: Persona) -> list[Tester]:
    return [TesterFactory(organization=persona.organization) for _ in range(3)]


def _published(persona: Persona, rows: int = 20) -> TrainingDataset:
    accept_many(persona, rows)
    return publish(build(persona))


def test_publishing_freezes_the_files(persona: Persona) -> None:
    dataset = _published(persona, 40)
    assert dataset.status == DatasetStatus.READY
    assert (dataset.published_at, dataset.published_by) == (NOW, "system")
    training = b"".join(file_chunks(dataset=dataset, split=Split.TRAIN))
    assert dataset.training_sha256 == hashlib.sha256(training).hexdigest()
    assert training.count(b"\n") == 36
    validation = b"".join(file_chunks(dataset=dataset, split=Split.VALIDATION))
    assert dataset.validation_sha256 == hashlib.sha256(validation).hexdigest()
    assert AuditEvent.objects.get(verb="published", object_id=str(dataset.pk)).data == {
        "sha256": dataset.training_sha256,
        "rule": "v1",
    }
    assert find_lineage_drift() == []


def test_ten_examples_are_enough_and_have_no_validation_file(persona: Persona) -> None:
    dataset = _published(persona, 10)
    assert dataset.validation_sha256 == EMPTY
    assert list(file_chunks(dataset=dataset, split=Split.VALIDATION)) == []


def test_nine_examples_are_too_few(persona: Persona) -> None:
    with pytest.raises(InvalidInput) as raised:
        _published(persona, 9)
    assert (raised.value.code, raised.value.message) == ("insufficient_data", "Need at least 10 examples. Current: 9")
    assert TrainingDataset.objects.get().status == DatasetStatus.PREPARING


def test_publishing_twice(persona: Persona, testers: list[Tester]) -> None:
    label(accept(persona), testers)
    dataset = _published(persona, 12)
    credits = ItemCredit.objects.count()
    with pytest.raises(Conflict) as raised:
        publish(dataset)
    assert raised.value.code == "already_published"
    assert ItemCredit.objects.count() == credits == 3


@pytest.mark.parametrize("change", [{"status": ExampleStatus.WITHDRAWN}, {"consent": False}, {"split_pin": Split.TEST}])
def test_examples_that_may_no_longer_be_trained_on_stop_it(persona: Persona, change: dict[str, Any]) -> None:
    example = accept_many(persona, 12)[0]
    dataset = build(persona)
    TrainingExample.objects.filter(pk=example.pk).update(**change)
    with pytest.raises(Conflict, match="1 of its examples may no longer be trained on") as raised:
        publish(dataset)
    assert raised.value.code == "examples_changed"
    assert publish(build(persona)).example_count == 11


def test_lines_that_a_provider_would_refuse_are_never_published(persona: Persona) -> None:
    accept_many(persona, 10)
    dataset = build(persona)
    line = '{"messages": []}'
    DatasetItem.objects.filter(dataset=dataset, position=4).update(line=line, line_sha256=sha256(line.encode()))
    with pytest.raises(InvalidInput, match="Line 5: `messages` must be a list") as raised:
        publish(dataset)
    assert raised.value.code == "invalid_training_file"


@pytest.mark.parametrize("split", [Split.TRAIN, Split.VALIDATION])
def test_lines_that_nobody_rendered_are_never_published(persona: Persona, split: Split) -> None:
    accept_many(persona, 20)
    dataset = build(persona)
    items = DatasetItem.objects.filter(dataset=dataset)
    another = items.filter(split=split).exclude(position=1).order_by("position")[0]
    items.filter(split=split, position=1).update(line=another.line)
    with pytest.raises(Conflict, match="no longer the ones that were rendered") as raised:
        publish(dataset)
    assert raised.value.code == "dataset_changed"


# --- credits ----------------------------------------------------------------------------------------------------------


def test_an_items_million_is_divided_among_those_whose_label_agrees(persona: Persona, testers: list[Tester]) -> None:
    examples = accept_many(persona, 12)
    label(examples[0], testers)
    label(examples[1], testers[:1])
    label(examples[1], testers[1:2], agrees=False)
    label(examples[1], testers[2:], agrees=None)
    dataset = publish(build(persona))

    def weights(example: TrainingExample) -> dict[int, int]:
        rows = ItemCredit.objects.filter(dataset=dataset, item__example=example, rule="v1")
        return dict(rows.values_list("tester_id", "weight"))

    first, second, third = (tester.pk for tester in testers)
    assert weights(examples[0]) == {first: 333_334, second: 333_333, third: 333_333}
    assert weights(examples[1]) == {first: 1_000_000}
    assert weights(examples[2]) == {}
    assert find_lineage_drift() == []


def test_validation_items_and_other_datasets_earn_no_credits_here(persona: Persona, testers: list[Tester]) -> None:
    for example in accept_many(persona, 40):
        label(example, testers[:1])
    first, second = build(persona), build(persona, seed=2)
    publish(first)
    publish(second)
    for dataset in (first, second):
        credited = ItemCredit.objects.filter(dataset=dataset)
        assert credited.count() == 36
        assert not credited.exclude(item__split=Split.TRAIN, item__dataset=dataset).exists()


class Credits(TestCase):
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(agreeing=st.lists(st.integers(min_value=0, max_value=7), min_size=10, max_size=14))
    def test_credits_of_every_item_add_up_to_a_million(self, agreeing: list[int]) -> None:
        persona = PersonaFactory()
        crowd = [TesterFactory(organization=persona.organization) for _ in range(7)]
        for example, how_many in zip(accept_many(persona, len(agreeing)), agreeing, strict=True):
            label(example, crowd[:how_many])
        dataset = publish(build(persona))
        by_item: dict[int, list[int]] = {}
        for item, weight in ItemCredit.objects.filter(dataset=dataset).values_list("item_id", "weight"):
            by_item.setdefault(item, []).append(weight)
        assert sorted(map(len, by_item.values())) == sorted(number for number in agreeing if number)
        assert all(sum(weights) == 1_000_000 for weights in by_item.values())
        assert all(max(weights) - min(weights) <= 1 for weights in by_item.values())


# --- frozen -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE training_datasets SET training_sha256 = 'x'",
        "UPDATE training_datasets SET seed = seed + 1",
        "UPDATE training_datasets SET min_quality_score = 0.1",
        "UPDATE training_datasets SET include_persona = NOT include_persona",
        "UPDATE training_datasets SET include_platform_context = NOT include_platform_context",
        "UPDATE training_datasets SET training_params = '{}'",
        "UPDATE training_datasets SET prepared_at = NULL",
        "UPDATE training_datasets SET published_at = NULL, published_by = '', status = 'preparing'",
        "DELETE FROM training_datasets",
        "UPDATE datasets_datasetitem SET split = 'validation', position = position + 1000",
        "UPDATE datasets_datasetitem SET tokens = tokens + 1",
        "UPDATE datasets_datasetitem SET line = '{}'",
        "UPDATE datasets_datasetitem SET line = ''",
        "UPDATE datasets_datasetitem SET line = 'fernet:x'",
        "UPDATE datasets_datasetitem SET line = 'FERNET:AGAIN:x'",
        "UPDATE datasets_datasetitem SET line = 'fernet:again:x', tokens = tokens + 1",
        "DELETE FROM datasets_datasetitem",
        "UPDATE datasets_itemcredit SET weight = 1",
        "DELETE FROM datasets_itemcredit",
    ],
)
def test_the_database_refuses_changes_to_what_is_published(
    persona: Persona, testers: list[Tester], statement: str
) -> None:
    label(accept(persona), testers)
    _published(persona, 12)
    with pytest.raises(DatabaseError, match="frozen once published"), transaction.atomic():
        connection.cursor().execute(statement)


# --- the text of a published row --------------------------------------------------------------------------------------


def _with_line(item: DatasetItem, line: str) -> DatasetItem:
    changed = copy(item)
    changed.line = line
    return changed


def _refused(item: DatasetItem, line: str) -> None:
    with pytest.raises(DatabaseError, match="frozen once published"), transaction.atomic():
        DatasetItem.objects.filter(pk=item.pk).update(line=line)
    with pytest.raises(DatabaseError, match="frozen once published"), transaction.atomic():
        _with_line(item, line).save()


@pytest.mark.parametrize("keys", [[], [KEY]], ids=["plain", "encrypted"])
def test_nobody_changes_or_empties_a_published_line(persona: Persona, keys: list[str]) -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=keys):
        dataset = _published(persona)
        item = dataset.items.get(split=Split.TRAIN, position=0)
        published = item.line
        _refused(item, "{}")
        _refused(item, "")
        assert DatasetItem.objects.get(pk=item.pk).line == published
        assert find_lineage_drift() == []


@pytest.mark.parametrize("before", [[], [KEY]], ids=["plain", "encrypted"])
def test_key_rotation_encrypts_published_lines_anew_and_nobody_else_does(persona: Persona, before: list[str]) -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=before):
        dataset = _published(persona)
        item = dataset.items.get(split=Split.TRAIN, position=0)
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW_KEY, *before]):
        _refused(item, item.line)  # the same text, but not by rotation
        assert rotate_model(DatasetItem).rewritten == 20
        assert rotate_model(DatasetItem).rewritten == 0
        _refused(item, "{}")
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW_KEY]):
        assert DatasetItem.objects.get(pk=item.pk).line == item.line
        assert find_lineage_drift() == []


@pytest.mark.parametrize("keys", [[], [KEY]], ids=["plain", "encrypted"])
def test_a_withdrawal_empties_the_line_of_its_example_for_ever(persona: Persona, keys: list[str]) -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=keys):
        first, second = _published(persona).items.order_by("pk")[:2]
        line = first.line
        withdraw(first)
        assert DatasetItem.objects.get(pk=first.pk).line == ""
        _refused(first, line)
        _refused(second, "")
        assert find_lineage_drift() == []


def test_a_draft_row_never_moves_into_a_published_dataset(persona: Persona) -> None:
    published = _published(persona)
    late = accept(persona)
    draft = build(persona)
    with pytest.raises(DatabaseError, match="frozen once published"), transaction.atomic():
        DatasetItem.objects.filter(dataset=draft, example=late).update(dataset=published, position=99)


def test_the_database_refuses_late_items_and_late_credits(persona: Persona, testers: list[Tester]) -> None:
    dataset = _published(persona)
    late = accept(persona)
    item = DatasetItem(dataset=dataset, example=late, split=Split.TRAIN, position=99, line="{}", line_sha256="0" * 64)
    with pytest.raises(DatabaseError, match="frozen once published"), transaction.atomic():
        item.save()
    credit = ItemCredit(dataset=dataset, item=dataset.items.all()[0], tester=testers[0], weight=1_000_000, rule="v1")
    with pytest.raises(DatabaseError, match="frozen once published"), transaction.atomic():
        credit.save()


def test_drafts_can_be_thrown_away(persona: Persona) -> None:
    accept_many(persona, 3)
    dataset = build(persona)
    dataset.items.all().delete()
    dataset.delete()
    assert not TrainingDataset.objects.exists()


# --- two at once ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_workers_publishing_at_once_one_wins() -> None:
    persona = PersonaFactory()
    tester = TesterFactory(organization=persona.organization)
    for example in accept_many(persona, 30):
        label(example, [tester])
    dataset = build(persona)
    outcomes: list[str] = []
    barrier = Barrier(4)

    def work() -> None:
        try:
            barrier.wait()
            publish(dataset)
            outcomes.append("published")
        except Conflict as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["already_published"] * 3 + ["published"]
    assert ItemCredit.objects.count() == 27
    assert AuditEvent.objects.filter(verb="published").count() == 1
    assert find_lineage_drift() == []

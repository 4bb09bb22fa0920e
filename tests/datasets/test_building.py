import json
from decimal import Decimal
from typing import Any

import pytest

from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, InvalidInput
from apps.common.ids import sha256
from apps.common.models import AuditEvent
from apps.common.tokens import count_chat_tokens
from apps.contributions.enums import ExampleStatus, Split
from apps.contributions.models import TrainingExample
from apps.datasets.enums import DatasetStatus
from apps.datasets.models import DatasetItem, TrainingDataset
from apps.datasets.queries.files import file_sha256, stored_chunks
from apps.datasets.queries.rendering import render_examples, system_prompt_for
from apps.personas.models import Persona
from apps.personas.services import activate_prompt_version, add_prompt_version
from tests.datasets.world import accept, accept_many, build
from tests.factories import NOW, PersonaFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(name="Bank question coder", identity="Careful.", platform_context="A bank.")
    return persona


def _file(dataset: TrainingDataset, split: str = Split.TRAIN) -> bytes:
    return b"".join(stored_chunks(dataset=dataset, split=split))


def _messages(dataset: TrainingDataset) -> list[dict[str, str]]:
    messages: list[dict[str, str]] = json.loads(_file(dataset).splitlines()[0])["messages"]
    return messages


def test_a_draft_holds_the_lines_and_their_numbers(persona: Persona) -> None:
    accept_many(persona, 30)
    dataset = build(persona, description="For the demo.")

    assert dataset.status == DatasetStatus.PREPARING
    assert dataset.organization == persona.organization
    assert (dataset.example_count, dataset.training_count, dataset.validation_count) == (30, 27, 3)
    assert dataset.prepared_at == NOW
    assert not dataset.is_published
    items = DatasetItem.objects.filter(dataset=dataset).order_by("split", "position")
    assert [item.position for item in items] == [*range(27), *range(3)]
    for item in items:
        assert item.line_sha256 == sha256(item.line.encode())
        assert item.tokens == count_chat_tokens(json.loads(item.line)["messages"])
        assert item.content_hash == item.example.content_hash
    assert dataset.training_tokens == sum(item.tokens for item in items if item.split == Split.TRAIN)
    dataset.refresh_from_db()
    assert dataset.training_tokens > 0
    assert AuditEvent.objects.filter(verb="built", object_id=str(dataset.pk)).count() == 1


def test_the_assistant_message_is_the_human_label_and_never_the_models_own_answer(persona: Persona) -> None:
    accept(persona, text="My card is gone", code="lost_card", output={"code": "exchange_rate", "confidence": "high"})
    assert _messages(build(persona))[1:] == [
        {"role": "user", "content": "My card is gone"},
        {"role": "assistant", "content": '{"code": "lost_card", "confidence": "high"}'},
    ]


def test_the_same_examples_give_the_same_bytes_again_and_elsewhere(persona: Persona) -> None:
    accept_many(persona, 60)
    elsewhere = PersonaFactory(name=persona.name, identity=persona.identity)
    accept_many(elsewhere, 60)

    first, second, third = build(persona), build(persona), build(elsewhere)
    for split in (Split.TRAIN, Split.VALIDATION):
        assert _file(first, split) == _file(second, split) == _file(third, split) != b""
    assert file_sha256(dataset=build(persona, seed=2), split=Split.TRAIN) != file_sha256(
        dataset=first, split=Split.TRAIN
    )


def test_the_very_bytes_of_a_file_never_change_by_accident(persona: Persona) -> None:
    """Whoever changes the task or the format sees it here first: old files could not be made again."""
    prompt = add_prompt_version(persona=persona, system_prompt="Code it.", by=SYSTEM)
    activate_prompt_version(prompt=prompt, by=SYSTEM, now=NOW)
    accept_many(persona, 40)
    dataset = build(persona)
    assert [file_sha256(dataset=dataset, split=split)[:12] for split in (Split.TRAIN, Split.VALIDATION)] == [
        "02a205846f4e",
        "07eee73df09d",
    ]


def test_newest_first_and_no_more_than_asked_for(persona: Persona) -> None:
    examples = accept_many(persona, 15)
    dataset = build(persona, maximum=12)
    chosen = DatasetItem.objects.filter(dataset=dataset).order_by("position").values_list("example_id", flat=True)
    assert list(chosen) == [example.pk for example in reversed(examples)][:12]
    assert dataset.training_params == {"maximum": 12, "encoding": "o200k_base", "left_out": {"over_maximum": 3}}
    assert build(persona, maximum=None).example_count == 15


def test_everything_left_out_is_counted_by_its_first_reason(persona: Persona) -> None:
    kept = accept_many(persona, 12)
    unlabelled: list[tuple[str, dict[str, Any]]] = [
        ("awaiting_labels", {}),
        ("disputed", {"status": ExampleStatus.DISPUTED}),
        ("rejected", {"status": ExampleStatus.REJECTED}),
        ("withdrawn", {"status": ExampleStatus.WITHDRAWN, "consent": False}),
    ]
    for _, fields in unlabelled:
        TrainingExampleFactory(persona=persona, **fields)
    accept(persona, consent=False)
    accept(persona, split_pin=Split.TEST, content_hash="t" * 64, conversation_ref="tested talk")
    accept(persona, content_hash="t" * 64)
    accept(persona, conversation_ref="tested talk")
    accept(persona, quality_score=None)
    accept(persona, quality_score=Decimal("0.699"))
    accept(persona, quality_score=Decimal("0.700"))
    accept(persona, content_hash=kept[0].content_hash)
    accept(persona, split_pin=Split.VALIDATION, conversation_ref="torn talk")
    accept(persona, split_pin=Split.TRAIN, conversation_ref="torn talk")
    accept(PersonaFactory(organization=persona.organization))

    dataset = build(persona)
    assert dataset.example_count == 14
    assert dataset.training_params["left_out"] == {
        **{reason: 1 for reason, _ in unlabelled},
        "no_consent": 1,
        "in_test_set": 1,
        "same_as_test": 2,
        "not_scored": 1,
        "low_quality": 1,
        "duplicate": 1,
        "pinned_apart": 1,
    }
    assert dataset.example_count + sum(dataset.training_params["left_out"].values()) == (
        TrainingExample.objects.filter(persona=persona).count()
    )


def test_of_equal_contents_the_newest_good_one_is_taken(persona: Persona) -> None:
    for code, quality in (("lost_card", "0.9"), ("exchange_rate", "0.8"), ("top_up_failed", "0.1")):
        accept(persona, text="Same", code=code, content_hash="5" * 64, quality_score=Decimal(quality))
    assert "exchange_rate" in _messages(build(persona))[2]["content"]


def test_conversations_and_pins_survive_the_way_through_the_database(persona: Persona) -> None:
    for n in range(30):
        accept(persona, conversation_ref=f"talk {n % 10}", split_pin=Split.VALIDATION if n == 3 else "")
    dataset = build(persona)
    by_split = {
        split: set(
            DatasetItem.objects.filter(dataset=dataset, split=split).values_list("example__conversation_ref", flat=True)
        )
        for split in (Split.TRAIN, Split.VALIDATION)
    }
    assert "talk 3" in by_split[Split.VALIDATION]
    assert by_split[Split.TRAIN] & by_split[Split.VALIDATION] == set()


def test_the_active_prompt_is_what_is_trained_on(persona: Persona) -> None:
    accept(persona)
    prompt = add_prompt_version(persona=persona, system_prompt="Code it well.", by=SYSTEM)
    activate_prompt_version(prompt=prompt, by=SYSTEM, now=NOW)
    dataset = build(persona)
    assert dataset.prompt_version == prompt
    assert _messages(dataset)[0]["content"] == "Code it well."


def test_options_build_the_prompt_from_the_persona(persona: Persona) -> None:
    accept(persona)
    prompt = add_prompt_version(persona=persona, system_prompt="Code it well.", by=SYSTEM)
    activate_prompt_version(prompt=prompt, by=SYSTEM, now=NOW)
    with_platform = build(persona, include_platform_context=True)
    assert with_platform.prompt_version is None
    assert "A bank." in _messages(with_platform)[0]["content"]
    without_persona = build(persona, include_persona=False)
    assert "Careful." not in _messages(without_persona)[0]["content"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"min_quality_score": Decimal("1.1")}, "min_quality_score"),
        ({"maximum": 0}, "maximum"),
        ({"seed": -1}, "seed"),
        ({"format_name": "csv"}, None),
    ],
)
def test_arguments_out_of_range(persona: Persona, fields: dict[str, Any], param: str | None) -> None:
    accept_many(persona, 10)
    with pytest.raises(InvalidInput) as raised:
        build(persona, **fields)
    assert raised.value.param == param
    assert raised.value.resolution
    assert not TrainingDataset.objects.exists()


def test_an_empty_choice_says_why(persona: Persona) -> None:
    with pytest.raises(InvalidInput) as raised:
        build(persona)
    assert (raised.value.code, raised.value.message) == ("insufficient_data", "Need at least 10 examples. Current: 0")

    accept(persona, quality_score=None)
    with pytest.raises(InvalidInput) as raised:
        build(persona)
    assert raised.value.resolution == "Left out: Has no quality score, which counts as not good enough: 1."


def test_an_example_withdrawn_under_way_stops_the_build(persona: Persona) -> None:
    example = accept(persona)
    system = system_prompt_for(persona=persona, include_persona=True, include_platform_context=False)
    lines = render_examples(persona=persona, system=system, format_name="openai_chat", ids=[example.pk])
    TrainingExample.objects.filter(pk=example.pk).update(status=ExampleStatus.WITHDRAWN)
    with pytest.raises(Conflict) as raised:
        next(lines)
    assert raised.value.code == "examples_changed"

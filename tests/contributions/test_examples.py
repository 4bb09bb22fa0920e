from typing import Any

import pytest

from apps.common.audit import SYSTEM
from apps.common.errors import TooLarge
from apps.contributions.formats import ImportRow
from apps.contributions.models import TrainingExample
from apps.contributions.services import (
    ExampleResult,
    ExampleResultStatus,
    NewExample,
    capture_example,
    create_examples,
    import_examples,
)
from apps.organizations.models import Organization
from apps.personas.models import Persona
from tests.factories import NOW, PersonaFactory

pytestmark = pytest.mark.django_db
CREATED, EXISTS, DUPLICATE, REJECTED = ExampleResultStatus


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(slug="coder")
    return persona


def _create(persona: Persona, *items: NewExample) -> list[ExampleResult]:
    return create_examples(organization=persona.organization, items=items, by=SYSTEM, now=NOW)


def _capture(persona: Persona, **fields: Any) -> TrainingExample | None:
    return capture_example(
        **{
            "persona": persona,
            "kind": "survey_answer",
            "source": "chat",
            "input": {"text": "Where is my card?"},
            "output": {"code": "lost_card", "confidence": "low"},
            "response_id": "chatcmpl-1",
            "by": SYSTEM,
            **fields,
        }
    )


def test_every_item_has_its_own_result(persona: Persona) -> None:
    results = _create(
        persona,
        NewExample("coder", {"text": "one"}, client_id="a"),
        NewExample("coder", {"text": ""}),
        NewExample("coder", {"text": "one"}, client_id="b"),
        NewExample("nobody", {"text": "two"}),
        NewExample("coder", {"text": "three"}, kind="roast"),
        NewExample("coder", {"text": "four"}, client_id="a"),
        NewExample("coder", {"text": "five"}, output={"code": "x"}, conversation_ref="c1"),
    )
    assert [result.status for result in results] == [CREATED, REJECTED, DUPLICATE, REJECTED, REJECTED, EXISTS, CREATED]
    first, last = TrainingExample.objects.order_by("pk")
    assert [result.example_id for result in results] == [first.pk, None, first.pk, None, None, first.pk, last.pk]
    assert [result.error.code for result in results if result.error] == [
        "invalid_request",
        "persona_not_found",
        "invalid_request",
    ]
    assert (last.output, last.conversation_ref, last.source) == ({"code": "x"}, "c1", "import")


def test_sending_twice_changes_nothing(persona: Persona) -> None:
    items = [NewExample("coder", {"text": f"{n}"}, client_id=f"id-{n}") for n in range(3)]
    first, second = _create(persona, *items), _create(persona, *items)
    assert [result.example_id for result in first] == [result.example_id for result in second]
    assert {result.status for result in second} == {EXISTS}
    assert TrainingExample.objects.count() == 3


def test_items_may_be_for_several_personas_of_the_organization(persona: Persona) -> None:
    PersonaFactory(slug="other", organization=persona.organization)
    PersonaFactory(slug="theirs")
    results = _create(persona, *(NewExample(slug, {"text": "same"}) for slug in ("other", "coder", "theirs")))
    assert [result.status for result in results] == [CREATED, CREATED, REJECTED]
    assert set(TrainingExample.objects.values_list("organization", flat=True)) == {persona.organization_id}


def test_the_number_of_items_is_limited(persona: Persona) -> None:
    with pytest.raises(TooLarge, match="501 examples"):
        _create(persona, *[NewExample("coder", {"text": "x"})] * 501)


def test_the_number_of_queries_does_not_depend_on_the_number_of_items(
    persona: Persona, django_assert_num_queries: Any
) -> None:
    for count in (1, 20):
        items = [NewExample("coder", {"text": f"{count}-{n}"}, client_id=f"{count}-{n}") for n in range(count)]
        with django_assert_num_queries(8):  # a savepoint around, personas, hold, client ids, hashes, new ids, insert
            _create(persona, *items)


def test_an_answer_becomes_an_example_once(persona: Persona) -> None:
    example = _capture(persona, conversation_ref="conv-1")
    assert example is not None
    assert (example.status, example.source, example.response_id) == ("awaiting_labels", "chat", "chatcmpl-1")
    assert example.output == {"code": "lost_card", "confidence": "low"}
    assert (example.accepted_label, example.conversation_ref) == (None, "conv-1")
    assert _capture(persona) == example
    assert TrainingExample.objects.count() == 1


def test_an_organization_that_opted_out_is_not_captured(persona: Persona) -> None:
    Organization.objects.update(collects_training_data=False)  # the instance in hand is out of date
    assert _capture(persona) is None
    assert not TrainingExample.objects.exists()


@pytest.mark.parametrize("data", [{}, {"text": ""}, {"messages": []}, {"text": "x" * 10_001}, {"text": "a\x00"}])
def test_what_is_no_input_of_the_task_is_no_example(persona: Persona, data: dict[str, Any]) -> None:
    assert _capture(persona, input=data) is None


def test_an_unknown_kind_becomes_the_tasks_first(persona: Persona) -> None:
    example = _capture(persona, kind="page_generation", output=None)
    assert example is not None
    assert (example.kind, example.output) == ("survey_answer", None)


def test_a_test_question_that_is_asked_again_stays_in_the_test_set(persona: Persona) -> None:
    rows = [ImportRow(2, "Where is my card?", "lost_card")]
    import_examples(persona=persona, rows=rows, by=SYSTEM, now=NOW, split_pin="test")
    pinned, free = _capture(persona), _capture(persona, input={"text": "Another"}, response_id="chatcmpl-2")
    assert pinned is not None
    assert free is not None
    assert (pinned.split_pin, free.split_pin) == ("test", "")

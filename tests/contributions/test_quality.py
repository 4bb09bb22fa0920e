"""Points and score of examples, from their way in over labels and feedback to the repair of what is off."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from apps.common.audit import SYSTEM
from apps.common.models import AuditEvent
from apps.contributions.enums import ExampleOutcome, ExampleStatus
from apps.contributions.formats import ImportRow
from apps.contributions.models import TrainingExample
from apps.contributions.queries import Reaction, find_quality_drift, quality_of
from apps.contributions.services import (
    NewExample,
    NewLabel,
    capture_example,
    create_examples,
    import_examples,
    note_continuation,
    note_feedback,
    recompute_quality,
    resolve_example,
    submit_label,
    submit_labels,
)
from apps.organizations.models import Organization
from apps.personas.models import Persona
from tests.factories import NOW, PersonaFactory, TesterFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db
LOST, RATE = {"code": "lost_card"}, {"code": "exchange_rate"}
ANSWERED = {"code": "lost_card", "confidence": "high"}
ACCEPTED = Reaction(ExampleOutcome.ACCEPTED, approvals=1)
REJECTED = Reaction(ExampleOutcome.REJECTED, rejections=1)


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory()
    return persona


def _capture(persona: Persona, **more: Any) -> TrainingExample:
    given: dict[str, Any] = {
        "kind": "survey_answer", "source": "chat", "input": {"text": "Where is my card?"}, "output": ANSWERED,
        "response_id": "chatcmpl-1", "by": SYSTEM,
    }  # fmt: skip
    example = capture_example(persona=persona, **{**given, **more})
    assert example is not None
    return example


def _rated(example: TrainingExample) -> tuple[int | None, str]:
    example.refresh_from_db()
    assert find_quality_drift() == []
    return example.quality_points, str(example.quality_score)


def _say(persona: Persona, reaction: Reaction, response_id: str = "chatcmpl-1") -> bool:
    return note_feedback(persona=persona, response_id=response_id, reaction=reaction, now=NOW)


# --- on their way in --------------------------------------------------------------------------------------------------


def test_a_captured_answer_has_points_for_being_readable(persona: Persona) -> None:
    assert _rated(_capture(persona)) == (3, "0.300")
    assert _rated(_capture(persona, output=None, response_id="chatcmpl-2")) == (0, "0.000")


def test_what_the_api_takes_in_is_rated_alike(persona: Persona) -> None:
    bare, answered = (
        NewExample(persona.slug, {"text": "One"}),
        NewExample(persona.slug, {"text": "Two"}, output=ANSWERED),
    )
    create_examples(organization=persona.organization, items=[bare, answered], by=SYSTEM, now=NOW)
    one, two = TrainingExample.objects.order_by("pk")
    assert (_rated(one), _rated(two)) == ((0, "0.000"), (3, "0.300"))


@pytest.mark.parametrize("by_tester", [True, False])
def test_a_label_that_came_along_is_taken_at_its_word(persona: Persona, by_tester: bool) -> None:
    tester = TesterFactory(organization=persona.organization) if by_tester else None
    rows = [ImportRow(2, "Where is my card?", "lost_card")]
    import_examples(persona=persona, rows=rows, by=SYSTEM, now=NOW, label_as=tester)
    assert _rated(TrainingExample.objects.get()) == (0, "1.000")


# --- labels -----------------------------------------------------------------------------------------------------------


def test_labels_that_agree_score_by_their_share(persona: Persona) -> None:
    Persona.objects.update(labels_per_example=3)
    example = TrainingExampleFactory(
        persona=persona, output=ANSWERED, source="run", quality_points=3, quality_score=0.3
    )
    for payload in (LOST, LOST, RATE):
        assert _rated(example) == (3, "0.300")
        submit_label(tester=TesterFactory(organization=persona.organization), example=example, payload=payload, now=NOW)
    assert _rated(example) == (3, "0.667")
    quality = quality_of(example=example)
    assert (quality.reasons, quality.score_reason) == (("valid JSON +3",), "2 of 3 votes for the accepted label")


def test_staff_who_decide_have_seen_the_disagreement(persona: Persona) -> None:
    example = TrainingExampleFactory(persona=persona, status=ExampleStatus.DISPUTED)
    resolve_example(example=example, payload=LOST, by=SYSTEM, now=NOW)
    assert _rated(example) == (0, "1.000")
    assert quality_of(example=example).score_reason == "accepted on one person's word"


def test_many_labels_cost_few_statements(persona: Persona, django_assert_max_num_queries: Any) -> None:
    tester = TesterFactory(organization=persona.organization)
    examples = TrainingExampleFactory.create_batch(60, persona=persona)
    examples += TrainingExampleFactory.create_batch(60, persona=persona, output=ANSWERED)
    with django_assert_max_num_queries(30):
        submit_labels(tester=tester, labels=[NewLabel(example.pk, LOST) for example in examples], now=NOW)
    assert find_quality_drift() == []
    assert set(TrainingExample.objects.values_list("quality_points", "quality_score")) == {(0, 1), (3, 1)}


# --- feedback ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reaction", "rated"),
    [
        (ACCEPTED, (8, "0.800")),
        (Reaction(ExampleOutcome.ACCEPTED_WITH_EDITS, edit_share=0.1), (4, "0.400")),
        (Reaction(ExampleOutcome.ACCEPTED_WITH_EDITS, approvals=1, edit_share=0.5), (6, "0.600")),
        (REJECTED, (3, "0.300")),
        (Reaction(ExampleOutcome.REGENERATED, rejections=1), (3, "0.300")),
        (Reaction(), (3, "0.300")),
    ],
)
def test_what_people_made_of_an_answer_counts_once(persona: Persona, reaction: Reaction, rated: Any) -> None:
    example = _capture(persona)
    other = _capture(persona, response_id="chatcmpl-2")
    for _ in range(2):
        assert _say(persona, reaction)
        assert _rated(example) == rated
    assert (example.outcome, example.approvals, example.rejections) == (
        reaction.outcome, reaction.approvals, reaction.rejections,
    )  # fmt: skip
    assert _rated(other) == (3, "0.300")


def test_feedback_on_what_was_not_captured_changes_nothing(persona: Persona) -> None:
    example, by_hand = _capture(persona), TrainingExampleFactory(persona=persona, quality_points=0, quality_score=0)
    assert not _say(persona, ACCEPTED, "chatcmpl-2")
    assert not _say(persona, ACCEPTED, "")
    assert not _say(PersonaFactory(), ACCEPTED)
    assert [_rated(one) for one in (example, by_hand)] == [(3, "0.300"), (0, "0.000")]


def test_verdicts_on_the_accepted_answer_are_votes(persona: Persona) -> None:
    """Where the label is another than the answer, people who rejected the answer were right to."""
    same, other = _capture(persona), _capture(persona, response_id="chatcmpl-2")
    tester = TesterFactory(organization=persona.organization)
    submit_label(tester=tester, example=same, payload=LOST, now=NOW)
    submit_label(tester=tester, example=other, payload=RATE, now=NOW)
    for response_id in ("chatcmpl-1", "chatcmpl-2"):
        _say(persona, REJECTED, response_id)
    assert (_rated(same), _rated(other)) == ((3, "0.500"), (3, "1.000"))


def test_the_order_of_label_and_feedback_does_not_matter(persona: Persona) -> None:
    example = _capture(persona)
    _say(persona, REJECTED)
    submit_label(tester=TesterFactory(organization=persona.organization), example=example, payload=LOST, now=NOW)
    assert _rated(example) == (3, "0.500")


def test_a_later_turn_speaks_for_the_turns_before(persona: Persona) -> None:
    first = _capture(persona, conversation_ref="talk")
    elsewhere = _capture(persona, conversation_ref="other", response_id="chatcmpl-2")
    stranger = _capture(PersonaFactory(), conversation_ref="talk", response_id="chatcmpl-3")
    for _ in range(2):
        note_continuation(persona=persona, conversation_ref="talk", now=NOW)
    note_continuation(persona=persona, conversation_ref="", now=NOW)
    assert [_rated(one) for one in (first, elsewhere, stranger)] == [(4, "0.400"), (3, "0.300"), (3, "0.300")]
    assert quality_of(example=first).reasons == ("valid JSON +3", "conversation continued +1")


def test_where_nothing_is_collected_no_turn_is_noted(persona: Persona) -> None:
    first = _capture(persona, conversation_ref="talk")
    Organization.objects.update(collects_training_data=False)
    note_continuation(persona=persona, conversation_ref="talk", now=NOW)
    assert _rated(first) == (3, "0.300")


# --- what is off ------------------------------------------------------------------------------------------------------


def test_what_is_off_is_found_and_repaired(persona: Persona) -> None:
    wrong, missing, right = (_capture(persona, response_id=f"chatcmpl-{n}") for n in range(3))
    gone = TrainingExampleFactory(
        persona=persona, status=ExampleStatus.WITHDRAWN, input=None, quality_points=9, quality_score=1
    )
    TrainingExample.objects.filter(pk=wrong.pk).update(quality_score=Decimal("0.9"))
    TrainingExample.objects.filter(pk=missing.pk).update(quality_points=None)
    assert find_quality_drift() == [
        f"Example {wrong.pk} has 3 points and the score 0.900; 3 and 0.300 are right: "
        "`manage.py recompute_quality` repairs it.",
        f"Example {missing.pk} has None points and the score 0.300; 3 and 0.300 are right: "
        "`manage.py recompute_quality` repairs it.",
    ]
    assert [recompute_quality(persona=persona, by=SYSTEM, now=NOW) for _ in range(2)] == [2, 0]
    assert [_rated(one) for one in (wrong, missing, right)] == [(3, "0.300")] * 3
    gone.refresh_from_db()
    assert gone.quality_points == 9
    assert AuditEvent.objects.get(verb="recomputed_quality").data == {"examples": 2}


def test_the_command_repairs_all_personas(capsys: pytest.CaptureFixture[str]) -> None:
    TrainingExampleFactory.create_batch(3)
    call_command("recompute_quality")
    assert find_quality_drift() == []
    assert capsys.readouterr().out.count("1 examples rated anew") == 3


def test_looking_costs_the_same_for_any_number_of_a_batch(persona: Persona, django_assert_num_queries: Any) -> None:
    tester = TesterFactory(organization=persona.organization)
    for number in range(1, 4):
        example = _capture(persona, response_id=f"chatcmpl-{number}")
        submit_label(tester=tester, example=example, payload=LOST, now=NOW)
        _say(persona, ACCEPTED, f"chatcmpl-{number}")
        with django_assert_num_queries(5):  # personas; examples and the end of them; labels; accepted answers
            assert find_quality_drift() == []

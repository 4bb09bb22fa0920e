"""What was asked and answered goes when its example is taken back; that it was answered, and for how much, stays."""

import pytest
from cryptography.fernet import Fernet
from django.db import DatabaseError, transaction
from pytest_django import Settings

from apps.chat.models import NO_TEXTS, Conversation, Response
from apps.common.audit import SYSTEM
from apps.common.guards import erased
from apps.common.rotation import rotate_model
from apps.contributions.services import erase_withdrawal, withdraw_examples, withdraw_organization, withdraw_tester
from apps.feedback.models import ModelFeedback
from apps.feedback.services import record_feedback
from apps.personas.models import Persona
from tests.factories import NOW, PersonaFactory, ResponseFactory, TesterFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db
GONE = ([], "")


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory()
    return persona


def texts_of(response: Response) -> tuple[object, str]:
    return Response.objects.values_list("messages", "output").get(pk=response.pk)


def take_back(persona: Persona, *responses: Response) -> None:
    ids = [TrainingExampleFactory(persona=persona, response_id=each.public_id).pk for each in responses]
    withdrawal = withdraw_examples(organization=persona.organization, example_ids=ids, by=SYSTEM, now=NOW)
    assert erase_withdrawal(withdrawal=withdrawal, now=NOW).status == "done"


@pytest.mark.parametrize("keys", [[], [Fernet.generate_key().decode()]])
def test_the_answer_and_what_was_said_of_it_are_emptied(persona: Persona, settings: Settings, keys: list[str]) -> None:
    settings.FIELD_ENCRYPTION_KEYS = keys
    answer, other = ResponseFactory(persona=persona, price_micros=7), ResponseFactory(persona=persona)
    for response in (answer, other):
        record_feedback(
            response=response, feedback_type="edited", edited="hello Ada", comment="Ada!", by=SYSTEM, now=NOW
        )
    take_back(persona, answer)
    assert texts_of(answer) == GONE
    assert texts_of(other) == (other.messages, "hello")
    assert Response.objects.get(pk=answer.pk).price_micros == 7
    said = ModelFeedback.objects.order_by("pk").values_list("original", "edited", "comment", "feedback_type")
    assert list(said) == [("", "[withdrawn]", "", "edited"), ("hello", "hello Ada", "Ada!", "edited")]
    take_back(persona, other)
    assert texts_of(other) == GONE


def test_later_answers_of_the_conversation_hold_it_as_history(persona: Persona) -> None:
    talk = Conversation.objects.create(
        organization=persona.organization, persona=persona, reference="c-1", title="About Ada"
    )
    before, chosen, after = (ResponseFactory(persona=persona, conversation=talk) for _ in range(3))
    take_back(persona, chosen)
    assert [texts_of(each) == GONE for each in (before, chosen, after)] == [False, True, True]
    talk.refresh_from_db()
    assert talk.title == ""


def test_a_question_that_is_asked_again_keeps_its_answer(persona: Persona) -> None:
    answer = ResponseFactory(persona=persona)
    tester = TesterFactory(organization=persona.organization)
    example = TrainingExampleFactory(
        persona=persona, response_id=answer.public_id, status="accepted", accepted_label={"code": "lost_card"},
        accepted_at=NOW, accepted_by="agreement",
    )  # fmt: skip
    example.labels.create(
        organization=persona.organization, tester=tester, payload={"code": "lost_card"}, payload_hash="1", agrees=True
    )
    withdrawal = withdraw_tester(tester=tester, by=tester.user, now=NOW)
    assert erase_withdrawal(withdrawal=withdrawal, now=NOW).examples_count == 1
    assert texts_of(answer) == (answer.messages, "hello")


def test_an_organization_takes_all_answers_back_captured_or_not(persona: Persona) -> None:
    answer, foreign = ResponseFactory(persona=persona), ResponseFactory()
    record_feedback(response=answer, feedback_type="approved", comment="Ada!", by=SYSTEM, now=NOW)
    withdrawal = withdraw_organization(
        organization=persona.organization, confirmation=persona.organization.slug, by=SYSTEM, now=NOW
    )
    erase_withdrawal(withdrawal=withdrawal, now=NOW)
    assert (texts_of(answer), texts_of(foreign)) == (GONE, (foreign.messages, "hello"))
    assert ModelFeedback.objects.get().comment == ""


@pytest.mark.parametrize(("column", "nothing"), NO_TEXTS.items())
def test_no_other_answer_may_be_emptied(persona: Persona, column: str, nothing: str) -> None:
    answer = ResponseFactory(persona=persona)
    TrainingExampleFactory(persona=persona, response_id=answer.public_id)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Response.objects.filter(pk=answer.pk).update(**{column: erased(nothing)})


def test_an_answer_that_was_taken_back_may_be_emptied_and_nothing_else(persona: Persona) -> None:
    answer = ResponseFactory(persona=persona)
    feedback = record_feedback(response=answer, feedback_type="approved", comment="good", by=SYSTEM, now=NOW)
    take_back(persona, answer)
    for change in ({"output": "something else"}, {"price_micros": 1}, {"messages": erased('["x"]')}):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            Response.objects.filter(pk=answer.pk).update(**change)
    for change in ({"comment": "better"}, {"rating": 5}, {"edited": "other words"}):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            ModelFeedback.objects.filter(pk=feedback.pk).update(**change)


def test_what_was_emptied_can_be_encrypted_and_rotated(persona: Persona, settings: Settings) -> None:
    answer = ResponseFactory(persona=persona)
    take_back(persona, answer)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert rotate_model(Response).unreadable == []
    assert texts_of(answer) == GONE

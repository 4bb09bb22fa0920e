import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from apps.common.audit import SYSTEM
from apps.common.models import AuditEvent
from apps.feedback.models import ModelFeedback, RetrainingPolicy
from apps.feedback.services import record_feedback
from apps.organizations.enums import Scope
from apps.personas.models import Persona
from tests.clients import key_client, staff_client
from tests.factories import NOW, PersonaFactory, ResponseFactory

pytestmark = pytest.mark.django_db

FEEDBACK = "/admin/feedback/modelfeedback/"
POLICIES = "/admin/feedback/retrainingpolicy/"


@pytest.fixture
def persona() -> Persona:
    return PersonaFactory()


def _say(persona: Persona, comment: str) -> int:
    feedback = record_feedback(
        response=ResponseFactory(persona=persona), feedback_type="approved", comment=comment, by=SYSTEM, now=NOW
    )
    return feedback.pk


def test_each_organization_sees_its_own(persona: Persona) -> None:
    pk = _say(persona, "<i>ours</i>")
    policy = RetrainingPolicy.objects.get()
    staff, stranger = staff_client(persona.organization), staff_client(PersonaFactory().organization)
    pages = [
        (FEEDBACK, "&lt;i&gt;ours"),
        (f"{FEEDBACK}?feedback_type=approved", "&lt;i&gt;ours"),
        (f"{FEEDBACK}{pk}/change/", "&lt;i&gt;ours"),
        (POLICIES, persona.name),
        (f"{POLICIES}{policy.pk}/change/", persona.name),
    ]
    for path, text in pages:
        page = staff.get(path)
        assert (page.status_code, text in page.content.decode()) == (200, True), path
        assert text not in stranger.get(path, follow=True).content.decode(), path
    assert staff.get(f"{FEEDBACK}add/").status_code == 403
    assert staff.post(f"{FEEDBACK}{pk}/change/", {}).status_code == 403


def test_feedback_is_listed_whatever_became_of_the_key_to_its_answers(persona: Persona) -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[Fernet.generate_key().decode()]):
        response = ResponseFactory(persona=persona)
    ModelFeedback.objects.create(
        organization=persona.organization, response=response, feedback_type="rejected", given_by="system",
        comment="Not right",
    )  # fmt: skip
    assert "Not right" in staff_client(persona.organization).get(FEEDBACK).content.decode()
    answer = key_client(persona.organization, Scope.READ).get("/api/feedback/")
    assert [row["response_id"] for row in answer.json()["results"]] == [response.public_id]


def test_a_policy_is_changed_by_managers_and_it_is_audited(persona: Persona) -> None:
    _say(persona, "x")
    policy = RetrainingPolicy.objects.get()
    path = f"{POLICIES}{policy.pk}/change/"
    manager = staff_client(persona.organization)
    assert staff_client(persona.organization, "viewer").post(path, {"every_n_feedback": 5}).status_code == 403
    assert manager.post(path, {"every_n_feedback": 0}).status_code == 200  # the form again, with the error
    assert manager.post(path, {"every_n_feedback": 5}).status_code == 302

    policy.refresh_from_db()
    assert (policy.every_n_feedback, policy.is_active) == (5, False)  # an unticked box
    event = AuditEvent.objects.get(verb="changed", object_type="feedback.retrainingpolicy")
    assert event.data == {"every_n_feedback": 5, "is_active": False}


def test_a_list_costs_the_same_for_one_row_and_three(persona: Persona) -> None:
    staff = staff_client(persona.organization)
    counts = []
    for rows in (1, 2):
        for n in range(rows):
            _say(persona, f"{rows} {n}")
        with CaptureQueriesContext(connection) as queries:
            staff.get(FEEDBACK)
        counts.append(len(queries))
    assert counts[0] == counts[1]

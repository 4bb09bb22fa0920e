from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.common.audit import SYSTEM
from apps.common.models import AuditEvent
from apps.contributions.formats import ImportRow
from apps.contributions.models import Tester, TrainingExample
from apps.contributions.services import import_examples, submit_label
from apps.organizations.models import User
from apps.personas.models import Persona
from tests.factories import (
    NOW,
    MembershipFactory,
    PersonaFactory,
    TesterFactory,
    TrainingExampleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
EXAMPLES = reverse("admin:contributions_trainingexample_changelist")
TESTERS = reverse("admin:contributions_tester_changelist")


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(name="Question coder")
    return persona


def _staff(persona: Persona, role: str = "manager") -> User:
    member = MembershipFactory(organization=persona.organization, role=role, user__is_staff=True)
    user: User = member.user
    return user


@pytest.fixture
def staff(persona: Persona) -> Client:
    client = Client()
    client.force_login(_staff(persona))
    return client


def _act(client: Client, url: str, action: str, *rows: Any, **fields: str) -> Any:
    data = {"action": action, "_selected_action": [row.pk for row in rows], **fields}
    return client.post(url, data, follow=True)


def test_examples_are_listed_with_short_escaped_texts(persona: Persona, staff: Client) -> None:
    TrainingExampleFactory(persona=persona, input={"text": "<script>alert(1)</script> " + "long " * 40})
    TrainingExampleFactory(input={"text": "a stranger's words"})
    page = staff.get(EXAMPLES).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; long" in page
    assert "<script>alert" not in page
    assert "long " * 15 not in page
    assert "a stranger" not in page


def test_an_example_says_why_it_is_rated_as_it_is(persona: Persona, staff: Client) -> None:
    answer = {"code": "lost_card", "confidence": "high"}
    example = TrainingExampleFactory(
        persona=persona, output=answer, outcome="accepted", approvals=1, quality_points=8, quality_score="0.8"
    )
    page = staff.get(reverse("admin:contributions_trainingexample_change", args=[example.pk])).content.decode()
    assert "8 of 10 (valid JSON +3, thumbs up +3, accepted unedited +2)" in page
    assert "0.800 (nobody has voted: the points, of 10)" in page


def test_the_persona_filter_names_own_personas_only(persona: Persona, staff: Client) -> None:
    PersonaFactory(name="Their coder")
    TrainingExampleFactory(persona=persona, input={"text": "mine"})
    page = staff.get(EXAMPLES).content.decode()
    assert ("Question coder" in page, "Their coder" in page) == (True, False)
    assert "mine" in staff.get(EXAMPLES, {"persona": persona.pk}).content.decode()
    other = PersonaFactory(organization=persona.organization)
    assert "mine" not in staff.get(EXAMPLES, {"persona": other.pk}).content.decode()
    assert staff.get(EXAMPLES, {"persona": "x"}).status_code == 200


def test_an_example_shows_its_labels(persona: Persona, staff: Client) -> None:
    example = TrainingExampleFactory(persona=persona)
    tester = TesterFactory(organization=persona.organization, display_name="Ada <b>")
    submit_label(tester=tester, example=example, payload={"code": "lost_card"}, now=NOW)
    page = staff.get(reverse("admin:contributions_trainingexample_change", args=[example.pk])).content.decode()
    assert "Ada &lt;b&gt;" in page
    assert "lost_card" in page
    strangers = TrainingExampleFactory()
    url = reverse("admin:contributions_trainingexample_change", args=[strangers.pk])
    assert staff.get(url).status_code == 302  # to the index: "doesn't exist"


def test_rejecting_asks_for_a_reason(persona: Persona, staff: Client) -> None:
    examples = TrainingExampleFactory.create_batch(2, persona=persona)
    assert "Reject these examples?" in _act(staff, EXAMPLES, "reject", *examples).content.decode()
    _act(staff, EXAMPLES, "reject", *examples, confirmed="yes", reason="")
    assert not TrainingExample.objects.filter(status="rejected").exists()
    _act(staff, EXAMPLES, "reject", *examples, confirmed="yes", reason="spam")
    assert TrainingExample.objects.filter(status="rejected").count() == 2


def test_viewers_see_and_change_nothing(persona: Persona) -> None:
    client = Client()
    client.force_login(_staff(persona, "viewer"))
    example = TrainingExampleFactory(persona=persona)
    assert client.get(EXAMPLES).status_code == 200
    _act(client, EXAMPLES, "reject", example, confirmed="yes", reason="x")
    assert TrainingExample.objects.get().status == "awaiting_labels"
    assert client.get(reverse("admin:contributions_tester_add")).status_code == 403


def test_a_csv_download_is_safe_to_open(persona: Persona, staff: Client) -> None:
    rows = [ImportRow(2, "=HYPERLINK(1)", "lost_card"), ImportRow(3, 'He said "no"', "exchange_rate")]
    import_examples(persona=persona, rows=rows, by=SYSTEM, now=NOW)
    stranger = TrainingExampleFactory(input={"text": "theirs"})
    chosen = (*TrainingExample.objects.all(), stranger)
    asked = _act(staff, EXAMPLES, "download_csv", *chosen).content.decode()
    assert "How well personal data is found" in asked
    assert "HYPERLINK(1)" in asked
    assert "theirs" not in asked
    refused = _act(staff, EXAMPLES, "download_csv", *chosen, confirmed="yes")
    assert "Content-Disposition" not in refused
    response = _act(staff, EXAMPLES, "download_csv", *chosen, confirmed="yes", looked="on")
    assert AuditEvent.objects.get(verb="downloaded").data == {"examples": 2}
    assert response["Content-Disposition"].startswith('attachment; filename="examples-')
    assert b"".join(response.streaming_content).decode().splitlines() == [
        "text,category,status",
        "'=HYPERLINK(1),lost_card,accepted",
        '"He said ""no""",exchange_rate,accepted',
    ]


def test_inviting_a_tester_sends_the_invitation(
    persona: Persona, staff: Client, django_capture_on_commit_callbacks: Any
) -> None:
    form = {"organization": persona.organization_id, "email": "ada@example.org", "display_name": "Ada"}
    with django_capture_on_commit_callbacks(execute=True):
        staff.post(reverse("admin:contributions_tester_add"), form)
    assert Tester.objects.get().status == "invited"
    assert mail.outbox[0].to == ["ada@example.org"]
    assert "http://testserver/review/" in mail.outbox[0].body
    again = staff.post(reverse("admin:contributions_tester_add"), form)
    assert "is a tester of this organization already" in again.content.decode()


def test_testers_are_not_invited_to_a_strangers_organization(staff: Client) -> None:
    form = {"organization": PersonaFactory().organization_id, "email": "ada@example.org", "display_name": "Ada"}
    staff.post(reverse("admin:contributions_tester_add"), form)
    assert not Tester.objects.exists()


def test_what_the_service_refuses_is_a_message_and_not_an_error_page(persona: Persona, staff: Client) -> None:
    UserFactory(email="gone@example.org", is_active=False)
    form = {"organization": persona.organization_id, "email": "gone@example.org", "display_name": "Gone"}
    page = staff.post(reverse("admin:contributions_tester_add"), form, follow=True)
    assert "The account of gone@example.org is deactivated." in page.content.decode()
    assert not Tester.objects.exists()


def test_testers_are_paused_and_resumed(persona: Persona, staff: Client) -> None:
    own, strangers = TesterFactory(organization=persona.organization), TesterFactory()
    _act(staff, TESTERS, "pause", own, strangers)
    own.refresh_from_db()
    strangers.refresh_from_db()
    assert (own.status, strangers.status) == ("paused", "active")
    assert "Only testers who are" in _act(staff, TESTERS, "pause", own).content.decode()
    _act(staff, TESTERS, "resume", own)
    own.refresh_from_db()
    assert own.status == "active"


def test_payout_details_are_nowhere_in_the_tester_pages(persona: Persona, staff: Client) -> None:
    tester = TesterFactory(organization=persona.organization, payout_details={"iban": "DE00SECRET"})
    for url in (TESTERS, reverse("admin:contributions_tester_change", args=[tester.pk])):
        assert "DE00SECRET" not in staff.get(url).content.decode()


@pytest.mark.parametrize("model", ["trainingexample", "tester", "label", "contribution", "upload"])
def test_lists_cost_the_same_with_one_row_and_with_three(persona: Persona, staff: Client, model: str) -> None:
    url = reverse(f"admin:contributions_{model}_changelist")
    counts = []
    for _ in range(3):
        tester = TesterFactory(organization=persona.organization)
        example = TrainingExampleFactory(persona=persona)
        submit_label(tester=tester, example=example, payload={"code": "lost_card"}, now=NOW)
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(url).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[2]
    assert counts[0] < 12

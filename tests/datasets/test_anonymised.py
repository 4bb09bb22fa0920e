"""Nothing leaves un-anonymised, and nothing leaves that nobody looked at (PB6)."""

import json

import pytest
from django.core.management import CommandError, call_command

from apps.common.audit import SYSTEM
from apps.common.errors import Conflict
from apps.common.models import AuditEvent
from apps.contributions.detectors import Kind
from apps.contributions.models import ProtectedName
from apps.contributions.queries.known_values import known_values_of
from apps.contributions.services import protect_name
from apps.datasets.models import DatasetItem, TrainingDataset
from apps.datasets.queries import file_chunks, preview, what_leaves
from apps.datasets.services import approve_dataset, publish_dataset
from apps.personas.models import Persona
from apps.personas.queries import facts_of, task_of
from apps.personas.services import create_persona
from tests.datasets.world import accept, accept_many, build, publish
from tests.factories import (
    NOW,
    BaseModelFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonaFactory,
    TesterFactory,
    TrainingExampleFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(organization=OrganizationFactory(name="Kettle & Quill"))
    return persona


def messages_of(dataset: TrainingDataset) -> list[list[dict[str, str]]]:
    lines = DatasetItem.objects.filter(dataset=dataset).order_by("split", "position").values_list("line", flat=True)
    return [json.loads(line)["messages"] for line in lines]


def test_lines_hold_the_documented_replacements(persona: Persona) -> None:
    accept(persona, text="Write to ada.byron@kettle.example or call +44 20 7946 0958, I am Ada Byron.")
    dataset = build(persona)
    (said,) = [messages[-2]["content"] for messages in messages_of(dataset)]
    assert "contact@example.com" in said
    assert "+1 (555) 000-0000" in said
    assert [word for word in ("ada", "Byron", "7946") if word in said] == []
    assert dataset.redactions["email"] == dataset.redactions["phone"] == 1
    assert AuditEvent.objects.get(verb="built").data["replaced"] == sum(dataset.redactions.values())


def test_what_the_organization_is_known_by_is_replaced(persona: Persona) -> None:
    MembershipFactory(organization=persona.organization, user__name="Wilhelmina Oxenforth")
    TesterFactory(organization=persona.organization, display_name="Thaddeus Quimby", user__email="tq@mail.example")
    protect_name(organization=persona.organization, kind="business", value="Zebulon Works", by=SYSTEM)
    protect_name(organization=PersonaFactory().organization, kind="business", value="Foreign Works", by=SYSTEM)
    accept(persona, text="Wilhelmina Oxenforth of Kettle & Quill told Thaddeus Quimby about zebulon works")
    (said,) = [messages[-2]["content"] for messages in messages_of(build(persona))]
    assert said == "[PERSON_NAME] of [BUSINESS_NAME] told [PERSON_NAME] about [BUSINESS_NAME]"
    assert ProtectedName.objects.count() == 2
    found = {
        (span.kind, span.start) for span in known_values_of(organization=persona.organization).find("Foreign Works")
    }
    assert found == set()


def test_codes_survive(persona: Persona) -> None:
    """A code that reads like a name is the machine's, not somebody's."""
    Persona.objects.filter(pk=persona.pk).update(
        settings={"codes": [{"code": "Ada Byron", "title": "Ada Byron", "description": "Asks for Ada Byron."}]}
    )
    persona.refresh_from_db()
    protect_name(organization=persona.organization, kind="person", value="Ada Byron", by=SYSTEM)
    accept(persona, text="Put me through to Ada Byron", code="Ada Byron")
    (messages,) = messages_of(build(persona))
    assert messages[-2]["content"] == "Put me through to [PERSON_NAME]"
    answer = task_of(persona).parse_answer(messages[-1]["content"], facts_of(persona))
    assert answer["code"] == "Ada Byron"


def test_a_name_is_replaced_in_the_whole_conversation() -> None:
    persona = create_persona(
        organization=OrganizationFactory(), slug="talker", name="Talker", task="conversation", settings={},
        base_model=BaseModelFactory(), by=SYSTEM,
    )  # fmt: skip
    task = task_of(persona)
    data, label = task.read_pair(
        "Is quimby coming too?",
        "No, Thaddeus stays at home today, as far as I know.",
        [
            {"role": "user", "content": "My name is Thaddeus Quimby."},
            {"role": "assistant", "content": "Hello Thaddeus!"},
        ],
    )
    TrainingExampleFactory(
        persona=persona, input=task.clean_input(data), accepted_label=task.clean_label(label or {}, facts_of(persona)),
        status="accepted", accepted_at=NOW, accepted_by="agreement", quality_score=1,
    )  # fmt: skip
    (messages,) = messages_of(build(persona))
    texts = " ".join(message["content"] for message in messages[1:])
    assert "Thaddeus" not in texts
    assert texts.count("[PERSON_NAME]") >= 3


def test_no_id_is_in_a_line(persona: Persona) -> None:
    accept(
        persona,
        text="Where is it?",
        conversation_ref="conv-zq1",
        client_id="client-zq2",
        contributed_by="zq3@x.example",
    )
    (line,) = DatasetItem.objects.filter(dataset=build(persona)).values_list("line", flat=True)
    assert [mark for mark in ("zq1", "zq2", "zq3", persona.organization.slug) if mark in line] == []


def test_the_preview_shows_what_would_be_built(persona: Persona) -> None:
    accept(persona, text="Mail ada.byron@kettle.example")
    assert preview(persona=persona).sample[0].words.user == "Mail contact@example.com"


def test_building_twice_gives_the_same_bytes(persona: Persona) -> None:
    accept(persona, text="I am Ada Byron, ada.byron@kettle.example")
    accept_many(persona, 20)
    assert publish(build(persona)).training_sha256 == publish(build(persona)).training_sha256


# --- somebody looked --------------------------------------------------------------------------------------------------


def test_nothing_is_published_that_nobody_approved(persona: Persona) -> None:
    accept_many(persona, 12)
    draft = build(persona)
    with pytest.raises(Conflict) as refused:
        publish_dataset(dataset=draft, by=SYSTEM, now=NOW)
    assert refused.value.code == "approval_missing"
    approved = approve_dataset(dataset=draft, by=SYSTEM, now=NOW)
    assert (approved.approved_at, approved.approved_by) == (NOW, "system")
    assert AuditEvent.objects.get(verb="approved").data == {"replaced": {}}
    with pytest.raises(Conflict) as again:
        approve_dataset(dataset=draft, by=SYSTEM, now=NOW)
    assert again.value.code == "already_approved"
    assert publish_dataset(dataset=draft, by=SYSTEM, now=NOW).is_published


def test_what_was_published_before_approvals_is_not_handed_out(persona: Persona) -> None:
    accept_many(persona, 12)
    dataset = build(persona)
    TrainingDataset.objects.filter(pk=dataset.pk).update(published_at=NOW, published_by="m", status="ready")
    dataset.refresh_from_db()
    with pytest.raises(Conflict) as refused:
        file_chunks(dataset=dataset, split="train")
    assert refused.value.code == "approval_missing"
    with pytest.raises(CommandError, match="Build it again"):
        call_command("export_dataset", str(dataset.pk), format="openai_chat")


def test_who_approves_sees_lines_as_they_would_leave(persona: Persona) -> None:
    accept_many(persona, 50)
    accept(persona, text="Mail ada.byron@kettle.example")
    leaving = what_leaves(dataset=build(persona))
    assert (leaving.replaced, len(leaving.lines)) == ("E-mail addresses: 1", 20)
    assert json.loads(leaving.beginning + leaving.lines[0])["messages"][0]["role"] == "system"
    by_title = {kind.title: kind for kind in leaving.measured}
    assert by_title["All of them"].recall is not None
    assert len(by_title) == len(Kind) + 1

import pytest

from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, InvalidInput, NotAllowed
from apps.common.models import AuditEvent
from apps.contributions.enums import SkipReason, TesterStatus
from apps.contributions.models import Skip, Tester
from apps.contributions.services import (
    lease_next_example,
    reject_example,
    report_example,
    resolve_example,
    resolve_reports,
    skip_example,
    submit_label,
)
from apps.personas.models import Persona
from tests.factories import NOW, PersonaFactory, TesterFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db
LOST = {"code": "lost_card"}


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory()
    return persona


@pytest.fixture
def ada(persona: Persona) -> Tester:
    tester: Tester = TesterFactory(organization=persona.organization)
    return tester


@pytest.fixture
def ben(persona: Persona) -> Tester:
    tester: Tester = TesterFactory(organization=persona.organization)
    return tester


def test_every_reason_is_offered_somewhere() -> None:
    assert {*SkipReason.for_skipping(), *SkipReason.for_reporting()} == set(SkipReason)


def test_a_report_takes_the_example_off_every_desk_until_staff_have_looked(
    persona: Persona, ada: Tester, ben: Tester
) -> None:
    example = TrainingExampleFactory(persona=persona)
    report_example(tester=ada, example=example, reason="personal_data", note=" A name. ")
    assert lease_next_example(tester=ben, persona=persona, now=NOW) is None
    with pytest.raises(Conflict, match="was reported") as caught:
        submit_label(tester=ben, example=example, payload=LOST, now=NOW)
    assert caught.value.code == "reported"
    assert resolve_reports(example=example, by=SYSTEM, now=NOW, note="It is the shop's own.") == 1
    skip = Skip.objects.get()
    assert (skip.note, skip.resolved_at, skip.resolved_by) == ("A name.", NOW, "system")
    assert lease_next_example(tester=ben, persona=persona, now=NOW) == example
    assert lease_next_example(tester=ada, persona=persona, now=NOW) is None  # who reported it is not asked again
    assert AuditEvent.objects.get(verb="reports_resolved").data == {"reports": 1, "note": "It is the shop's own."}
    with pytest.raises(Conflict):
        resolve_reports(example=example, by=SYSTEM, now=NOW)


def test_what_staff_decide_about_the_example_settles_its_reports(persona: Persona, ada: Tester, ben: Tester) -> None:
    accepted, rejected = TrainingExampleFactory.create_batch(2, persona=persona)
    for tester in (ada, ben):
        report_example(tester=tester, example=accepted, reason="broken")
    report_example(tester=ada, example=rejected, reason="harmful")
    resolve_example(example=accepted, payload=LOST, by=SYSTEM, now=NOW)
    reject_example(example=rejected, by=SYSTEM, now=NOW)
    assert not Skip.objects.filter(resolved_at=None).exists()


def test_saying_it_again_replaces_what_was_said(persona: Persona, ada: Tester) -> None:
    example = TrainingExampleFactory(persona=persona)
    skip_example(tester=ada, example=example, reason="unclear")
    report_example(tester=ada, example=example, reason="broken", note="Empty.")
    skip = Skip.objects.get()
    assert (skip.reason, skip.note, skip.is_report) == ("broken", "Empty.", True)


@pytest.mark.parametrize(
    ("reason", "note"), [("", ""), ("personal_data", ""), ("other", "x" * 1001), ("other", "a\x00b")]
)
def test_a_skip_needs_a_reason_of_the_list(persona: Persona, ada: Tester, reason: str, note: str) -> None:
    with pytest.raises(InvalidInput):
        skip_example(tester=ada, example=TrainingExampleFactory(persona=persona), reason=reason, note=note)
    assert not Skip.objects.exists()


def test_only_those_who_may_label_set_aside(persona: Persona, ada: Tester) -> None:
    example = TrainingExampleFactory(persona=persona)
    with pytest.raises(Conflict):
        report_example(tester=TesterFactory(), example=example, reason="other")
    Tester.objects.update(status=TesterStatus.PAUSED)
    with pytest.raises(NotAllowed):
        report_example(tester=ada, example=example, reason="other")
    assert not Skip.objects.exists()


def test_setting_aside_leaves_anothers_screen_alone(persona: Persona, ada: Tester, ben: Tester) -> None:
    example = TrainingExampleFactory(persona=persona)
    lease_next_example(tester=ben, persona=persona, now=NOW)
    skip_example(tester=ada, example=example, reason="unclear")
    assert lease_next_example(tester=ben, persona=persona, now=NOW) == example
    submit_label(tester=ben, example=example, payload=LOST, now=NOW)

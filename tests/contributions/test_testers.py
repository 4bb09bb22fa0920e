import pytest
from django.core import mail

from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, InvalidInput, NotAllowed, NotFound
from apps.common.models import AuditEvent
from apps.contributions import queries
from apps.contributions.models import Tester
from apps.contributions.services import (
    CONSENT_WORDING,
    invite_tester,
    pause_tester,
    record_consent,
    resume_tester,
)
from apps.organizations.models import Organization, User
from tests.factories import NOW, OrganizationFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def bank() -> Organization:
    organization: Organization = OrganizationFactory(name="Bank", slug="bank")
    return organization


def _invite(organization: Organization, email: str = "ada@example.org", **options: str) -> Tester:
    return invite_tester(organization=organization, email=email, display_name="Ada", by=SYSTEM, **options)


def test_an_invited_tester_signs_in_without_a_password(bank: Organization) -> None:
    tester = _invite(bank, "Ada@Example.org ")
    assert (tester.status, tester.user.email, tester.user.has_usable_password()) == (
        "invited",
        "ada@example.org",
        False,
    )
    assert (tester.user.is_staff, tester.consented_at) == (False, None)
    assert mail.outbox == []
    told = AuditEvent.objects.order_by("pk").values_list("verb", "object_type", "object_id")
    assert list(told) == [
        ("created", "organizations.user", str(tester.user.pk)),
        ("invited", "contributions.tester", str(tester.pk)),
    ]


@pytest.mark.django_db(transaction=True)
def test_the_invitation_is_mailed_once_it_is_committed(bank: Organization) -> None:
    _invite(bank, review_url="https://flywheel.example/review/")
    (message,) = mail.outbox
    assert message.to == ["ada@example.org"]
    assert message.subject == "Bank asks you to review answers"
    assert "https://flywheel.example/review/" in message.body


def test_one_person_may_test_for_several_organizations_once_each(bank: Organization) -> None:
    first = _invite(bank)
    with pytest.raises(Conflict, match="is a tester of Bank already"):
        _invite(bank)
    second = _invite(OrganizationFactory(name="Airline"))
    assert first.user == second.user
    assert [tester.organization.name for tester in queries.testers_of(user=first.user)] == ["Airline", "Bank"]


def test_a_deactivated_account_is_not_invited(bank: Organization) -> None:
    UserFactory(email="ada@example.org", is_active=False)
    with pytest.raises(NotAllowed, match="deactivated"):
        _invite(bank)


def test_consent_keeps_the_very_text_and_activates(bank: Organization) -> None:
    tester = record_consent(tester=_invite(bank), wording=CONSENT_WORDING, now=NOW)
    assert (tester.status, tester.consented_at, tester.consent_wording) == ("active", NOW, CONSENT_WORDING)
    assert AuditEvent.objects.get(verb="consented").actor == "ada@example.org"
    assert record_consent(tester=tester, wording="A newer text.", now=NOW).consent_wording == "A newer text."
    with pytest.raises(InvalidInput):
        record_consent(tester=tester, wording=" ", now=NOW)


def test_the_wording_is_truthful_about_what_is_trained() -> None:
    """UX9: this organization's models, not the vendor's base model."""
    assert "this organization's own models" in CONSENT_WORDING
    assert "do not change any vendor's base model" in CONSENT_WORDING
    assert "no promise" in CONSENT_WORDING


def test_pausing_and_resuming(bank: Organization) -> None:
    tester = record_consent(tester=_invite(bank), wording=CONSENT_WORDING, now=NOW)
    pause_tester(tester=tester, by=SYSTEM, now=NOW)
    with pytest.raises(Conflict, match="Ada is paused"):
        pause_tester(tester=tester, by=SYSTEM, now=NOW)
    with pytest.raises(Conflict):
        record_consent(tester=tester, wording=CONSENT_WORDING, now=NOW)
    resume_tester(tester=tester, by=SYSTEM, now=NOW)
    assert Tester.objects.get().status == "active"
    with pytest.raises(Conflict, match="Ada is active"):
        resume_tester(tester=tester, by=SYSTEM, now=NOW)


def test_who_never_consented_is_invited_again_when_resumed(bank: Organization) -> None:
    tester = _invite(bank)
    pause_tester(tester=tester, by=SYSTEM, now=NOW)
    resume_tester(tester=tester, by=SYSTEM, now=NOW)
    assert Tester.objects.get().status == "invited"


def test_a_tester_is_found_by_their_own_user_only(bank: Organization) -> None:
    tester = _invite(bank)
    assert queries.get_tester(user=tester.user, organization_slug="bank") == tester
    stranger: User = UserFactory()
    for user, slug in ((stranger, "bank"), (tester.user, "airline")):
        with pytest.raises(NotFound):
            queries.get_tester(user=user, organization_slug=slug)
    Tester.objects.update(status="withdrawn")
    with pytest.raises(NotFound):
        queries.get_tester(user=tester.user, organization_slug="bank")

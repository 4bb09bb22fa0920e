"""Who may label, and where."""

from apps.common.errors import NotAllowed, NotFound
from apps.contributions.enums import TesterStatus
from apps.contributions.models import Tester
from apps.organizations.models import User


def testers_of(*, user: User) -> list[Tester]:
    """The user as tester of each organization that still has them, paused or not."""
    testers = Tester.objects.filter(user=user, organization__is_active=True).exclude(status=TesterStatus.WITHDRAWN)
    return list(testers.select_related("organization", "user").order_by("organization__name"))


def get_tester(*, user: User, organization_slug: str) -> Tester:
    """The user as tester of that organization; NotFound if they are none, which is all that strangers learn."""
    for tester in testers_of(user=user):
        if tester.organization.slug == organization_slug:
            return tester
    raise NotFound("You are not a tester there.", resolution="Check the address, or ask the staff to invite you.")


def check_may_label(*, tester: Tester) -> None:
    """NotAllowed unless the tester, as the database has them now, is active and has consented."""
    known = Tester.objects.filter(pk=tester.pk, organization__is_active=True).values_list("status", "consented_at")
    status, consented_at = known.first() or (TesterStatus.WITHDRAWN, None)
    if status == TesterStatus.INVITED or consented_at is None:
        raise NotAllowed(
            "You have not agreed yet to how your labels are used.",
            resolution="Open the review desk and read what you would agree to.",
            code="consent_missing",
        )
    if status != TesterStatus.ACTIVE:
        raise NotAllowed(
            f"You are {TesterStatus(status).label.lower()} as a tester.",
            resolution="Ask the organization's staff to resume you.",
            code="tester_not_active",
        )

"""Who takes their words back is paid as before: shares follow what was frozen, not what is still readable."""

from datetime import timedelta

import pytest

from apps.common.audit import SYSTEM
from apps.contributions.services import erase_withdrawal, withdraw_organization, withdraw_tester
from apps.payouts.models import Share
from apps.payouts.queries import find_drift
from apps.payouts.services import close_revenue_day
from tests.factories import NOW, UserFactory
from tests.payouts import world
from tests.payouts.world import DAY, TOMORROW

pytestmark = pytest.mark.django_db


def shares_of(day: int) -> dict[tuple[int, str], int]:
    """Amounts by tester and basis of a closed day, so many after the first."""
    close_revenue_day(day=DAY + timedelta(days=day), by=UserFactory(), now=TOMORROW + timedelta(days=day))
    shares = Share.objects.filter(revenue_day__day=DAY + timedelta(days=day))
    return {(one.tester_id, one.revenue_day.basis): one.amount_micros for one in shares.select_related("revenue_day")}


@pytest.mark.parametrize("everything", [False, True])
def test_a_days_shares_are_the_same_before_and_after(everything: bool) -> None:
    persona = world.make_persona()
    ada, bob = (world.make_tester(persona.organization, name) for name in ("Ada", "Bob"))
    model = world.make_version(persona, {ada: 3, bob: 5}, validation=1)
    world.contribute(ada, persona, completed=4)
    world.contribute(bob, persona, completed=6)
    for day in (0, 1):
        world.paid_runs(persona, 7, model=model, at=NOW + timedelta(days=day))
        world.paid_runs(persona, 3, at=NOW + timedelta(days=day))
    before = shares_of(0)
    if everything:
        own = persona.organization
        withdrawal = withdraw_organization(organization=own, confirmation=own.slug, by=SYSTEM, now=NOW)
    else:
        withdrawal = withdraw_tester(tester=ada, by=ada.user, now=NOW)
    assert erase_withdrawal(withdrawal=withdrawal, now=NOW).status == "done"
    assert shares_of(1) == before
    assert len(before) == 4
    assert all(before.values())
    assert [problem for problem in find_drift() if "revenue" in problem.lower() or "share" in problem.lower()] == []

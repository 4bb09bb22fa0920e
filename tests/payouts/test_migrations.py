"""Rows from before a column existed are filled with what was true of them."""

from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from apps.chat.models import Response
from apps.common.guards import create_guards, guards_lifted
from apps.contributions.models import Contribution
from apps.payouts.models import RevenueEvent
from apps.payouts.queries import find_ledger_drift
from apps.payouts.services import close_revenue_day, pull_revenue
from tests.factories import UserFactory
from tests.payouts import world
from tests.payouts.world import DAY, TOMORROW

pytestmark = pytest.mark.django_db


def fill(app: str, name: str) -> None:
    """What a data migration does, and `migrate` after it."""
    migration: Any = import_module(f"apps.{app}.migrations.{name}")
    migration.fill(apps, None)
    create_guards()


def test_older_rows_get_the_rate_they_were_shared_at_else_their_personas() -> None:
    persona = world.make_persona()
    ada = world.make_tester(persona.organization)
    first, second = (world.make_version(persona, {ada: 1}) for _ in range(2))
    shared = world.paid_runs(persona, 2, model=first)
    shared_by_nobody = world.paid_runs(persona, 1)
    before = close_revenue_day(day=DAY, by=UserFactory(), now=TOMORROW)
    world.rate(persona, "0.1")
    waiting = [*world.paid_runs(persona, 1, at=TOMORROW), *world.paid_runs(persona, 1, model=second)]
    assert pull_revenue(day=DAY) == 1
    with guards_lifted("payouts_revenueevent"), guards_lifted("responses"):
        RevenueEvent.objects.update(share_rate=0)
        Response.objects.update(share_rate=0)

    fill("chat", "0003_fill_share_rate")
    fill("payouts", "0003_fill_share_rate")

    expected = {r.pk: Decimal("0.3") for r in [*shared, *shared_by_nobody]} | {r.pk: Decimal("0.1") for r in waiting}
    assert dict(Response.objects.values_list("pk", "share_rate")) == expected
    events = dict(RevenueEvent.objects.values_list("response", "share_rate"))
    assert events == {pk: expected[pk] for pk in events}
    assert len(events) == 4
    assert find_ledger_drift() == []
    assert close_revenue_day(day=DAY, by=UserFactory(), now=TOMORROW)[:2] == before


def test_what_was_earned_in_a_currency_without_a_row_gets_one() -> None:
    persona = world.make_persona()
    ada, grace = (world.make_tester(persona.organization, name) for name in ("Ada", "Grace"))
    model = world.make_version(persona, {ada: 1, grace: 1})
    for currency in ("EUR", "USD"):
        world.paid_runs(persona, 2, model=model, currency=currency)
    close_revenue_day(day=DAY, by=UserFactory(), now=TOMORROW)
    before = sorted(Contribution.objects.values_list("tester", "currency", "earned_micros"))
    Contribution.objects.filter(currency="USD").delete()
    fill("payouts", "0005_contributions_in_other_currencies")
    assert sorted(Contribution.objects.values_list("tester", "currency", "earned_micros")) == before
    assert find_ledger_drift() == []

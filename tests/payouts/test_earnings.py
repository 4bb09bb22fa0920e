from datetime import date, timedelta
from html import unescape
from itertools import pairwise

import pytest
from django.test import Client
from django.urls import reverse

from apps.contributions.models import Tester
from apps.payouts.enums import AccountKind, TransferPurpose
from apps.payouts.models import Share
from apps.payouts.queries import balance_of, earnings_of
from apps.payouts.services import close_revenue_day, transfer
from apps.payouts.views.charts import HEIGHT, WIDTH, Point, bar_chart
from apps.personas.models import Persona
from tests.factories import NOW, UserFactory
from tests.payouts import world
from tests.payouts.world import DAY, TOMORROW

pytestmark = pytest.mark.django_db


@pytest.fixture
def persona() -> Persona:
    return world.make_persona()


@pytest.fixture
def ada(persona: Persona) -> Tester:
    return world.make_tester(persona.organization)


def page_of(client: Client, tester: Tester, address: str = "/earnings/") -> str:
    client.force_login(tester.user)
    response = client.get(address)
    assert response.status_code == 200
    return " ".join(unescape(response.content.decode()).split())


def earn(persona: Persona, tester: Tester, *, days_ago: int = 0, runs: int = 2) -> None:
    """One share of all that so many runs of a day give."""
    model = persona.custom_models.first() or world.make_version(persona, {tester: 3})
    world.paid_runs(persona, runs, model=model, at=NOW - timedelta(days=days_ago))
    close_revenue_day(day=DAY - timedelta(days=days_ago), by=UserFactory(), now=TOMORROW)


# --- the numbers ------------------------------------------------------------------------------------------------------


def test_totals_come_from_the_ledger_and_add_up(persona: Persona, ada: Tester) -> None:
    earn(persona, ada)
    earn(persona, ada, days_ago=40, runs=4)
    other = world.make_persona(organization=persona.organization)
    world.contribute(ada, other, completed=1)
    world.paid_runs(other, 1)
    close_revenue_day(day=DAY, by=UserFactory(), now=TOMORROW)
    transfer(
        debit=world.account_of(ada),
        credit=world.organization_account(ada.organization, AccountKind.PAID_OUT),
        amount_micros=10_000,
        purpose=TransferPurpose.PAYOUT,
        key="payout:1",
        by=ada.user,
        payout=world.make_payout(ada, 10_000),
    )
    world.credit(ada, 500)
    (earned,) = earnings_of(tester=ada, today=DAY)
    assert (earned.total_micros, earned.this_month_micros) == (105_000, 45_000)
    assert (earned.corrections_micros, earned.paid_out_micros, earned.balance_micros) == (500, 10_000, 95_500)
    assert earned.balance_micros == balance_of(world.account_of(ada))
    assert [(row.shares, row.amount_micros) for row in earned.by_persona] == [(2, 90_000), (1, 15_000)]
    assert [(row.month, row.amount_micros) for row in earned.by_month] == [
        (date(2026, 10, 1), 60_000),
        (date(2026, 11, 1), 45_000),
    ]


def test_currencies_are_never_mixed(persona: Persona, ada: Tester) -> None:
    model = world.make_version(persona, {ada: 1})
    world.paid_runs(persona, 1, model=model)
    world.paid_runs(persona, 2, model=model, currency="USD")
    close_revenue_day(day=DAY, by=UserFactory(), now=TOMORROW)
    assert [(e.currency, e.total_micros) for e in earnings_of(tester=ada, today=DAY)] == [
        ("EUR", 15_000),
        ("USD", 30_000),
    ]


def test_before_the_first_share_there_is_nothing(ada: Tester) -> None:
    assert earnings_of(tester=ada, today=DAY) == []


def test_months_have_no_gaps_and_are_at_most_twelve(persona: Persona, ada: Tester) -> None:
    earn(persona, ada, days_ago=100)
    (earned,) = earnings_of(tester=ada, today=DAY)
    assert [month.month.month for month in earned.by_month] == [8, 9, 10, 11]
    earn(persona, ada, days_ago=800)
    (earned,) = earnings_of(tester=ada, today=DAY)
    assert [month.month for month in earned.by_month][::11] == [date(2025, 12, 1), date(2026, 11, 1)]


def test_what_is_shown_adds_up(client: Client, persona: Persona, ada: Tester) -> None:
    """Two personas with €1.005 each are shown as €1.01 and €1.00 under a total of €2.01."""
    for chosen in (persona, world.make_persona(organization=persona.organization)):
        world.paid_runs(chosen, price=3_350_000, model=world.make_version(chosen, {ada: 1}))
    close_revenue_day(day=DAY, by=UserFactory(), now=TOMORROW)
    page = page_of(client, ada)
    table = page[page.index("By persona") : page.index("Line by line")]
    assert [part.split("<")[0] for part in table.split("€")[1:]] == ["1.01", "1.00", "2.01"]


# --- the picture ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 6, 12])
def test_bars_stay_inside_and_apart(count: int) -> None:
    chart = bar_chart([Point("Nov", value, f"€{value}") for value in range(count)])
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH and 0 < bar.y <= HEIGHT for bar in chart.bars)
    assert all(left.x + left.width < right.x for left, right in pairwise(chart.bars))
    heights = [bar.height for bar in chart.bars]
    assert heights == sorted(heights)
    assert heights[0] == 0


def test_a_tiny_value_is_still_a_line() -> None:
    tiny, _ = bar_chart([Point("Oct", 1, "€0.000001"), Point("Nov", 10**12, "€1,000,000.00")]).bars
    assert tiny.height == 1


def test_no_values_no_bars() -> None:
    assert bar_chart([]).bars == []
    assert [bar.height for bar in bar_chart([Point("Nov", 0, "€0.00")]).bars] == [0]


# --- the pages --------------------------------------------------------------------------------------------------------


def test_signing_in_comes_first(client: Client) -> None:
    for address in ("/earnings/", "/earnings/shares/1/"):
        response = client.get(address)
        assert response.status_code == 302
        assert f"next={address}" in response["Location"]


def test_a_stranger_is_told_how_to_become_a_tester(client: Client) -> None:
    client.force_login(UserFactory())
    assert "You label for no organization yet." in client.get("/earnings/").content.decode()


def test_a_tester_without_earnings_is_told_what_will_appear(client: Client, persona: Persona, ada: Tester) -> None:
    world.contribute(ada, persona, completed=30)
    page = page_of(client, ada)
    assert "Nothing earned yet" in page
    assert "You have completed 30 training tests." in page
    assert "at midnight UTC" in page
    assert reverse("review_home") in page


def test_the_page_says_what_was_earned_and_what_is_trained(client: Client, persona: Persona, ada: Tester) -> None:
    earn(persona, ada, runs=200)
    page = page_of(client, ada)
    assert page.count("€3.00") >= 4  # in all, balance, by persona, its line
    assert "never the base model of a vendor" in page  # UX9
    assert "Bank question coder v1" in page
    assert "payouts are not open yet" in page
    assert reverse("earnings_share", args=[Share.objects.get().pk]) in page


def test_the_picture_needs_no_style_and_has_its_numbers_as_a_table(
    client: Client, persona: Persona, ada: Tester
) -> None:
    earn(persona, ada)
    page = page_of(client, ada)
    assert "style=" not in page
    assert '<svg class="chart"' in page
    assert 'role="img"' in page
    assert "<caption" in page
    assert "November 2026" in page


def test_a_line_is_explained_down_to_the_rows(client: Client, persona: Persona, ada: Tester) -> None:
    earn(persona, ada, runs=200)
    share = Share.objects.get()
    page = page_of(client, ada, reverse("earnings_share", args=[share.pk]))
    assert (
        "On 20 Nov 2026, 200 paid runs of Bank question coder v1 earned €10.00; 30 % (€3.00) goes to the people whose "
        "labels trained it. You labelled 3 of its 3 training rows (weight 100.0 %), so you get €3.00."
    ) in page
    assert page.count("I cannot find my card number") == 3
    assert page.count("Lost card") == 3
    assert "style=" not in page


def test_rows_are_paged(client: Client, persona: Persona, ada: Tester) -> None:
    world.make_version(persona, {ada: 51})
    earn(persona, ada)
    address = reverse("earnings_share", args=[Share.objects.get().pk])
    assert page_of(client, ada, address).count("I cannot find my card number") == 50
    assert page_of(client, ada, f"{address}?page=2").count("I cannot find my card number") == 1
    assert "1 to 50 of 51" in page_of(client, ada, address)
    assert page_of(client, ada, f"{address}?page=nonsense").count("I cannot find my card number") == 50


def test_hostile_text_is_shown_as_text(client: Client, persona: Persona, ada: Tester) -> None:
    model = world.make_version(persona, {ada: 1})
    example = model.training_dataset.items.get().example  # type: ignore[union-attr]
    example.input = {"text": "<script>alert(1)</script>"}
    example.save()
    earn(persona, ada)
    client.force_login(ada.user)
    content = client.get(reverse("earnings_share", args=[Share.objects.get().pk])).content.decode()
    assert "<script>alert" not in content
    assert "&lt;script&gt;alert(1)" in content


def test_nobody_sees_the_share_of_someone_else(client: Client, persona: Persona, ada: Tester) -> None:
    earn(persona, ada)
    share = Share.objects.get()
    colleague = world.make_tester(persona.organization, "Grace")
    stranger = world.make_tester(world.make_persona().organization, "Mallory")
    for tester in (colleague, stranger):
        client.force_login(tester.user)
        assert client.get(reverse("earnings_share", args=[share.pk])).status_code == 404
        assert "€0.03" not in page_of(client, tester)
    assert "€0.03" in page_of(client, ada)  # so that something could have leaked


@pytest.mark.parametrize("pk", [0, 10**30])
def test_a_share_that_cannot_be_is_not_found(client: Client, ada: Tester, pk: int) -> None:
    client.force_login(ada.user)
    assert client.get(f"/earnings/shares/{pk}/").status_code == 404


def test_pages_are_read_only(client: Client, ada: Tester) -> None:
    client.force_login(ada.user)
    assert client.post("/earnings/").status_code == 405


def test_a_person_may_label_for_several_organizations(client: Client, persona: Persona, ada: Tester) -> None:
    earn(persona, ada)
    elsewhere = world.make_persona()
    second = world.make_tester(elsewhere.organization)
    second.user = ada.user
    second.save()
    earn(elsewhere, second, runs=4)
    page = page_of(client, ada)
    for organization, amount in ((persona.organization, "€0.03"), (elsewhere.organization, "€0.06")):
        assert organization.name in page
        assert amount in page


@pytest.mark.parametrize("days", [1, 3])
def test_the_page_costs_the_same_with_more_lines(
    client: Client, persona: Persona, ada: Tester, days: int, django_assert_num_queries: object
) -> None:
    for number in range(days):
        earn(persona, ada, days_ago=number)
    client.force_login(ada.user)
    with django_assert_num_queries(9):  # type: ignore[operator]  # session, user, testers, four sums, count, lines
        client.get("/earnings/")

import pytest
from rest_framework.test import APIClient

from apps.organizations.enums import Scope
from apps.payouts.services import close_revenue_day
from tests.clients import key_client
from tests.factories import MembershipFactory, UserFactory
from tests.payouts import world
from tests.payouts.world import DAY, TOMORROW

pytestmark = pytest.mark.django_db
ADDRESSES = ("/api/earnings/", "/api/earnings/shares/")


class Cast:
    """Ada and Grace label for one organization, Mallory for another; each organization had a paid day."""

    def __init__(self) -> None:
        self.persona, self.elsewhere = world.make_persona(), world.make_persona()
        self.ada, self.grace = (world.make_tester(self.persona.organization, name) for name in ("Ada", "Grace"))
        self.mallory = world.make_tester(self.elsewhere.organization, "Mallory")
        world.paid_runs(self.persona, 200, model=world.make_version(self.persona, {self.ada: 2, self.grace: 1}))
        world.paid_runs(self.elsewhere, 2, model=world.make_version(self.elsewhere, {self.mallory: 1}))
        close_revenue_day(day=DAY, by=UserFactory(), now=TOMORROW)


@pytest.fixture
def cast() -> Cast:
    return Cast()


def signed_in(user: object) -> APIClient:
    client = APIClient()
    client.force_login(user)  # type: ignore[arg-type]
    return client


def names(client: APIClient, address: str) -> list[str]:
    response = client.get(address)
    assert response.status_code == 200, response.json()
    return sorted(row["tester_name"] for row in response.json()["results"])


@pytest.mark.parametrize("address", ADDRESSES)
def test_who_sees_whose_earnings(cast: Cast, address: str) -> None:
    organization = cast.persona.organization
    member = MembershipFactory(organization=organization, role="viewer").user
    root = UserFactory(is_superuser=True)
    assert names(key_client(organization, Scope.READ), address) == ["Ada", "Grace"]
    assert names(signed_in(member), address) == ["Ada", "Grace"]
    assert names(signed_in(cast.ada.user), address) == ["Ada"]
    assert names(signed_in(cast.mallory.user), address) == ["Mallory"]
    assert names(signed_in(UserFactory()), address) == []
    assert names(signed_in(root), address) == ["Ada", "Grace", "Mallory"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_member_who_labels_elsewhere_sees_both_once(cast: Cast, address: str) -> None:
    user = cast.mallory.user
    MembershipFactory(organization=cast.persona.organization, user=user)
    assert names(signed_in(user), address) == ["Ada", "Grace", "Mallory"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_who_sees_nothing(cast: Cast, address: str) -> None:
    assert APIClient().get(address).status_code == 401
    response = key_client(cast.persona.organization, Scope.CHAT).get(address)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "permission_denied")
    assert signed_in(cast.ada.user).post(address).status_code == 405


def test_the_fields_of_earnings(cast: Cast) -> None:
    (row,) = signed_in(cast.ada.user).get("/api/earnings/").json()["results"]
    assert row == {
        "organization": cast.persona.organization.slug,
        "tester": cast.ada.pk,
        "tester_name": "Ada",
        "persona": cast.persona.slug,
        "training_tests_completed": 0,
        "contribution_weight": "0.00000000",
        "earned_micros": 2_000_000,
        "currency": "EUR",
    }


def test_each_currency_has_its_row(cast: Cast) -> None:
    world.paid_runs(cast.persona, 4, model=cast.persona.custom_models.get(), currency="USD")
    close_revenue_day(day=DAY, by=UserFactory(), now=TOMORROW)
    client = signed_in(cast.ada.user)
    rows = client.get("/api/earnings/").json()["results"]
    assert [(row["earned_micros"], row["currency"]) for row in rows] == [(40_000, "USD"), (2_000_000, "EUR")]
    page = client.get("/earnings/").content.decode()
    assert "€2.00" in page
    assert "$0.04" in page


def test_the_fields_of_a_share(cast: Cast) -> None:
    (row,) = signed_in(cast.ada.user).get("/api/earnings/shares/").json()["results"]
    assert row.pop("id")
    assert row == {
        "organization": cast.persona.organization.slug,
        "tester": cast.ada.pk,
        "tester_name": "Ada",
        "persona": cast.persona.slug,
        "model": "Bank question coder v1",
        "day": "2026-11-20",
        "run_count": 200,
        "revenue_micros": 10_000_000,
        "share_rate": "0.3000",
        "pool_micros": 3_000_000,
        "basis": "lineage",
        "rule": "lineage-1",
        "items": 2,
        "weight": 2_000_000,
        "total_weight": 3_000_000,
        "amount_micros": 2_000_000,
        "currency": "EUR",
        "explanation": (
            "On 20 Nov 2026, 200 paid runs of Bank question coder v1 earned €10.00; 30 % (€3.00) goes to the people "
            "whose labels trained it. You labelled 2 of its 3 training rows (weight 66.7 %), so you get €2.00."
        ),
    }


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_number_of_queries_does_not_grow(cast: Cast, address: str, django_assert_num_queries: object) -> None:
    for days in range(3):
        if days:
            world.paid_runs(cast.persona, 1, model=cast.persona.custom_models.get(), at=world.NOW.replace(day=days))
            close_revenue_day(day=DAY.replace(day=days), by=UserFactory(), now=TOMORROW)
        client = signed_in(cast.ada.user)
        with django_assert_num_queries(3):  # type: ignore[operator]  # session, user, rows
            client.get(address)

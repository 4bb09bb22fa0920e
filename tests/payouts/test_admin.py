import json
import re
from datetime import timedelta
from html import unescape

import pytest
from cryptography.fernet import Fernet
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from apps.contributions.enums import ExampleStatus
from apps.custom_models.enums import EvaluationStatus, JobStatus
from apps.custom_models.models import Evaluation, EvaluationArm, FineTuneJob
from apps.organizations.models import User
from apps.payouts.models import LedgerAccount, Payout, RevenueDay, RevenueEvent, Share, Transfer
from apps.payouts.services import close_revenue_day
from apps.personas.models import Persona
from tests.factories import (
    CustomModelFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonaFactory,
    TrainingExampleFactory,
    UserFactory,
)
from tests.payouts import world
from tests.payouts.world import DAY, TOMORROW

pytestmark = pytest.mark.django_db
MODELS = [RevenueEvent, RevenueDay, Share, LedgerAccount, Transfer, Payout]


def staff_of(persona: Persona) -> User:
    user: User = UserFactory(is_staff=True)
    MembershipFactory(organization=persona.organization, user=user, role="manager")
    return user


def paid_day(name: str) -> Persona:
    """A closed day of this month and a payout, for a tester of that name."""
    persona = world.make_persona()
    tester = world.make_tester(persona.organization, name)
    now = timezone.now()
    world.paid_runs(persona, 20, model=world.make_version(persona, {tester: 2}), at=now)
    close_revenue_day(day=now.date(), by=UserFactory(), now=now + timedelta(days=1))
    world.make_payout(tester, 1_000)
    return persona


def text_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, (address, response.status_code)
    return " ".join(unescape(response.content.decode()).split())


# --- the books --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_lists_show_only_the_own_organization(client: Client, model: type) -> None:
    mine, _ = paid_day("Ada"), paid_day("Mallory")
    client.force_login(staff_of(mine))
    options = model._meta  # type: ignore[attr-defined]
    address = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    page = text_of(client, address)
    assert "Mallory" not in page
    rows = client.get(address).context["cl"].queryset
    assert set(rows.values_list("organization", flat=True)) == {mine.organization_id}
    foreign = model.objects.exclude(organization=mine.organization).first()  # type: ignore[attr-defined]
    change = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[foreign.pk])
    assert client.get(change).status_code == 302  # "perhaps it was deleted?"
    own = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[rows.first().pk])
    assert client.get(own).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_nobody_adds_changes_or_deletes_here(client: Client, model: type) -> None:
    paid_day("Ada")
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    options = model._meta  # type: ignore[attr-defined]
    row = model.objects.first()  # type: ignore[attr-defined]
    name = f"admin:{options.app_label}_{options.model_name}"
    assert client.post(reverse(f"{name}_add")).status_code == 403
    assert client.post(reverse(f"{name}_change", args=[row.pk]), {"currency": "USD"}).status_code == 403
    assert client.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


def test_revenue_is_listed_whatever_became_of_the_key_to_its_answers(client: Client) -> None:
    persona = world.make_persona()
    with override_settings(FIELD_ENCRYPTION_KEYS=[Fernet.generate_key().decode()]):
        (response,) = world.paid_runs(persona)
    close_revenue_day(day=DAY, by=UserFactory(), now=TOMORROW)
    client.force_login(staff_of(persona))
    assert response.public_id in text_of(client, "/admin/payouts/revenueevent/")


def test_balances_are_sums_and_sort(client: Client) -> None:
    paid_day("Ada")
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = text_of(client, reverse("admin:payouts_ledgeraccount_changelist") + "?o=3")
    assert page.index("-€1.00") < page.index("€0.30") < page.index("€0.70")


def test_a_share_explains_itself(client: Client) -> None:
    paid_day("Ada")
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = text_of(client, reverse("admin:payouts_share_change", args=[Share.objects.get().pk]))
    assert "so you get €0.30." in page


def test_the_payout_list_says_that_there_are_no_payouts_yet(client: Client) -> None:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    assert "Payouts cannot be made yet" in text_of(client, reverse("admin:payouts_payout_changelist"))


@pytest.mark.parametrize("model", MODELS)
def test_lists_cost_the_same_with_more_rows(client: Client, model: type, django_assert_max_num_queries: object) -> None:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    options = model._meta  # type: ignore[attr-defined]
    address = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    for _ in range(3):
        paid_day("Ada")
        with django_assert_max_num_queries(14):  # type: ignore[operator]
            client.get(address)


# --- the front page ---------------------------------------------------------------------------------------------------


def evaluate(persona: Persona) -> None:
    model = persona.custom_models.get()
    model.is_active = True
    model.save()
    evaluation = Evaluation.objects.create(
        organization=persona.organization, persona=persona, candidate=model, status=EvaluationStatus.COMPLETED,
        started_by="test",
    )  # fmt: skip
    for version, name, right in ((None, "recall-1", 0.0), (model, "ft:1", 0.875)):
        EvaluationArm.objects.create(
            evaluation=evaluation, custom_model=version, model_name=name, answered=200, accuracy=right,
            interval_low=right - 0.04 if right else 0, interval_high=right + 0.04,
        )  # fmt: skip


def start_job(persona: Persona, status: JobStatus, **fields: object) -> FineTuneJob:
    model = persona.custom_models.get()
    return FineTuneJob.objects.create(
        organization=persona.organization, persona=persona, dataset=model.training_dataset,
        base_model=persona.base_model, provider="openai", client_reference=f"job-{status}", status=status,
        started_by="test", training_sha256="0" * 64, **fields,
    )  # fmt: skip


def test_the_front_page_of_an_empty_installation(client: Client) -> None:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = text_of(client, reverse("admin:index"))
    for sentence in (
        "0 awaiting labels", "0 drafts", "no closed day with paid runs yet", "No job is open.",
        "Every persona answers with its base model.",
    ):  # fmt: skip
        assert sentence in page


def test_the_front_page_shows_the_wheel(client: Client) -> None:
    persona = paid_day("Ada")
    TrainingExampleFactory(persona=persona)
    TrainingExampleFactory(persona=persona, status=ExampleStatus.DISPUTED)
    evaluate(persona)
    start_job(persona, JobStatus.RUNNING)
    start_job(persona, JobStatus.FAILED, error_message="Line 7 is not JSON.")
    client.force_login(staff_of(persona))
    page = text_of(client, reverse("admin:index"))
    for sentence in (
        "1 awaiting labels, 1 where labels disagree",
        "0 drafts; enough examples for 0 of 1 persona",
        "with testers, of €1.00 earned",
        "Step 6 of 7",
        "Line 7 is not JSON.",
        "Right in <strong>87.5 %</strong> of 200 test examples",
        "(95 % interval 83.5 to 91.5 %); the base model in 0.0 %.",
    ):
        assert sentence in page
    chart = json.loads(client.get(reverse("admin:index")).context["shared_chart"])
    today = timezone.now().day
    assert chart["labels"] == [str(day) for day in range(1, today + 1)]
    assert chart["datasets"][0]["data"] == [0] * (today - 1) + [0.3]


def test_the_front_page_shows_nothing_of_others(client: Client) -> None:
    mine, other = paid_day("Ada"), paid_day("Mallory")
    evaluate(other)
    start_job(other, JobStatus.RUNNING)
    client.force_login(staff_of(mine))
    context = client.get(reverse("admin:index")).context
    front = context["front"]
    assert (front.published, front.models, front.jobs) == (1, [], [])
    assert sum(front.examples.values()) == 2
    assert [month.shared_micros for month in front.shared] == [300_000]


def test_the_front_page_counts_every_active_version_and_shows_ten(client: Client) -> None:
    organization = OrganizationFactory()
    for number in range(11):
        persona = PersonaFactory(organization=organization, name=f"Persona {number:02}")
        CustomModelFactory(persona=persona, is_active=True)
    client.force_login(staff_of(persona))
    page = text_of(client, reverse("admin:index"))
    assert re.search(r"Active versions\s*</\w+>\s*<[^>]+>\s*11\b", page)
    assert ("Persona 09" in page, "Persona 10" in page) == (True, False)
    assert "The first 10 of 11." in page
    assert "?is_active__exact=1" in page


@pytest.mark.parametrize("turns", [1, 3])
def test_the_front_page_costs_the_same_with_more_to_show(
    client: Client, turns: int, django_assert_num_queries: object
) -> None:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    for _ in range(turns):
        evaluate(paid_day("Ada"))
    with django_assert_num_queries(10):  # type: ignore[operator]  # session, user, eight for the cards
        client.get(reverse("admin:index"))

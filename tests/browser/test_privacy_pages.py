"""The pages by which people have their data deleted, and staff let data leave: looked at on a phone and a desktop."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from apps.common.audit import SYSTEM
from apps.contributions.models import Tester, TrainingExample, Withdrawal
from apps.contributions.services import erase_withdrawal, protect_name, withdraw_examples
from apps.custom_models.models import CustomModel
from apps.datasets.models import TrainingDataset
from apps.organizations.models import User
from tests.browser.conftest import WIDTHS, Visitor
from tests.datasets.world import accept, accept_many, build, label, publish
from tests.factories import MembershipFactory, PersonaFactory, TesterFactory, UserFactory


@pytest.fixture
def ada(live_server: LiveServer) -> Tester:
    assert live_server.url
    persona = PersonaFactory(organization__name="Harbour Bank", name="Bank question coder")
    ada: Tester = TesterFactory(
        organization=persona.organization, display_name="Ada Byron", user__email="ada@mail.example",
        payout_details={"iban": "DE1"},
    )  # fmt: skip
    MembershipFactory(
        organization=persona.organization, role="owner", user=UserFactory(email="olga@harbour.example", is_staff=True)
    )
    for example in accept_many(persona, 30):
        label(example, [ada])
    accept(persona, text="I am Thaddeus Quimby, write to tq@mail.example or call +44 20 7946 0958")
    protect_name(organization=persona.organization, kind="business", value="Zebulon Works", by=SYSTEM)
    dataset = publish(build(persona, name="Bank questions 1"))
    build(persona, name="Bank questions 2")
    CustomModel.objects.create(
        organization=persona.organization, persona=persona, number=1, name="v1", base_model=persona.base_model,
        provider="openai", fine_tuned_model_id="ft:recall-1:bank::1", training_dataset=dataset,
    )  # fmt: skip
    taken = TrainingExample.objects.order_by("pk")[0]
    now = timezone.now()
    erase_withdrawal(
        withdrawal=withdraw_examples(
            organization=persona.organization, example_ids=[taken.pk], by=SYSTEM, now=now, reason="A customer asked."
        ),
        now=now,
    )
    return ada


def _admin_pages(ada: Tester) -> list[str]:
    example, withdrawal = TrainingExample.objects.latest("pk"), Withdrawal.objects.latest("pk")
    draft, published = (TrainingDataset.objects.get(name=f"Bank questions {number}") for number in (2, 1))
    lists = ("withdrawal", "protectedname", "trainingexample")
    return [
        *[reverse(f"admin:contributions_{name}_changelist") for name in lists],
        reverse("admin:contributions_withdrawal_change", args=[withdrawal.pk]),
        reverse("admin:contributions_withdrawal_take_everything_back"),
        reverse("admin:contributions_protectedname_add"),
        reverse("admin:contributions_trainingexample_take_back_this", args=[example.pk]),
        reverse("admin:contributions_tester_take_back_this", args=[ada.pk]),
        reverse("admin:datasets_trainingdataset_publish_this", args=[draft.pk]),
        reverse("admin:datasets_trainingdataset_changelist"),
        reverse("admin:datasets_trainingdataset_change", args=[published.pk]),
        reverse("admin:custom_models_custommodel_changelist"),
    ]


def test_the_pages_of_privacy_can_be_looked_at(ada: Tester, visitor: Callable[[str], Visitor]) -> None:
    problems = []
    pages = _admin_pages(ada)
    for window in WIDTHS:
        tester, staff = visitor(window), visitor(window)
        tester.sign_in(ada.user)
        tester.visit(f"/your-data/{ada.organization.slug}/")
        staff.sign_in(User.objects.get(email="olga@harbour.example"))
        for page in pages:
            staff.visit(page)
        problems += [*tester.problems, *staff.problems]
    assert "\n".join(problems) == ""


def test_a_tester_has_their_data_deleted(ada: Tester, visitor: Callable[[str], Visitor]) -> None:
    tester = visitor("phone")
    tester.sign_in(ada.user)
    tester.visit("/review/")
    page = tester.page
    page.get_by_role("link", name="Your data").click()
    page.get_by_label("Type “delete my data” to confirm").fill("delete my data")
    page.get_by_role("button", name="Delete my data").click()
    page.get_by_role("heading", name="You had your data deleted").wait_for()
    assert page.get_by_text("A model cannot be un-trained").count() == 1
    tester.visit(f"/your-data/{ada.organization.slug}/")
    assert "\n".join(tester.problems) == ""
    ada.refresh_from_db()
    assert ada.status == "withdrawn"

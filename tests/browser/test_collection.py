"""What has come in, and what of it is nearly the same, as staff see it on a phone and on a desktop."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from apps.common.audit import SYSTEM
from apps.contributions.models import TrainingExample
from apps.contributions.services import find_near_duplicates, request_duplicate_search
from apps.organizations.models import User
from apps.personas.models import Persona
from tests.browser.conftest import WIDTHS, Visitor
from tests.factories import NOW, MembershipFactory, PersonaFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db(transaction=True)
COLLECTION = reverse("admin:contributions_trainingexample_collection")
CARD = "My card has not arrived yet, although I ordered it two weeks ago. Where is it now, and who has it?"
ACCEPTED = {
    "status": "accepted", "accepted_label": {"code": "lost_card"}, "category": "lost_card", "accepted_at": NOW,
    "accepted_by": "staff", "quality_score": 1, "quality_points": 0,
}  # fmt: skip


def _staff(persona: Persona) -> User:
    user: User = MembershipFactory(organization=persona.organization, user__is_staff=True).user
    return user


def _bring_in(persona: Persona) -> None:
    for number in range(60):
        given = ACCEPTED if number % 3 else {"source": "chat", "quality_score": "0.3", "outcome": "accepted_with_edits"}
        example = TrainingExampleFactory(persona=persona, **given)
        earlier = timezone.now() - timedelta(days=number * number / 130)
        TrainingExample.objects.filter(pk=example.pk).update(created_at=earlier)


@pytest.mark.parametrize("window", list(WIDTHS))
def test_what_has_come_in(visitor: Callable[[str], Visitor], window: str) -> None:
    persona = PersonaFactory(name="Question coder")
    _bring_in(persona)
    PersonaFactory(organization=persona.organization, name="Somebody who talks", task="conversation", settings={})
    one = visitor(window)
    one.sign_in(_staff(persona))
    one.visit(COLLECTION)
    page = one.page
    expect(page.get_by_text("60 in 30 days, 60 in all")).to_be_visible()
    expect(page.get_by_role("img", name="Examples that came in each day")).to_be_visible()
    page.get_by_label("Days").select_option("7")
    page.get_by_label("Persona").select_option(label="Somebody who talks")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Nothing has come in yet")).to_be_visible()
    one.look("collection-of-nothing")
    page.get_by_label("Persona").select_option(label="Question coder")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Build a dataset").click()
    expect(page.locator("select[name=persona]")).to_have_value(str(persona.pk))
    assert one.problems == []


@pytest.mark.parametrize("window", list(WIDTHS))
def test_what_is_nearly_the_same(visitor: Callable[[str], Visitor], window: str) -> None:
    persona = PersonaFactory(name="Question coder")
    for text in (CARD, CARD.replace("has not", "hasn't"), CARD.replace("two", "three"), "Something else"):
        TrainingExampleFactory(persona=persona, input={"text": text}, **ACCEPTED)
    search = request_duplicate_search(persona=persona, by=SYSTEM, now=NOW)
    find_near_duplicates(search=search, now=NOW)
    one = visitor(window)
    one.sign_in(_staff(persona))
    one.visit(reverse("admin:contributions_duplicatesearch_changelist"))
    one.page.get_by_role("link", name="2 examples").click()
    one.look("duplicates")
    expect(one.page.locator("del", has_text="two")).to_be_visible()
    one.page.get_by_role("checkbox").first.uncheck()
    one.page.get_by_role("button", name="Keep as different").click()
    expect(one.page.get_by_text("1 example kept apart from now on.")).to_be_visible()
    one.page.get_by_role("button", name="Reject the newer").click()
    expect(one.page.get_by_text("No examples are nearly the same.")).to_be_visible()
    one.look("duplicates-none")
    assert one.problems == []

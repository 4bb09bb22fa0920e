"""A tester's whole visit: the code from the e-mail, one label, the earnings, and out again."""

import re
from collections.abc import Callable

import pytest
from django.core import mail
from django.core.cache import cache
from playwright.sync_api import expect

from apps.contributions.models import Label
from tests.browser.conftest import WIDTHS, Visitor
from tests.factories import PersonaFactory, TesterFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db(transaction=True)


def _mailed_code() -> str:
    found = re.search(r"^\s*([A-Z0-9]{4}-[A-Z0-9]{4})\s*$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found, mail.outbox[-1].body
    return found[1]


@pytest.mark.parametrize("window", WIDTHS)
def test_signing_in_by_code_to_label_and_see_what_it_earned(visitor: Callable[[str], Visitor], window: str) -> None:
    cache.clear()  # codes are mailed three times a minute
    persona = PersonaFactory()
    TrainingExampleFactory.create_batch(2, persona=persona)
    TesterFactory(organization=persona.organization, user__email="ada@example.org")
    someone = visitor(window)
    page = someone.page
    heading = page.get_by_role("heading", level=1)

    someone.visit("/")
    page.click("text=Sign in with an e-mailed code")
    page.fill("input[name=email]", "ada@example.org")
    page.keyboard.press("Enter")
    expect(heading).to_have_text("Enter your code")
    someone.look("accounts login code confirm")
    expect(page.get_by_label("Code")).to_be_focused()
    page.keyboard.type("AAAA-AAAA")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Code")).to_have_accessible_description(re.compile("not the code in the newest e-mail"))
    someone.look("accounts login code wrong")
    page.get_by_label("Code").fill(_mailed_code())
    page.keyboard.press("Enter")

    expect(heading).to_have_text(persona.name)
    expect(page.get_by_role("status")).to_have_text("You are signed in.")
    page.wait_for_load_state()  # only then the page listens to the keyboard
    before = page.inner_text("blockquote")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator("blockquote")).not_to_have_text(before)
    assert Label.objects.get().payload == {"code": "lost_card"}
    page.get_by_role("link", name="Earnings").click()
    expect(heading).to_have_text("Your earnings")
    expect(page.locator("main")).to_contain_text("You have completed 1 training test.")
    someone.look("earnings of a beginner")

    someone.visit("/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
    someone.visit("/accounts/inactive/")
    expect(heading).to_have_text("This account is not active")
    assert someone.problems == []

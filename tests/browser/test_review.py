"""The review desk as testers use it: with a keyboard, with a thumb, and without scripts."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.contributions.models import Label, Tester, TrainingExample
from apps.personas.models import Persona
from tests.browser.conftest import Visitor
from tests.factories import PersonaFactory, TesterFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db(transaction=True)
DESK = "/review/bank/coder/"
CODES = [{"code": f"code_{n}", "title": f"Title {n}", "description": f"About matter {n}."} for n in range(1, 21)]


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(slug="coder", organization__slug="bank", settings={"codes": CODES})
    TrainingExampleFactory.create_batch(4, persona=persona)
    return persona


@pytest.fixture
def tester(persona: Persona) -> Tester:
    tester: Tester = TesterFactory(organization=persona.organization)
    return tester


def _open(someone: Visitor, tester: Tester) -> Page:
    """The desk, without a screenshot yet: taking one leaves a style attribute behind, which htmx would copy."""
    someone.sign_in(tester.user)
    someone.page.goto(someone.base_url + DESK, wait_until="networkidle")
    return someone.page


def _next(page: Page, act: Callable[[], Any]) -> None:
    """Do something, and wait until another example is on the screen."""
    before = page.inner_text("blockquote")
    act()
    page.wait_for_function("text => document.querySelector('blockquote')?.innerText !== text", arg=before)


def test_labelling_with_the_keyboard_alone(tester: Tester, visitor: Callable[[str], Visitor]) -> None:
    someone = visitor("desktop")
    page = _open(someone, tester)
    page.keyboard.press("3")
    _next(page, lambda: page.keyboard.press("Enter"))
    expect(page.locator("#question")).to_be_focused()  # a screen reader goes on from there
    page.keyboard.press("/")
    page.keyboard.type("title 17")
    expect(page.locator("[data-choice]:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    _next(page, lambda: page.keyboard.press("Enter"))
    page.keyboard.press("/")
    page.keyboard.type("matter 20")  # in no title: descriptions are searched then
    page.keyboard.press("Enter")
    _next(page, lambda: page.keyboard.press("Enter"))
    said = [label.payload["code"] for label in Label.objects.order_by("pk")]
    assert said == ["code_3", "code_17", "code_20"]
    expect(page.locator("header.page-head")).to_contain_text("3 labelled today, 1 left")
    assert someone.problems == []


def test_labelling_and_skipping_on_a_phone(tester: Tester, visitor: Callable[[str], Visitor]) -> None:
    someone = visitor("phone")
    page = _open(someone, tester)
    page.click("text=Title 12")
    meaning = page.locator("#codes").get_by_text("About matter 12.")
    expect(meaning).to_be_visible()  # shown once the code is chosen
    save = page.locator("button:has-text('Save and next')").bounding_box()
    assert save is not None
    assert save["y"] < 900  # in reach, though twenty codes are longer than the window
    _next(page, lambda: page.click("text=Save and next"))
    _next(page, lambda: page.click("text=I cannot tell"))
    assert Label.objects.get().payload == {"code": "code_12"}
    assert TrainingExample.objects.filter(leased_to=None, leased_until__isnull=False).count() == 1
    someone.look(DESK)
    assert someone.problems == []


def test_everything_works_without_scripts(tester: Tester, browser: Browser, live_server: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    someone = Visitor(context.new_page(), live_server.url, "desktop")
    page = _open(someone, tester)
    assert not page.is_visible("#find-code")
    page.check("input[value=code_5]")
    page.click("text=Save and next")
    expect(page.locator("header.page-head")).to_contain_text("1 labelled today, 3 left")
    assert Label.objects.get().payload == {"code": "code_5"}
    context.close()

"""Getting about with the keyboard alone. On every page that is visited, accessibility.js looks at the rest."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.factories import PersonaFactory, TesterFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db(transaction=True)

# Where the keyboard is: a word for it, and how thick a line is around it (a choice draws it around its label).
WHERE = """() => {
  const here = document.activeElement;
  const style = getComputedStyle(here.closest('.choice') ?? here);
  const name = here === document.body ? '' : here.innerText.split('\\n')[0] || here.name;
  return [name, style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth)];
}"""


def _walk(page: Page) -> list[str]:
    """Every stop of the Tab key, each of which has to be seen."""
    stops: list[str] = []
    page.keyboard.press("Tab")
    while (here := page.evaluate(WHERE))[0] and len(stops) < 60:
        stop, line = here
        assert line >= 2, stop
        stops.append(stop)
        page.keyboard.press("Tab")
    return stops


def test_the_keyboard_is_always_seen(visitor: Callable[[str], Visitor]) -> None:
    persona = PersonaFactory(guidelines="Read twice.")
    TrainingExampleFactory(persona=persona)
    someone = visitor("desktop")
    someone.visit("/accounts/login/")
    top = ["Skip to the content", "Flywheel"]
    assert _walk(someone.page) == [*top, "API docs", "Sign in", "email", "Send me a code", "admin", "API docs"]
    someone.sign_in(TesterFactory(organization=persona.organization).user)
    someone.visit("/review/")
    decide = ["all desks and your numbers", "Keys", "code", "Save and next"]
    aside = ["I cannot tell", "Something is wrong with it", "Guidelines", "Codebook: all 3 codes"]
    assert _walk(someone.page) == [
        *top, "Review", "Earnings", "Your data", "Sign out", *decide, *aside, "API docs",
    ]  # fmt: skip


def test_one_can_skip_to_the_content(visitor: Callable[[str], Visitor]) -> None:
    someone = visitor("phone")
    someone.visit("/")
    link = someone.page.get_by_role("link", name="Skip to the content")
    expect(link).not_to_be_in_viewport()
    someone.page.keyboard.press("Tab")
    expect(link).to_be_in_viewport()
    someone.page.keyboard.press("Enter")
    expect(someone.page.locator("main")).to_be_focused()
    assert someone.problems == []

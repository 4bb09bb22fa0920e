"""The label forms that are more than a choice of one: reports of websites and roasts, as testers fill them in."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from apps.contributions.models import Label, Tester, TrainingExample
from apps.personas.tasks import TASKS
from tests.browser.conftest import Visitor
from tests.factories import PersonaFactory, TesterFactory, TrainingExampleFactory
from tests.personas.tasks.samples import SAMPLES

pytestmark = pytest.mark.django_db(transaction=True)
DESK = "/review/bank/ada/"


def _tester_of(task: str) -> Tester:
    """Two examples of the task are waiting: the desk goes on to the second, and nothing is said of that one."""
    sample = SAMPLES[task]
    settings = TASKS.get(task).clean_settings(sample.settings)
    persona = PersonaFactory(task=task, slug="ada", organization__slug="bank", settings=settings)
    TrainingExampleFactory.create_batch(2, persona=persona, kind=task, input=sample.input, output=sample.output)
    tester: Tester = TesterFactory(organization=persona.organization)
    return tester


def _open(someone: Visitor, tester: Tester) -> Page:
    someone.sign_in(tester.user)
    someone.page.goto(someone.base_url + DESK, wait_until="networkidle")
    return someone.page


def _saved(page: Page) -> dict[str, object]:
    expect(page.locator("header.page-head")).to_contain_text("1 labelled today, 1 left")
    payload: dict[str, object] = Label.objects.get().payload
    return payload


def test_a_report_is_verified_with_the_keyboard(visitor: Callable[[str], Visitor]) -> None:
    someone = visitor("desktop")
    page = _open(someone, _tester_of("ux_test"))
    expect(page.locator("[name=confirmed_issues]:checked")).to_have_count(2)
    page.keyboard.press("1")
    page.keyboard.press("2")
    expect(page.locator("[name=confirmed_issues]:checked")).to_have_count(0)
    page.keyboard.press("1")  # a checkbox that has the focus is no field to type in
    expect(page.locator("[name=confirmed_issues]:checked")).to_have_count(1)
    page.fill("[name=missed_issues]", "medium: The total is shown without tax")
    page.check(".rating input[value='4']")
    page.click("text=Save and next")
    assert _saved(page) == SAMPLES["ux_test"].label
    someone.look(f"{DESK}ux_test")
    assert someone.problems == []


def test_a_report_is_verified_with_a_thumb(visitor: Callable[[str], Visitor]) -> None:
    someone = visitor("phone")
    page = _open(someone, _tester_of("ux_test"))
    TrainingExample.objects.update(output=None)
    page.reload(wait_until="networkidle")
    page.check("text=I tried it, and nothing is wrong")
    page.click("text=Save and next")
    assert _saved(page) == {
        "confirmed_issues": [], "missed_issues": [], "false_positives": [],
        "rating": None, "sentiment": None, "recommendations": [],
    }  # fmt: skip
    someone.look(f"{DESK}ux_test")
    assert someone.problems == []


@pytest.mark.parametrize("window", ["phone", "desktop"])
def test_a_roast_is_made_better(window: str, visitor: Callable[[str], Visitor]) -> None:
    someone = visitor(window)
    page = _open(someone, _tester_of("roast"))
    assert page.input_value("[name=text]") == SAMPLES["roast"].output["text"]
    page.fill("[name=text]", "Two words:\nwatch again.")
    page.click("text=Save and next")
    assert _saved(page) == {"text": "Two words:\nwatch again."}
    someone.look(f"{DESK}roast")
    assert someone.problems == []

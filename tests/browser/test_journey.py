"""A manager turns the wheel from the admin alone: build, publish, train, evaluate, activate, go back."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from apps.common import jobs
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import FineTuneJob
from apps.custom_models.queries import live_model
from apps.custom_models.services import poll_fine_tune
from apps.payouts.management.turn import steps
from apps.payouts.management.turn.house import House, furnish
from apps.payouts.management.turn.sample import own_sample
from tests.browser.conftest import WIDTHS, Visitor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def house(live_server: object) -> House:  # noqa: ARG001  (its tables are emptied after each test)
    """People, a persona and labelled examples; no dataset yet."""
    sample = own_sample()
    house = furnish(sample, now=timezone.now())
    steps.bring_in(house, sample, say=str)
    return house


def _work() -> None:
    """What the worker does meanwhile."""
    jobs.drain()
    for job in FineTuneJob.objects.filter(status__in=JobStatus.remote()):
        for _ in range(5):
            poll_fine_tune(job=job, now=timezone.now(), is_forced=True)
            jobs.drain()


def _follow(page: Page, name: str) -> None:
    """Click a link; in a narrow window those of a row's own page are in a menu."""
    page.wait_for_load_state()
    link, menu = page.get_by_role("link", name=name, exact=True).first, page.get_by_role("button", name="Actions")
    if menu.is_visible() and not link.is_visible():
        menu.click()
    link.click()


@pytest.mark.slow
@pytest.mark.parametrize("window", WIDTHS)
def test_the_wheel_turns_from_the_admin_alone(house: House, visitor: Callable[[str], Visitor], window: str) -> None:
    someone = visitor(window)
    someone.sign_in(house.admin)
    page = someone.page
    page.goto(f"{someone.base_url}/admin/personas/persona/{house.persona.pk}/change/")

    _follow(page, "Build dataset")
    page.fill("input[name=name]", "November")
    page.click("button:has-text('Preview')")
    expect(page.locator("body")).to_contain_text("to train on")
    page.click("form button:has-text('Build dataset')")
    _follow(page, "Publish")
    expect(page.get_by_role("heading", name="Publish for ever?")).to_be_visible()
    page.get_by_label("I have looked").check()
    page.click("form button:has-text('Publish')")
    expect(page.locator("body")).to_contain_text("November is published.")

    _follow(page, "Start fine-tuning")
    page.click("button:has-text('Show the numbers')")
    expect(page.locator("body")).to_contain_text("to be trained")
    page.click("form button:has-text('Start fine-tuning')")
    expect(page.locator("body")).to_contain_text("is started.")
    _work()
    page.reload()
    expect(page.locator("body")).to_contain_text("Succeeded")

    _follow(page, "Evaluate")
    page.click("form button:has-text('Evaluate')")
    expect(page.locator("body")).to_contain_text("The evaluation is running.")
    _work()
    page.reload()
    expect(page.locator("body")).to_contain_text("Completed")

    _follow(page, f"{house.persona} v1")
    _follow(page, "Activate")
    expect(page.locator("body")).to_contain_text("95 % interval")
    page.click("form button:has-text('Activate')")
    expect(page.locator("body")).to_contain_text("Custom model activated!")
    assert live_model(persona=house.persona) is not None
    _follow(page, "Deactivate")
    page.click("form button:has-text('Deactivate')")
    expect(page.locator("body")).to_contain_text("Reverted to generic model")
    assert live_model(persona=house.persona) is None
    assert someone.problems == []

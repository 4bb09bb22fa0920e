"""What a person sees when something goes wrong: words and a way back, in both windows."""

from collections.abc import Callable

import pytest
from django.core.cache import cache
from playwright.sync_api import expect
from pytest_django import Settings

from tests.browser.conftest import WIDTHS, Visitor
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.common.urls_of_errors")]


def _sees(someone: Visitor, heading: str) -> None:
    expect(someone.page.get_by_role("heading", level=1)).to_have_text(heading)
    someone.page.get_by_role("link", name="Go to the front page").click()
    expect(someone.page.get_by_role("heading", level=1)).to_contain_text("The people who teach a model")


@pytest.mark.parametrize("window", WIDTHS)
def test_pages_that_fail(visitor: Callable[[str], Visitor], window: str) -> None:
    someone = visitor(window)
    for path, status, heading in [
        ("/misread/", 400, "This request cannot be understood"),
        ("/refused/", 403, "This page is not for your account"),
        ("/nowhere/", 404, "There is nothing at this address"),
        ("/broken/", 500, "Something broke on our side"),
    ]:
        someone.visit(path, status=status)
        _sees(someone, heading)
    assert someone.problems == []


@pytest.mark.parametrize("window", WIDTHS)
def test_forms_that_fail(visitor: Callable[[str], Visitor], window: str, settings: Settings) -> None:
    settings.AXES_FAILURE_LIMIT = 1
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    cache.clear()
    someone = visitor(window)
    page = someone.page

    someone.visit("/accounts/login/")
    page.context.clear_cookies()
    page.fill("input[name=email]", "ada@example.org")
    someone.expect_status(403)
    page.click("text=Send me a code")
    someone.look("form expired")
    _sees(someone, "This form has expired")

    someone.visit("/admin/login/")
    page.fill("input[name=username]", "ada@example.org")
    page.fill("input[name=password]", "wrong")
    someone.expect_status(429)
    page.click("button:has-text('Log in')")
    someone.look("locked out")
    _sees(someone, "Too many wrong passwords")
    assert someone.problems == []


@pytest.mark.parametrize("window", WIDTHS)
def test_staff_without_an_organization_are_told_whom_to_ask(visitor: Callable[[str], Visitor], window: str) -> None:
    someone = visitor(window)
    someone.sign_in(UserFactory(is_staff=True))
    someone.visit("/admin/personas/persona/", status=403)
    _sees(someone, "This page is not for your account")
    assert someone.problems == []

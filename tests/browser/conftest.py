"""A headless Chromium that looks at the pages: Debian's, found by path; nothing is downloaded."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, expect

from apps.organizations.models import User

# Playwright keeps an event loop in this thread; the ORM is only used between its calls.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

CHROMIUM = shutil.which("chromium") or ""
WIDTHS = {"phone": 390, "desktop": 1280}
SCHEMES: dict[str, Literal["dark", "light"]] = {"phone": "dark", "desktop": "light"}  # every page is seen in both
TALLEST = 5000  # pixels of a screenshot: of a longer page, the first window tells as much
# Values of an admin list that need more room than their cell gives them.
CUT_OFF = """[...document.querySelectorAll('.data-row > *')]
  .filter(cell => cell.scrollHeight > cell.clientHeight + 1 || cell.scrollWidth > cell.clientWidth + 1)
  .slice(0, 3).map(cell => cell.innerText)"""
expect.set_options(timeout=30_000)  # milliseconds: a machine that is busy with other tests answers late, not wrongly
ACCESSIBILITY = (Path(__file__).parent / "accessibility.js").read_text()
SCREENSHOTS = Path(settings.VAR_DIR) / "screenshots"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            if not CHROMIUM:
                item.add_marker(pytest.mark.skip(reason="no chromium here: apt-get install chromium"))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    return {
        "executable_path": CHROMIUM,
        "args": ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
    }


class Visitor:
    """One person at one window, who notices what a person would: errors, things cut off, requests to elsewhere."""

    def __init__(self, page: Page, base_url: str, window: str) -> None:
        self.page, self.base_url, self.window = page, base_url, window
        self.problems: list[str] = []
        self._expected = 200
        page.on("console", lambda message: self._note(self._is_amiss(message), f"console: {message.text}"))
        page.on("pageerror", lambda error: self._note(True, f"script: {error}"))
        page.on("request", lambda request: self._note(self._is_foreign(request.url), f"request to {request.url}"))

    def _note(self, bad: bool, text: str) -> None:
        if bad:
            self.problems.append(f"{self.window} {self.page.url}: {text}")

    def _is_foreign(self, url: str) -> bool:
        return not url.startswith((self.base_url, "data:", "blob:", "about:"))

    def _is_amiss(self, message: ConsoleMessage) -> bool:
        """An error; but that a page answers as it should, with a status of 404, say, is none."""
        return message.type == "error" and f"with a status of {self._expected} " not in message.text

    def expect_status(self, status: int) -> None:
        """What the next page is to answer with."""
        self._expected = status

    def visit(self, path: str, *, status: int = 200) -> None:
        """Open a page, which is to answer with `status`, and look at it."""
        self.expect_status(status)
        # Half a second of silence is long, a hundred times: only the page that fetches what it shows is waited for so.
        until: Literal["load", "networkidle"] = "networkidle" if path.startswith("/api/docs") else "load"
        response = self.page.goto(self.base_url + path, wait_until=until)
        self._note(response is None or response.status != status, f"status {response and response.status}")
        self.look(path)

    def look(self, name: str) -> None:
        """Keep a screenshot for human eyes, and note a page that is wider than its window, and what is cut off."""
        too_wide = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        self._note(too_wide > 1, f"is {too_wide} px wider than the window")
        self._note(bool(cut_off := self.page.evaluate(CUT_OFF)), f"cut off: {cut_off}")
        if self.page.locator(".site-header").count():  # the admin and the API's description are other people's work
            for problem in self.page.evaluate(ACCESSIBILITY):
                self._note(True, problem)
        file_name = name.strip("/").replace("/", "-").replace("?", "-").replace(" ", "-") or "landing"
        height = self.page.evaluate("document.documentElement.scrollHeight")
        self.page.screenshot(path=SCREENSHOTS / self.window / f"{file_name}.jpeg", full_page=height <= TALLEST)

    def sign_in(self, user: User) -> None:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        self.page.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": cookie.value, "url": self.base_url}]
        )


@pytest.fixture
def visitor(browser: Browser, live_server: Any) -> Iterator[Callable[[str], Visitor]]:
    """``visitor("phone")``: a new window of that width."""
    contexts = []

    def open_window(window: str) -> Visitor:
        size: ViewportSize = {"width": WIDTHS[window], "height": 900}
        context = browser.new_context(viewport=size, color_scheme=SCHEMES[window])
        contexts.append(context)
        return Visitor(context.new_page(), live_server.url, window)

    yield open_window
    for context in contexts:
        context.close()

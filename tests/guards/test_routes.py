"""Walks every route as a stranger: each one is public on purpose, or refuses."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlparse

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.utils.regex_helper import normalize

pytestmark = pytest.mark.django_db

# What a stranger may see, and why.
PUBLIC = {
    "/": "the landing page",
    "/healthz": "liveness, asks nothing",
    "/readyz": "readiness, tells no secret",
    "/metrics": "open in development only: closed by METRICS_TOKEN, see tests/common/test_health.py",
    "/api/schema/": "the description of the API",
    "/api/docs/": "the description of the API, as a page",
    "/admin/login/": "where staff sign in",
    "/admin/logout/": "leads to where staff sign in",
    "/accounts/login/": "where testers sign in",
    "/accounts/login/code/": "asks for the address that a code is sent to",
    "/accounts/login/code/confirm/": "the second half of signing in: leads back to the first",
    "/accounts/signup/": "says that nobody signs themselves up",
    "/accounts/logout/": "leads home",
    "/accounts/inactive/": "says that an account is switched off",
}
METHODS = ("get", "post", "put", "patch", "delete")
SPECIAL = {"app_label": "organizations"}  # parameters that 1 is no value for


@dataclass(frozen=True)
class Route:
    url: str
    pattern: URLPattern


def walk(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        regex = prefix + entry.pattern.regex.pattern.removeprefix("^")
        if isinstance(entry, URLResolver):
            yield from walk(entry, regex)
        else:
            yield regex, entry


def routes() -> list[Route]:
    """Every route with its parameters filled in: 1 is a number, a slug and a text at once."""
    found = []
    for regex, pattern in walk(get_resolver()):
        template, names = normalize(regex.replace(r"\Z", "$"))[0]
        found.append(Route("/" + template % {name: SPECIAL.get(name, "1") for name in names}, pattern))
    return found


def test_the_walk_arrives_where_it_meant_to() -> None:
    assert len(routes()) > 20
    hidden = [route.url for route in routes() if resolve(route.url).func is not route.pattern.callback]
    assert hidden == []


def refuses(client: Client, method: str, url: str) -> bool:
    response = getattr(client, method)(url)
    if response.status_code in (301, 302):
        goal = urlparse(response["Location"]).path
        return goal in (str(settings.LOGIN_URL), "/admin/login/")
    return response.status_code in (401, 403, 405)


@pytest.mark.parametrize("url", sorted({route.url for route in routes()} - PUBLIC.keys()))
def test_every_other_route_refuses_a_stranger(client: Client, url: str) -> None:
    client.raise_request_exception = False
    answered = [method for method in METHODS if not refuses(client, method, url)]
    assert answered == []


def test_no_public_route_fails_for_a_stranger(client: Client) -> None:
    existing = {route.url for route in routes()}
    for url in sorted(PUBLIC.keys() & existing):
        status = client.get(url).status_code
        assert status < 500 or url == "/readyz", url


def test_the_pages_of_signing_in_are_these() -> None:
    """The sign-in package has more: pages that add addresses and set passwords, by which one person becomes another."""
    assert sorted(route.url for route in routes() if route.url.startswith("/accounts/")) == [
        "/accounts/inactive/",
        "/accounts/login/",
        "/accounts/login/code/",
        "/accounts/login/code/confirm/",
        "/accounts/logout/",
        "/accounts/signup/",
    ]


def test_what_is_called_public_exists() -> None:
    assert PUBLIC.keys() - {route.url for route in routes()} == set()

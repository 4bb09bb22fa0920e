import pytest
from django.conf import settings
from django.contrib import admin
from django.core.cache import cache
from django.test import Client, override_settings
from django_q.models import Failure, OrmQ, Schedule, Success

from apps.common import jobs
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def policy(client: Client, path: str) -> dict[str, list[str]]:
    header = client.get(path).headers["Content-Security-Policy"]
    return {words[0]: words[1:] for words in (part.split() for part in header.split(";"))}


@pytest.mark.parametrize("path", ["/", "/healthz", "/accounts/login/", "/nowhere/", "/administrator/", "/x/admin/"])
def test_the_policy_is_strict_outside_the_admin(client: Client, path: str) -> None:
    assert policy(client, path) == {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }


def test_the_admin_theme_may_evaluate_but_load_nothing_from_elsewhere(client: Client) -> None:
    rules = policy(client, "/admin/login/")
    assert rules["script-src"] == ["'self'", "'unsafe-eval'"]
    assert rules["style-src"] == ["'self'", "'unsafe-inline'"]
    assert rules["default-src"] == ["'self'"]


def test_every_answer_has_a_request_id_of_its_own(client: Client) -> None:
    ids = [client.get(path).headers["x-request-id"] for path in ("/", "/", "/nowhere/", "/healthz")]
    assert len(set(ids)) == 4
    assert all(one.startswith("req_") and len(one) == 28 for one in ids)


def test_nobody_chooses_their_request_id(client: Client) -> None:
    response = client.get("/", headers={"x-request-id": "mine"})
    assert response.headers["x-request-id"] != "mine"


PROXY = "10.0.0.1"


def address_of(client: Client, forwarded: str) -> str:
    """Where the application takes a call to come from that reached it from PROXY with this X-Forwarded-For."""
    answer = client.get("/", REMOTE_ADDR=PROXY, headers={"x-forwarded-for": forwarded} if forwarded else {})
    return str(answer.wsgi_request.META["REMOTE_ADDR"])


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7", "203.0.113.7"),  # the first was made up by the caller
        ("1.1.1.1,2001:db8::7", "2001:db8::7"),
        ("", PROXY),
        ("203.0.113.7, unknown", PROXY),
    ],
)
@override_settings(BEHIND_PROXY=True)
def test_behind_a_proxy_a_caller_is_who_the_proxy_says(client: Client, forwarded: str, address: str) -> None:
    assert address_of(client, forwarded) == address


def test_without_a_proxy_nobody_says_who_they_are(client: Client) -> None:
    assert address_of(client, "203.0.113.7") == PROXY


@override_settings(BEHIND_PROXY=True)
def test_a_stranger_behind_the_proxy_locks_nobody_out() -> None:
    user = UserFactory(is_staff=True)
    user.set_password("a long enough passphrase")
    user.save()

    def sign_in(password: str, address: str) -> int:
        form = {"username": user.email, "password": password}
        page = Client().post("/admin/login/", form, REMOTE_ADDR=PROXY, headers={"x-forwarded-for": address})
        return page.status_code

    refused = [sign_in("wrong", "203.0.113.7") for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert (refused[0], refused[-1]) == (200, 429)
    assert sign_in("a long enough passphrase", "203.0.113.7") == 429
    assert sign_in("a long enough passphrase", "203.0.113.8") == 302


@override_settings(BEHIND_PROXY=True)
def test_a_stranger_behind_the_proxy_uses_up_nobodys_sign_in_codes() -> None:
    def ask(address: str) -> int:
        user = UserFactory()
        form = {"email": user.email}
        page = Client().post("/accounts/login/code/", form, REMOTE_ADDR=PROXY, headers={"x-forwarded-for": address})
        return page.status_code

    cache.clear()
    asked = [ask("203.0.113.7") for _ in range(40)]
    assert (asked[0], asked[-1]) == (302, 200)  # then the form says that it was too often
    assert ask("203.0.113.8") == 302


@pytest.mark.parametrize("model", [Schedule, Success, Failure, OrmQ])
def test_the_queue_is_for_superusers_to_read(client: Client, model: type) -> None:
    url = f"/admin/django_q/{model._meta.model_name}/"  # type: ignore[attr-defined]
    jobs.enqueue(jobs.beat)
    jobs.enqueue(jobs.beat)
    jobs.drain(limit=1)
    Schedule.objects.create(name="heartbeat", func="apps.common.jobs.beat")
    client.force_login(UserFactory(is_staff=True))
    assert client.get(url).status_code == 403
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    assert client.get(url).status_code == 200
    assert client.get(f"{url}add/").status_code == 403
    row = model.objects.first()  # type: ignore[attr-defined]
    if row is not None:
        page = f"{url}{row.pk}/change/"
        assert client.get(page).status_code == 200
        assert client.post(page, {"func": "os.system"}).status_code == 403
        assert client.post(f"{url}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin.site.get_model_admin(model).actions == ()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/api/personas/a%00b/", "/v1/models/%00", "/trainer/v1/files/%00", "/review/?page=%00"]
)
def test_nothing_is_looked_for_at_an_address_with_a_nul(client: Client, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 404
    assert page.json()["error"] if not path.startswith("/review/") else b"<html" in page.content

"""Every way in is limited: the admin's password, the e-mailed code. (API keys carry 200 bits; see test_api_keys.)"""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from apps.organizations.models import User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
PASSWORD = "right horse battery 1"


@pytest.fixture(autouse=True)
def _fresh_counters() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def person() -> User:
    user: User = UserFactory(email="ada@example.org", is_staff=True, is_superuser=True)
    user.set_password(PASSWORD)
    user.save()
    return user


def ask_for_code(client: Client) -> str:
    client.post("/accounts/login/code/", {"email": "ada@example.org"})
    return mailed_code()


def mailed_code() -> str:
    found = re.search(r"^\s*([A-Z0-9]{4}-[A-Z0-9]{4})\s*$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found, mail.outbox[-1].body
    return found[1]


def confirm(client: Client, code: str) -> bool:
    client.post("/accounts/login/code/confirm/", {"code": code})
    return "_auth_user_id" in client.session


def test_the_admins_password_is_guessed_ten_times(person: User, client: Client) -> None:
    for attempt in range(10):
        client.post("/admin/login/", {"username": person.email, "password": f"wrong {attempt}"})
    locked = client.post("/admin/login/", {"username": person.email, "password": PASSWORD})
    assert locked.status_code == 429
    assert "_auth_user_id" not in client.session
    other = UserFactory(email="ben@example.org", is_staff=True, password=person.password)
    client.post("/admin/login/", {"username": other.email, "password": PASSWORD})
    assert "_auth_user_id" in client.session  # a lock-out is one person's


def test_a_password_opens_nothing_outside_the_admin(person: User, client: Client) -> None:
    client.post("/accounts/login/", {"login": person.email, "password": PASSWORD})
    assert "_auth_user_id" not in client.session


@pytest.mark.usefixtures("person")
def test_a_code_signs_in_once(client: Client) -> None:
    code = ask_for_code(client)
    assert confirm(client, code)
    assert not confirm(Client(), code)


@pytest.mark.usefixtures("person")
def test_a_code_is_guessed_three_times(client: Client) -> None:
    code = ask_for_code(client)
    assert not any(confirm(client, guess) for guess in ("AAAA-AAAA", "BBBB-BBBB", "CCCC-CCCC"))
    assert not confirm(client, code)


@pytest.mark.usefixtures("person")
def test_a_code_ends_after_three_minutes(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    code = ask_for_code(client)
    later = timezone.now() + timedelta(seconds=181)
    monkeypatch.setattr("time.time", later.timestamp)
    assert not confirm(client, code)


def test_codes_are_mailed_three_times_a_minute(person: User) -> None:
    for _ in range(10):
        Client().post("/accounts/login/code/", {"email": person.email})
    assert len(mail.outbox) == 3


def test_somebody_switched_off_does_not_get_in(person: User, client: Client) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False)
    client.post("/accounts/login/code/", {"email": person.email})
    client.post("/admin/login/", {"username": person.email, "password": PASSWORD})
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("email/", {"action_add": "", "email": "victim@example.org"}),
        ("email/", {"action_primary": "", "email": "victim@example.org"}),
        ("password/set/", {"password1": PASSWORD, "password2": PASSWORD}),
        ("password/change/", {"oldpassword": PASSWORD, "password1": "another " + PASSWORD, "password2": PASSWORD}),
        ("password/reset/", {"email": "ada@example.org"}),
        ("reauthenticate/", {"password": PASSWORD}),
    ],
)
def test_nobody_takes_an_address_or_a_password_for_themselves(client: Client, path: str, form: dict[str, str]) -> None:
    """Else they would have the account that another organization invites by that address later."""
    user = User.objects.create_user("ada@example.org")
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.post(f"/accounts/{path}", form).status_code == 404
    user.refresh_from_db()
    assert (user.email, user.has_usable_password()) == ("ada@example.org", False)
    assert not EmailAddress.objects.exists()
    assert mail.outbox == []


@pytest.mark.usefixtures("person")
def test_every_page_on_the_way_in_and_out_is_shown(client: Client) -> None:
    """The sign-in package looks up the addresses of its pages by name while it renders them."""
    for path in ("login/", "login/code/", "signup/", "inactive/"):
        assert client.get(f"/accounts/{path}").status_code == 200, path
    client.post("/accounts/login/code/", {"email": "nobody@example.org"})
    assert client.get("/accounts/login/code/confirm/").status_code == 200
    client.post("/accounts/logout/")
    code = ask_for_code(client)
    wrong = client.post("/accounts/login/code/confirm/", {"code": "AAAA-AAAA"})
    assert "code" in wrong.context["form"].errors
    again = client.post("/accounts/login/code/confirm/", {"action": "resend"}, follow=True)
    assert again.status_code == 200
    assert not confirm(client, code)  # a new one was sent
    assert confirm(client, mailed_code())
    assert client.get("/accounts/login/")["Location"] == "/review/"
    assert client.get("/accounts/logout/").status_code == 200
    assert client.post("/accounts/logout/")["Location"] == "/"


def test_a_superuser_changes_their_password_in_the_admin(person: User, client: Client) -> None:
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/admin/password_change/").status_code == 200
    new = "another " + PASSWORD
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/admin/password_change/", form)["Location"] == "/admin/password_change/done/"
    person.refresh_from_db()
    assert person.check_password(new)


def test_nobody_learns_who_has_an_account(person: User) -> None:
    known, unknown = (
        Client().post("/accounts/login/code/", {"email": email}, follow=True).content.decode().replace(email, "")
        for email in (person.email, "nobody@example.org")
    )
    token = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
    assert token.sub("", known) == token.sub("", unknown)


def test_cookies_are_out_of_reach(settings: Settings) -> None:
    assert settings.SESSION_COOKIE_HTTPONLY
    assert settings.SESSION_COOKIE_SAMESITE == "Lax"
    assert settings.SESSION_COOKIE_SECURE is settings.CSRF_COOKIE_SECURE is settings.PRODUCTION

"""Who sees what, in the API's permission and in the admin."""

from contextlib import nullcontext

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory, force_authenticate

from apps.common.audit import SYSTEM
from apps.common.errors import InvalidInput, NotAllowed
from apps.organizations.actors import ApiKeyUser
from apps.organizations.enums import Role, Scope
from apps.organizations.models import ApiKey, Membership, Organization, User
from apps.organizations.permissions import InOrganization, acting, organization_of
from apps.organizations.services import add_member, create_api_key
from apps.personas.models import Persona
from tests.factories import (
    NOW,
    MembershipFactory,
    OrganizationFactory,
    PersonaFactory,
    TrainingExampleFactory,
    UserFactory,
)
from tests.forms import filled

pytestmark = pytest.mark.django_db


class OpenView:
    """A view that names no scopes."""


class TrainView:
    read_scopes = (Scope.READ,)
    write_scopes = (Scope.TRAIN,)


def _request(method: str, *, user: object, auth: object = None, query: str = "") -> Request:
    raw = getattr(APIRequestFactory(), method)(f"/api/things/{query}")
    force_authenticate(raw, user=user, token=auth)  # type: ignore[arg-type]
    request = Request(raw)
    request.user, request.auth = user, auth  # type: ignore[assignment]
    return request


def _key(*scopes: Scope) -> ApiKey:
    key, _ = create_api_key(organization=OrganizationFactory(), name="k", scopes=scopes, by=SYSTEM, now=NOW)
    return key


@pytest.mark.parametrize(
    ("scopes", "method", "view", "refusal"),
    [
        ([Scope.READ], "get", OpenView(), ""),
        ([Scope.READ], "post", OpenView(), 'Method "POST" not allowed.'),
        ([Scope.CHAT], "get", OpenView(), "This API key lacks the scope read."),
        ([Scope.READ], "get", TrainView(), ""),
        ([Scope.READ], "post", TrainView(), "This API key lacks the scope train."),
        ([Scope.TRAIN], "post", TrainView(), ""),
    ],
)
def test_a_key_may_do_what_its_scopes_say(scopes: list[Scope], method: str, view: object, refusal: str) -> None:
    key = _key(*scopes)
    request = _request(method, user=ApiKeyUser(key), auth=key)
    with pytest.raises((NotAllowed, MethodNotAllowed), match=refusal) if refusal else nullcontext():
        assert InOrganization().has_permission(request, view)


@pytest.mark.parametrize(
    ("role", "method", "allowed"),
    [
        (Role.VIEWER, "get", True),
        (Role.VIEWER, "post", False),
        (Role.MANAGER, "post", True),
        (Role.OWNER, "post", True),
    ],
)
def test_a_member_may_do_what_their_role_says(role: Role, method: str, allowed: bool) -> None:
    membership = MembershipFactory(role=role)
    request = _request(method, user=membership.user)
    assert InOrganization().has_permission(request, TrainView()) is allowed


def test_a_stranger_and_nobody_may_nothing() -> None:
    assert not InOrganization().has_permission(_request("get", user=UserFactory()), OpenView())
    nobody = _request("get", user=AnonymousUser())
    assert not InOrganization().has_permission(nobody, OpenView())
    with pytest.raises(NotAuthenticated):
        acting(nobody)


def test_the_organization_of_a_request() -> None:
    key = _key(Scope.READ)
    assert organization_of(_request("get", user=ApiKeyUser(key), auth=key)) == key.organization

    first = MembershipFactory()
    assert organization_of(_request("get", user=first.user)) == first.organization

    second = MembershipFactory(user=first.user)
    with pytest.raises(InvalidInput) as caught:
        organization_of(_request("get", user=first.user))
    assert first.organization.slug in caught.value.resolution

    chosen = _request("get", user=first.user, query=f"?organization={second.organization.slug}")
    assert organization_of(chosen) == second.organization

    foreign = _request("get", user=first.user, query=f"?organization={OrganizationFactory().slug}")
    with pytest.raises(InvalidInput):
        organization_of(foreign)


def test_visible_to_means_the_organizations_one_is_a_member_of() -> None:
    membership = MembershipFactory()
    own = PersonaFactory(organization=membership.organization)
    foreign = PersonaFactory()

    assert list(Persona.objects.visible_to(membership.user)) == [own]
    assert list(Persona.objects.visible_to(AnonymousUser())) == []
    assert set(Persona.objects.visible_to(UserFactory(is_superuser=True))) == {own, foreign}


def _staff(role: Role, organization: Organization) -> User:
    user: User = UserFactory(is_staff=True)
    add_member(organization=organization, user=user, role=role, by=SYSTEM)
    return user


def _signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_admin_lists_only_ones_own_organizations() -> None:
    own, foreign = OrganizationFactory(name="Own House"), OrganizationFactory(name="Foreign House")
    page = _signed_in(_staff(Role.MANAGER, own)).get("/admin/organizations/organization/")
    assert page.status_code == 200
    assert b"Own House" in page.content
    assert b"Foreign House" not in page.content
    assert foreign.name == "Foreign House"  # something could have leaked


def test_admin_refuses_the_row_of_another_organization() -> None:
    foreign = OrganizationFactory()
    client = _signed_in(_staff(Role.OWNER, OrganizationFactory()))
    page = client.get(f"/admin/organizations/organization/{foreign.pk}/change/")
    assert page.status_code == 302  # back to the front page, "doesn't exist"


def test_a_viewer_changes_nothing_in_admin() -> None:
    organization = OrganizationFactory(name="Before")
    client = _signed_in(_staff(Role.VIEWER, organization))
    assert client.get("/admin/organizations/apikey/add/").status_code == 403
    client.post(f"/admin/organizations/organization/{organization.pk}/change/", {"name": "After"})
    organization.refresh_from_db()
    assert organization.name == "Before"


def test_a_manager_of_one_organization_changes_nothing_in_another_that_they_view() -> None:
    manager = _staff(Role.MANAGER, OrganizationFactory())
    viewed = OrganizationFactory(name="Before")
    add_member(organization=viewed, user=manager, role=Role.VIEWER, by=SYSTEM)
    client = _signed_in(manager)
    url = f"/admin/organizations/organization/{viewed.pk}/change/"

    assert b"Before" in client.get(url).content
    client.post(url, {"name": "After", "slug": viewed.slug, "plan": viewed.plan, "currency": viewed.currency})
    viewed.refresh_from_db()
    assert viewed.name == "Before"
    choices = client.get("/admin/organizations/apikey/add/").content
    assert f'value="{viewed.pk}"'.encode() not in choices

    reading = _request("get", user=manager, query=f"?organization={viewed.slug}")
    writing = _request("post", user=manager, query=f"?organization={viewed.slug}")
    assert InOrganization().has_permission(reading, TrainView())
    assert not InOrganization().has_permission(writing, TrainView())
    assert list(ApiKey.objects.writable_by(manager)) == []


def test_a_key_made_in_admin_is_shown_once() -> None:
    organization = OrganizationFactory()
    client = _signed_in(_staff(Role.OWNER, organization))
    page = client.post(
        "/admin/organizations/apikey/add/",
        {"organization": organization.pk, "name": "Shop", "scopes": ["chat", "feedback"]},
        follow=True,
    )
    key = ApiKey.objects.get(name="Shop")
    assert f"fw_{key.public_id}_".encode() in page.content
    assert key.scopes == ["chat", "feedback"]
    assert f"fw_{key.public_id}_".encode() not in client.get("/admin/organizations/apikey/").content.replace(
        b"fw_" + key.public_id.encode() + "_…".encode(), b""
    )


def test_a_key_cannot_be_made_for_another_organization() -> None:
    foreign = OrganizationFactory()
    client = _signed_in(_staff(Role.OWNER, OrganizationFactory()))
    page = client.post(
        "/admin/organizations/apikey/add/", {"organization": foreign.pk, "name": "Shop", "scopes": ["chat"]}
    )
    assert page.status_code == 200  # the form again, with its error
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("actions", [["reject", "download_csv"], ["download_csv", "reject"], ["reject"]])
@pytest.mark.parametrize("index", [0, 1])
def test_no_second_action_lets_a_guest_run_the_first(actions: list[str], index: int) -> None:
    """Django runs one of the actions that a form names; looking at another one would open the guest's own list."""
    manager, foreign = _staff(Role.MANAGER, OrganizationFactory()), OrganizationFactory()
    add_member(organization=foreign, user=manager, role=Role.VIEWER, by=SYSTEM)
    example = TrainingExampleFactory(persona=PersonaFactory(organization=foreign))
    form = {"action": actions, "index": index, "_selected_action": [example.pk], "confirmed": "yes", "reason": "mine"}
    _signed_in(manager).post("/admin/contributions/trainingexample/", form)
    example.refresh_from_db()
    assert example.status == "awaiting_labels"


@pytest.mark.parametrize("chosen", ["abc", "", "9" * 30, "9" * 5000, "1 OR 1=1"])
def test_what_was_chosen_is_told_by_ids(chosen: str) -> None:
    client = _signed_in(UserFactory(is_staff=True, is_superuser=True))
    form = {"action": "reject", "_selected_action": [chosen]}
    assert client.post("/admin/contributions/trainingexample/", form).status_code == 404


def _change(client: Client, organization: Organization, **changes: object) -> None:
    url = f"/admin/organizations/organization/{organization.pk}/change/"
    assert client.post(url, {**filled(client.get(url)), **changes}).status_code == 302
    organization.refresh_from_db()


def test_an_owner_changes_neither_plan_nor_slug() -> None:
    """The plan is what an organization pays for; the slug is the name of its account at the trainer, and in the log."""
    organization = OrganizationFactory(plan="free", slug="mine", name="Before")
    _change(_signed_in(_staff(Role.OWNER, organization)), organization, name="After", plan="enterprise", slug="yours")
    assert (organization.name, organization.plan, organization.slug) == ("After", "free", "mine")

    superuser = _signed_in(UserFactory(is_staff=True, is_superuser=True))
    _change(superuser, organization, plan="enterprise", slug="yours")
    assert (organization.plan, organization.slug) == ("enterprise", "mine")


@pytest.mark.parametrize(
    ("role", "becomes"), [(Role.VIEWER, Role.VIEWER), (Role.MANAGER, Role.VIEWER), (Role.OWNER, Role.MANAGER)]
)
def test_only_owners_give_roles(role: Role, becomes: Role) -> None:
    organization = OrganizationFactory()
    colleague = MembershipFactory(organization=organization, role=Role.VIEWER)
    _staff(role, organization)
    owner, asking = _staff(Role.OWNER, organization), _staff(role, organization)
    url = f"/admin/organizations/organization/{organization.pk}/change/"
    form = filled(_signed_in(owner).get(url))
    place = next(name for name, value in form.items() if name.endswith("-id") and value == colleague.pk)
    form[place.replace("-id", "-role")] = Role.MANAGER
    _signed_in(asking).post(url, form)
    colleague.refresh_from_db()
    assert colleague.role == becomes


def test_an_owner_learns_of_nobody_by_making_them_a_member() -> None:
    organization, stranger = OrganizationFactory(), UserFactory(name="Stranger")
    client = _signed_in(_staff(Role.OWNER, organization))
    url = f"/admin/organizations/organization/{organization.pk}/change/"
    form = filled(_signed_in(UserFactory(is_staff=True, is_superuser=True)).get(url))
    total = next(name for name in form if name.endswith("TOTAL_FORMS"))
    row = total.removesuffix("TOTAL_FORMS") + "1-"
    page = client.post(url, {**form, total: 2, f"{row}user": stranger.pk, f"{row}role": Role.VIEWER}, follow=True)
    assert not organization_has(organization, stranger)
    assert b"Stranger" not in page.content
    assert client.get(f"/admin/autocomplete/?{AUTOCOMPLETE}").status_code == 403


AUTOCOMPLETE = "app_label=organizations&model_name=membership&field_name=user&term="


def organization_has(organization: Organization, user: User) -> bool:
    return Membership.objects.filter(organization=organization, user=user).exists()

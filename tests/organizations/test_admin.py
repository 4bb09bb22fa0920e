"""What is changed in the admin is changed by a service and told to the audit log."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from apps.common.audit import SYSTEM
from apps.common.errors import Conflict
from apps.common.models import AuditEvent
from apps.organizations.enums import Role
from apps.organizations.models import Membership, Organization, User
from apps.organizations.services import change_members, change_organization, change_user, create_user
from tests.factories import MembershipFactory, OrganizationFactory, UserFactory
from tests.forms import filled

pytestmark = pytest.mark.django_db


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def superuser() -> User:
    user: User = UserFactory(email="root@example.org", is_staff=True, is_superuser=True)
    return user


def member(organization: Organization, role: Role) -> User:
    user: User = MembershipFactory(user=UserFactory(is_staff=True), organization=organization, role=role).user
    return user


def page_of(row: Organization | User) -> str:
    return reverse(f"admin:{row._meta.label_lower.replace('.', '_')}_change", args=[row.pk])


def change(client: Client, row: Organization | User, **changes: object) -> None:
    form: dict[str, Any] = {**filled(client.get(page_of(row))), **changes}
    response = client.post(page_of(row), {name: value for name, value in form.items() if value is not None})
    assert response.status_code == 302, response.context["errors"]
    row.refresh_from_db()


def told(verb: str, row: Organization | User | Membership) -> list[tuple[str, dict[str, Any]]]:
    """(by whom, with what) of the events about a row."""
    about = {"object_type": row._meta.label_lower, "object_id": str(row.pk)}
    return list(AuditEvent.objects.filter(verb=verb, **about).order_by("pk").values_list("actor", "data"))


# --- organizations ----------------------------------------------------------------------------------------------------


def test_an_organization_is_created_with_its_members() -> None:
    client, url, owner = signed_in(superuser()), reverse("admin:organizations_organization_add"), UserFactory()
    prefix = next(name for name in filled(client.get(url)) if name.endswith("TOTAL_FORMS")).removesuffix("TOTAL_FORMS")
    client.post(url, {
        "name": "Acme", "slug": "acme", "plan": "plus", "currency": "GBP",
        f"{prefix}TOTAL_FORMS": 1, f"{prefix}INITIAL_FORMS": 0, f"{prefix}0-user": owner.pk, f"{prefix}0-role": "owner",
    })  # fmt: skip
    acme = Organization.objects.get()
    assert (acme.slug, acme.plan, acme.currency, acme.collects_training_data) == ("acme", "plus", "GBP", False)
    created = {"plan": "plus", "currency": "GBP", "collects_training_data": False}
    assert told("created", acme) == [("root@example.org", created)]
    membership = Membership.objects.get(organization=acme, user=owner)
    assert told("set_role", membership) == [("root@example.org", {"role": "owner", "user": owner.pk})]


def test_the_log_tells_what_became_of_the_plan() -> None:
    organization = OrganizationFactory(plan="free")
    client = signed_in(superuser())
    change(client, organization, plan="enterprise")
    assert organization.plan == "enterprise"
    assert told("changed", organization) == [("root@example.org", {"plan": "enterprise", "plan_was": "free"})]
    assert AuditEvent.objects.get(verb="changed").organization == organization.slug
    change(client, organization)
    assert len(told("changed", organization)) == 1  # saving a form as it is changes nothing


def test_the_log_tells_who_opted_out_of_training() -> None:
    organization = OrganizationFactory()
    owner = member(organization, Role.OWNER)
    change(signed_in(owner), organization, collects_training_data=None)
    assert not organization.collects_training_data
    said = {"collects_training_data": False, "collects_training_data_was": True}
    assert told("changed", organization) == [(owner.email, said)]


def test_a_change_leaves_alone_what_others_changed_meanwhile() -> None:
    organization = OrganizationFactory(plan="free", name="Before")
    stale = Organization.objects.get()
    change_organization(organization=organization, plan="enterprise", by=SYSTEM)  # type: ignore[arg-type]
    after = change_organization(organization=stale, name="After", by=SYSTEM)
    assert (after.name, after.plan) == ("After", "enterprise")


# --- members ----------------------------------------------------------------------------------------------------------


def removal(organization: Organization, user: User) -> dict[str, Any]:
    """The organization's form, with the box ticked that removes a member."""
    form = filled(signed_in(UserFactory(is_staff=True, is_superuser=True)).get(page_of(organization)))
    return {**form, f"{place_of(user, form)}-DELETE": "on"}


def place_of(user: User, form: dict[str, Any]) -> str:
    """The prefix of the fields of that member."""
    row = user.memberships.get().pk
    return next(name.removesuffix("-id") for name, value in form.items() if name.endswith("-id") and value == row)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MANAGER])
def test_only_owners_remove_members(role: Role) -> None:
    organization = OrganizationFactory()
    colleague, asking = member(organization, Role.VIEWER), member(organization, role)
    signed_in(asking).post(page_of(organization), removal(organization, colleague))
    assert colleague.memberships.exists()


@pytest.mark.parametrize("by_owner", [True, False])
def test_a_member_is_removed_and_the_log_tells_of_it(by_owner: bool) -> None:
    organization = OrganizationFactory()
    colleague = member(organization, Role.MANAGER)
    asking = member(organization, Role.OWNER) if by_owner else superuser()
    membership = colleague.memberships.get()
    theirs = signed_in(colleague)
    assert theirs.get(page_of(organization)).status_code == 200

    signed_in(asking).post(page_of(organization), removal(organization, colleague))
    assert told("removed", membership) == [(asking.email, {"role": "manager", "user": colleague.pk})]
    assert not colleague.memberships.exists()
    assert theirs.get(page_of(organization)).status_code != 200
    assert User.objects.filter(pk=colleague.pk).exists()


def test_an_owner_removes_nobody_elsewhere() -> None:
    organization, owner = OrganizationFactory(), member(OrganizationFactory(), Role.OWNER)
    colleague = member(organization, Role.VIEWER)
    signed_in(owner).post(page_of(organization), removal(organization, colleague))
    assert colleague.memberships.exists()


def test_the_last_owner_stays_until_another_is_made() -> None:
    organization = OrganizationFactory()
    owner, heir = member(organization, Role.OWNER), member(organization, Role.MANAGER)
    client = signed_in(owner)
    refused = client.post(page_of(organization), {**removal(organization, owner), "name": "Renamed"})
    assert "would be left without an owner" in refused.content.decode()
    assert "Make another member an owner first." in refused.content.decode()
    organization.refresh_from_db()
    assert (owner.memberships.exists(), organization.name == "Renamed") == (True, False)

    form = removal(organization, owner)
    client.post(page_of(organization), {**form, f"{place_of(heir, form)}-role": Role.OWNER})
    assert organization_members(organization) == [(heir.pk, Role.OWNER)]


def organization_members(organization: Organization) -> list[tuple[int, str]]:
    return list(Membership.objects.filter(organization=organization).values_list("user", "role"))


def test_the_last_owner_does_not_become_less() -> None:
    organization = OrganizationFactory()
    owner = member(organization, Role.OWNER)
    with pytest.raises(Conflict, match="would be left without an owner"):
        change_members(organization=organization, roles={owner: Role.VIEWER}, by=owner)
    assert organization_members(organization) == [(owner.pk, Role.OWNER)]


@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_remove_each_other_at_once_one_stays() -> None:
    organization = OrganizationFactory()
    owners = [member(organization, Role.OWNER) for _ in range(2)]
    memberships = [owner.memberships.get() for owner in owners]

    def remove(number: int) -> str:
        try:
            change_members(organization=organization, roles={}, removed=[memberships[1 - number]], by=owners[number])
        except Conflict as refused:
            return refused.code
        finally:
            connection.close()
        return "removed"

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(remove, range(2)))
    assert sorted(said) == ["last_owner", "removed"]
    assert len(organization_members(organization)) == 1


def test_a_member_does_not_become_somebody_else() -> None:
    organization, other = OrganizationFactory(), UserFactory()
    colleague = member(organization, Role.VIEWER)
    client = signed_in(superuser())
    form = filled(client.get(page_of(organization)))
    place = next(name for name, value in form.items() if name.endswith("-user") and value == colleague.pk)
    client.post(page_of(organization), {**form, place: other.pk, place.replace("-user", "-role"): "manager"})
    assert list(Membership.objects.values_list("user", "role")) == [(colleague.pk, "manager")]


# --- people -----------------------------------------------------------------------------------------------------------


def test_the_log_tells_of_people_without_their_names() -> None:
    client = signed_in(superuser())
    client.post(reverse("admin:organizations_user_add"), {"email": "Ada@Example.org", "name": "Ada", "is_staff": "on"})
    ada = User.objects.get(name="Ada")
    assert not ada.has_usable_password()
    assert told("created", ada) == [("root@example.org", {"is_staff": True, "is_superuser": False})]

    change(client, ada, email="Ada@example.com", is_superuser="on")
    assert (ada.email, ada.is_superuser) == ("ada@example.com", True)
    said = {"email": "changed", "is_superuser": True, "is_superuser_was": False}
    assert told("changed", ada) == [("root@example.org", said)]
    change(client, ada, email="ADA@example.com")
    assert len(told("changed", ada)) == 1


def test_nobody_is_deleted() -> None:
    ada = UserFactory()
    client = signed_in(superuser())
    assert client.post(reverse("admin:organizations_user_delete", args=[ada.pk]), {"post": "yes"}).status_code == 403
    form = {"action": "delete_selected", "_selected_action": [ada.pk], "post": "yes"}
    client.post(reverse("admin:organizations_user_changelist"), form)
    assert User.objects.filter(pk=ada.pk).exists()


def test_an_address_is_one_persons() -> None:
    ada, ben = UserFactory(email="ada@example.org"), UserFactory()
    with pytest.raises(Conflict, match="Somebody has this address already"):
        create_user(email="Ada@example.org", by=SYSTEM)
    with pytest.raises(Conflict, match="Somebody has this address already"):
        change_user(user=ben, email="ADA@example.org", by=SYSTEM)
    assert change_user(user=ada, email="Ada@example.org", by=SYSTEM).email == "ada@example.org"


def test_the_sign_in_packages_own_list_of_addresses_is_not_offered() -> None:
    assert signed_in(superuser()).get("/admin/account/emailaddress/").status_code == 404

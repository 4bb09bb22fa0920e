"""Whoever edits in the admin edits by a service, which writes into the audit log."""

import pytest
from django.contrib.admin import ModelAdmin, site
from django.http import HttpRequest
from django.test import RequestFactory

from tests.factories import UserFactory
from tests.guards.project import our_models

pytestmark = pytest.mark.django_db


@pytest.fixture
def asking() -> HttpRequest:
    """A superuser, who may do all that anybody may."""
    request = RequestFactory().get("/")
    request.user = UserFactory(is_staff=True, is_superuser=True)
    return request


def our_admins() -> "list[ModelAdmin[object]]":
    return [one for model, one in site._registry.items() if model in our_models()]


def is_ours(one: object, method: str) -> bool:
    return getattr(type(one), method).__module__.startswith("apps.")


def test_every_form_saves_by_a_service(asking: HttpRequest) -> None:
    edited = [one for one in our_admins() if one.has_add_permission(asking) or one.has_change_permission(asking)]
    assert len(edited) > 5
    assert [str(one) for one in edited if not is_ours(one, "save_model")] == []


def test_every_inline_form_saves_by_a_service(asking: HttpRequest) -> None:
    by_inlines = [
        one
        for one in our_admins()
        for inline in one.get_inline_instances(asking)
        if inline.has_add_permission(asking, None) or inline.has_change_permission(asking)
    ]
    assert by_inlines
    assert [str(one) for one in by_inlines if not is_ours(one, "save_formset")] == []


def test_no_page_deletes(asking: HttpRequest) -> None:
    assert [str(one) for one in our_admins() if one.has_delete_permission(asking)] == []

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, NotAllowed, NotFound
from apps.common.models import AuditEvent
from apps.custom_models.enums import ModelStatus
from apps.custom_models.models import Activation, CustomModel
from apps.custom_models.queries import live_model
from apps.custom_models.services import activate_model, deactivate_model
from apps.organizations.actors import ApiKeyUser
from apps.organizations.services import create_api_key
from tests.custom_models.world import make_model, make_persona
from tests.factories import NOW, MembershipFactory, OrganizationFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_from_the_base_model_and_back() -> None:
    persona = make_persona()
    model = make_model(persona)
    assert live_model(persona=persona) is None
    activation = activate_model(model=model, by=SYSTEM, now=NOW, reason="Better")
    assert live_model(persona=persona) == model
    assert (activation.activated_by, activation.activated_reason, activation.deactivated_at) == (
        "system",
        "Better",
        None,
    )
    model.refresh_from_db()
    assert (model.is_active, model.deployed_at) == (True, NOW)

    later = NOW + timedelta(hours=1)
    ended = deactivate_model(persona=persona, by=SYSTEM, now=later, reason="Worse after all")
    assert ended == activation
    assert (ended.deactivated_at, ended.deactivated_by, ended.deactivated_reason) == (
        later,
        "system",
        "Worse after all",
    )
    assert live_model(persona=persona) is None
    verbs = AuditEvent.objects.filter(verb__in=["activated", "deactivated"]).order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == ["activated", "deactivated"]


def test_a_version_replaces_the_one_before() -> None:
    persona = make_persona()
    first, second = make_model(persona), make_model(persona, number=2)
    activate_model(model=first, by=SYSTEM, now=NOW)
    activate_model(model=second, by=SYSTEM, now=NOW + timedelta(hours=1))
    assert live_model(persona=persona) == second
    history = Activation.objects.order_by("pk").values_list("custom_model", "deactivated_at", "deactivated_reason")
    assert list(history) == [
        (first.pk, NOW + timedelta(hours=1), "Replaced by version 2"),
        (second.pk, None, ""),
    ]


def test_versions_of_two_personas_are_live_side_by_side() -> None:
    one, two = make_persona(slug="one"), make_persona(slug="two")
    activate_model(model=make_model(one), by=SYSTEM, now=NOW)
    activate_model(model=make_model(two), by=SYSTEM, now=NOW)
    assert CustomModel.objects.filter(is_active=True).count() == 2


@pytest.mark.parametrize("status", [ModelStatus.RETIRED, ModelStatus.DELETED])
def test_a_version_that_is_gone(status: ModelStatus) -> None:
    live, gone = make_model(persona := make_persona()), make_model(persona, number=2)
    activate_model(model=live, by=SYSTEM, now=NOW)
    CustomModel.objects.filter(pk=gone.pk).update(status=status)
    with pytest.raises(Conflict) as refused:
        activate_model(model=gone, by=SYSTEM, now=NOW)
    assert refused.value.code == "model_unusable"
    assert refused.value.resolution
    assert live_model(persona=persona) == live
    assert Activation.objects.filter(deactivated_at=None).count() == 1


def test_a_version_that_was_shut_down() -> None:
    model = make_model(make_persona())
    CustomModel.objects.filter(pk=model.pk).update(shutdown_date=date(2027, 1, 14))
    activate_model(model=model, by=SYSTEM, now=NOW)
    deactivate_model(persona=model.persona, by=SYSTEM, now=NOW)
    with pytest.raises(Conflict, match="was shut down by its provider on 2027-01-14"):
        activate_model(model=model, by=SYSTEM, now=NOW.replace(year=2027, month=1, day=14))


def test_twice_is_a_conflict_that_changes_nothing() -> None:
    model = make_model(make_persona())
    activate_model(model=model, by=SYSTEM, now=NOW)
    with pytest.raises(Conflict) as conflict:
        activate_model(model=model, by=SYSTEM, now=NOW)
    assert conflict.value.code == "already_active"
    deactivate_model(persona=model.persona, by=SYSTEM, now=NOW)
    with pytest.raises(Conflict) as conflict:
        deactivate_model(persona=model.persona, by=SYSTEM, now=NOW)
    assert (conflict.value.code, Activation.objects.count()) == ("not_active", 1)
    assert "Recall 1 (embedded) answers" in conflict.value.resolution


def test_taking_back_a_version_that_is_not_the_live_one() -> None:
    first, second = make_model(persona := make_persona()), make_model(persona, number=2)
    activate_model(model=first, by=SYSTEM, now=NOW)
    with pytest.raises(Conflict, match="v2 is not active"):
        deactivate_model(persona=persona, model=second, by=SYSTEM, now=NOW)
    assert live_model(persona=persona) == first


def test_another_organizations_model_does_not_exist() -> None:
    model = make_model(make_persona())
    stranger = UserFactory()
    MembershipFactory(user=stranger, organization=OrganizationFactory())
    key, _ = create_api_key(
        organization=OrganizationFactory(), name="Key", scopes=["train"], by=SYSTEM, now=timezone.now()
    )
    for by in (stranger, ApiKeyUser(key)):
        with pytest.raises(NotFound):
            activate_model(model=model, by=by, now=NOW)
        with pytest.raises(NotFound):
            deactivate_model(persona=model.persona, by=by, now=NOW)
    teammate = UserFactory()
    MembershipFactory(user=teammate, organization=model.organization)
    assert activate_model(model=model, by=teammate, now=NOW).activated_by == teammate.email


def test_a_viewer_may_only_look() -> None:
    model = make_model(make_persona())
    viewer = MembershipFactory(user=UserFactory(), organization=model.organization, role="viewer").user
    with pytest.raises(NotAllowed, match="you may only look") as refused:
        activate_model(model=model, by=viewer, now=NOW)
    assert refused.value.resolution
    assert live_model(persona=model.persona) is None


def test_the_database_allows_one_active_version() -> None:
    persona = make_persona()
    make_model(persona)
    make_model(persona, number=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        CustomModel.objects.update(is_active=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        CustomModel.objects.filter(number=1).update(is_active=True, status=ModelStatus.RETIRED)

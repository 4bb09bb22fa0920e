from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.abtests.enums import ABTestStatus
from apps.abtests.models import ABTest, Observation, Rollout
from apps.abtests.services import NewVariant, create_abtest
from apps.common.audit import SYSTEM
from apps.common.models import AuditEvent
from apps.custom_models.models import CustomModel
from apps.personas.models import Persona
from tests.clients import staff_client
from tests.factories import CustomModelFactory, PersonaFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/abtests/abtest/"


@pytest.fixture
def persona() -> Persona:
    return PersonaFactory()


@pytest.fixture
def version(persona: Persona) -> CustomModel:
    return CustomModelFactory(persona=persona)


def _create(version: CustomModel, name: str = "first test") -> ABTest:
    variants = [NewVariant("base"), NewVariant("v1", custom_model=version)]
    return create_abtest(persona=version.persona, name=name, variants=variants, by=SYSTEM)


def _act(client: Client, action: str, abtest: ABTest, **more: Any) -> str:
    data = {"action": action, "_selected_action": [abtest.pk], **more}
    return client.post(LIST, data, follow=True).content.decode()


def _form(version: CustomModel, **more: Any) -> dict[str, Any]:
    return {
        "persona": version.persona_id, "name": "from the form", "first": "", "second": version.pk,
        "second_weight": 20, "duration_days": 7, **more,
    }  # fmt: skip


def test_a_draft_is_made_with_its_variants(version: CustomModel) -> None:
    staff = staff_client(version.organization)
    assert "The base model" in staff.get(f"{LIST}add/").content.decode()
    assert staff.post(f"{LIST}add/", _form(version)).status_code == 302

    abtest = ABTest.objects.get()
    assert (abtest.name, abtest.status, abtest.organization) == ("from the form", "draft", version.organization)
    assert list(abtest.variants.values_list("name", "weight", "custom_model")) == [
        ("base model", 80, None),
        ("version 1", 20, version.pk),
    ]
    assert AuditEvent.objects.filter(verb="created", object_id=str(abtest.pk)).exists()
    detail = staff.get(f"{LIST}{abtest.pk}/change/").content.decode()
    assert "version 1" in detail
    assert "first_weight" not in detail


@pytest.mark.parametrize("change", [{"second": ""}, {"second_weight": 100}, {"name": ""}, {"duration_days": 0}])
def test_a_draft_that_cannot_be_shows_the_form_again(version: CustomModel, change: dict[str, Any]) -> None:
    page = staff_client(version.organization).post(f"{LIST}add/", _form(version, **change))

    assert page.status_code == 200
    assert not ABTest.objects.exists()


def test_what_belongs_to_others_cannot_be_chosen(version: CustomModel) -> None:
    stranger = staff_client(PersonaFactory().organization)
    page = stranger.post(f"{LIST}add/", _form(version))

    assert page.status_code == 200
    assert not ABTest.objects.exists()


def test_starting_and_stopping_ask_first(version: CustomModel) -> None:
    staff, abtest = staff_client(version.organization), _create(version)
    asked = _act(staff, "start", abtest)
    assert "base 50 %, v1 50 %; 7 days" in asked
    abtest.refresh_from_db()
    assert abtest.status == ABTestStatus.DRAFT

    assert "first test runs." in _act(staff, "start", abtest, confirmed="yes")
    assert "This test was started before." in _act(staff, "start", abtest, confirmed="yes")
    assert "Another test of" in _act(staff, "start", _create(version, "second"), confirmed="yes")
    assert "first test is stopped." in _act(staff, "stop", abtest, confirmed="yes")
    assert "This test is not running." in _act(staff, "stop", abtest, confirmed="yes")
    abtest.refresh_from_db()
    assert abtest.status == ABTestStatus.STOPPED


def test_strangers_and_viewers_start_nothing(version: CustomModel) -> None:
    abtest = _create(version)
    stranger = staff_client(PersonaFactory().organization)
    assert "first test" not in stranger.get(LIST).content.decode()
    for client in (stranger, staff_client(version.organization, "viewer")):
        _act(client, "start", abtest, confirmed="yes")
        assert client.get(f"{LIST}{abtest.pk}/change/", follow=True).status_code == 200
        assert client.post(f"{LIST}{abtest.pk}/change/", {"name": "x"}).status_code in {302, 403}
    abtest.refresh_from_db()
    assert (abtest.status, abtest.name) == (ABTestStatus.DRAFT, "first test")
    assert staff_client(version.organization, "viewer").get(f"{LIST}add/").status_code == 403


def test_observations_and_rollouts_are_shown_to_their_organization(version: CustomModel) -> None:
    variant = _create(version).variants.all()[0]
    Observation.objects.create(
        organization=version.organization, variant=variant, unit="u", model_type="base", response_id="resp_ours"
    )
    Rollout.objects.create(
        organization=version.organization, persona=version.persona, candidate=version, started_by="ours@example.org"
    )
    staff, stranger = staff_client(version.organization), staff_client(PersonaFactory().organization)
    for path, text in (("observation/", "resp_ours"), ("rollout/", "ours@example.org")):
        assert text in staff.get(f"/admin/abtests/{path}").content.decode()
        assert text not in stranger.get(f"/admin/abtests/{path}").content.decode()
        assert staff.get(f"/admin/abtests/{path}add/").status_code == 403


def test_the_list_costs_the_same_for_one_row_and_three(version: CustomModel) -> None:
    staff = staff_client(version.organization)
    counts = []
    for rows in (1, 2):
        for n in range(rows):
            _create(version, f"{rows} {n}")
        with CaptureQueriesContext(connection) as queries:
            staff.get(LIST)
        counts.append(len(queries))
    assert counts[0] == counts[1]

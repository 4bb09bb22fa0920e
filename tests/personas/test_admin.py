import html
import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from apps.common.audit import SYSTEM
from apps.organizations.models import Organization
from apps.personas.enums import TaskName
from apps.personas.models import FewShotExample, Persona, PromptVersion
from apps.personas.queries import Pair, active_prompt
from apps.personas.services import (
    activate_prompt_version,
    add_prompt_version,
    create_persona,
    propose_few_shot_examples,
)
from apps.personas.tasks import TASKS
from apps.providers.models import ProviderCredential
from tests.clients import staff_client
from tests.factories import CODEBOOK, NOW, BaseModelFactory, MembershipFactory, OrganizationFactory, PersonaFactory

pytestmark = pytest.mark.django_db
PROMPTS = reverse("admin:personas_promptversion_changelist")
ADD = reverse("admin:personas_persona_add")


@pytest.fixture
def organization() -> Organization:
    organization: Organization = OrganizationFactory()
    return organization


@pytest.fixture
def staff(organization: Organization) -> Client:
    return staff_client(organization)


@pytest.fixture
def persona(organization: Organization) -> Persona:
    return create_persona(
        organization=organization, slug="coder", name="Coder", task="survey_coding", base_model=BaseModelFactory(),
        settings={"codes": CODEBOOK}, by=MembershipFactory().user,
    )  # fmt: skip


def _form(organization: Organization, **fields: Any) -> dict[str, Any]:
    return {
        "organization": organization.pk,
        "name": "New coder",
        "slug": "new-coder",
        "task": "survey_coding",
        "base_model": BaseModelFactory().pk,
        "settings": json.dumps({"codes": CODEBOOK}),
        "price_per_run_micros": "0.05",
        "currency": "EUR",
        "revenue_share_rate": "0.3",
        **fields,
    }


def test_a_persona_made_in_the_admin_has_its_prompt(organization: Organization, staff: Client) -> None:
    assert staff.post(ADD, _form(organization)).status_code == 302
    persona = Persona.objects.get()
    assert persona.price_per_run_micros == 50_000
    assert "- lost_card: Lost card." in persona.prompt_versions.get(is_active=True).system_prompt


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"settings": "{}"}, "codes: Field required."),
        ({"settings": "not json"}, "Enter a valid JSON."),
        ({"task": "poetry"}, "Select a valid choice."),
    ],
)
def test_what_the_task_cannot_use_is_explained(
    organization: Organization, staff: Client, fields: dict[str, str], message: str
) -> None:
    assert message in staff.post(ADD, _form(organization, **fields)).content.decode()
    assert not Persona.objects.exists()


def test_only_tasks_that_are_real_are_offered(staff: Client) -> None:
    page = staff.get(ADD).content.decode()
    assert [task.title in page for task in TASKS] == [True] * len(TaskName)
    assert "Poetry" not in page


def test_the_settings_of_each_task_are_explained_until_one_is_chosen(staff: Client, persona: Persona) -> None:
    new, known = (
        staff.get(ADD).content.decode(),
        staff.get(reverse("admin:personas_persona_change", args=[persona.pk])).content.decode(),
    )
    helps = {task.name: escape(task.settings_help) for task in TASKS}
    assert [text in new for text in helps.values()] == [True] * len(helps)
    assert [name for name, text in helps.items() if text in known] == ["survey_coding"]


def test_nothing_is_made_in_a_strangers_organization(staff: Client) -> None:
    staff.post(ADD, _form(OrganizationFactory()))
    assert not Persona.objects.exists()


def test_a_persona_is_changed_but_not_made_another(persona: Persona, staff: Client) -> None:
    url = reverse("admin:personas_persona_change", args=[persona.pk])
    form = _form(
        persona.organization, name="Better coder", slug="stolen", temperature="0.3", context_mode="full",
        labels_per_example=3, is_active="on",
    )  # fmt: skip
    assert staff.post(url, form).status_code == 302
    persona.refresh_from_db()
    assert (persona.name, persona.slug, persona.labels_per_example) == ("Better coder", "coder", 3)
    theirs = ProviderCredential.objects.create(
        organization=OrganizationFactory(), provider="openai", name="theirs", api_key="sk-x"
    )
    staff.post(url, {**form, "credential": theirs.pk})
    persona.refresh_from_db()
    assert persona.credential is None


def test_a_prompt_version_is_added_and_activated_after_a_look_at_it(persona: Persona, staff: Client) -> None:
    staff.post(
        reverse("admin:personas_promptversion_add"),
        {"persona": persona.pk, "system_prompt": "Be <b>brief</b>.", "notes": "shorter"},
    )
    second = PromptVersion.objects.get(number=2)
    page = _activate(staff, second).content.decode()
    assert ("version 1" in page, "version 2" in page, "Be &lt;b&gt;brief&lt;/b&gt;." in page) == (True, True, True)
    assert active_prompt(persona) != second
    assert "is active." in _activate(staff, second, confirmed="yes").content.decode()
    assert active_prompt(persona) == second
    assert "is the active one already" in _activate(staff, second, confirmed="yes").content.decode()


def test_a_changed_codebook_reaches_the_prompt_by_a_new_version(persona: Persona, staff: Client) -> None:
    codes = [*CODEBOOK, {"code": "app_login", "title": "Login", "description": ""}]
    form = _form(
        persona.organization, settings=json.dumps({"codes": codes}), temperature="0.3", context_mode="full",
        labels_per_example=1, is_active="on",
    )  # fmt: skip
    page = staff.post(reverse("admin:personas_persona_change", args=[persona.pk]), form, follow=True)
    assert "The active prompt is as it was" in page.content.decode()
    staff.post(
        reverse("admin:personas_persona_changelist"), {"action": "write_prompt", "_selected_action": [persona.pk]}
    )
    second = persona.prompt_versions.get(number=2)
    assert ("- app_login: Login" in second.system_prompt, second.is_active) == (True, False)


def test_a_strangers_prompt_is_not_activated(staff: Client) -> None:
    prompt = add_prompt_version(persona=PersonaFactory(), system_prompt="x", by=MembershipFactory().user)
    _activate(staff, prompt, confirmed="yes")
    prompt.refresh_from_db()
    assert not prompt.is_active


def _activate(client: Client, prompt: PromptVersion, **fields: str) -> Any:
    return client.post(PROMPTS, {"action": "activate", "_selected_action": [prompt.pk], **fields}, follow=True)


def test_a_prompt_version_is_not_edited(persona: Persona, staff: Client) -> None:
    prompt = persona.prompt_versions.get()
    url = reverse("admin:personas_promptversion_change", args=[prompt.pk])
    assert staff.post(url, {"system_prompt": "other"}).status_code == 403


def test_few_shot_examples_belong_to_their_personas_organization(persona: Persona, staff: Client) -> None:
    form = {
        "persona": persona.pk, "position": 1, "pattern_type": "question", "user_message": "Hi?",
        "assistant_message": "Yes.", "is_active": "on",
    }  # fmt: skip
    staff.post(reverse("admin:personas_fewshotexample_add"), form)
    assert FewShotExample.objects.get().organization == persona.organization
    staff.post(reverse("admin:personas_fewshotexample_add"), {**form, "persona": PersonaFactory().pk})
    assert FewShotExample.objects.count() == 1


@pytest.mark.parametrize("model", ["persona", "promptversion", "fewshotexample"])
def test_lists_cost_the_same_with_one_row_and_with_three(organization: Organization, staff: Client, model: str) -> None:
    url = reverse(f"admin:personas_{model}_changelist")
    counts = []
    for _ in range(3):
        persona = PersonaFactory(organization=organization)
        add_prompt_version(persona=persona, system_prompt="x", by=MembershipFactory().user)
        FewShotExample.objects.create(
            organization=organization, persona=persona, user_message="a", assistant_message="b"
        )
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(url).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[2]


def test_a_prompt_is_shown_laid_over_the_active_one(persona: Persona, staff: Client) -> None:
    persona.prompt_versions.all().delete()
    first = add_prompt_version(persona=persona, system_prompt="You are Mia.\nBe brief.", by=SYSTEM)
    activate_prompt_version(prompt=first, by=SYSTEM, now=NOW)
    second = add_prompt_version(persona=persona, system_prompt="You are Mia.\nBe kind.", by=SYSTEM, origin="upload 3")
    page = staff.get(f"/admin/personas/promptversion/{second.pk}/change/").content.decode()
    assert "Compared with version 1, the active one" in page
    shown = re.findall(r"<(ins|del|span)>(?:<span class=\"sr-only\">(\w+): </span>)?(You are Mia\.|Be \w+\.)", page)
    assert shown == [("span", "", "You are Mia."), ("del", "dropped", "Be brief."), ("ins", "added", "Be kind.")]
    assert "upload 3" in page
    assert "the persona's first" in html.unescape(
        staff.get(f"/admin/personas/promptversion/{first.pk}/change/").content.decode()
    )


def test_few_shot_examples_are_switched_on_and_off(persona: Persona, staff: Client) -> None:
    propose_few_shot_examples(persona=persona, pairs=[Pair("Hello", "Ahoy"), Pair("Who?", "Me")], origin="", by=SYSTEM)
    both = list(FewShotExample.objects.values_list("pk", flat=True))
    url = "/admin/personas/fewshotexample/"
    for action, on in (("switch_on", 2), ("switch_off", 0)):
        answer = staff.post(url, {"action": action, "_selected_action": both}, follow=True)
        assert "2 pairs switched" in answer.content.decode()
        assert FewShotExample.objects.filter(is_active=True).count() == on

"""The label forms in which testers write: answers of an avatar, and pages as JSON. And the pages that bring both in."""

import json
from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from apps.contributions.models import Label, Tester, TrainingExample
from apps.organizations.models import Membership
from apps.personas.tasks import TASKS
from tests.browser.conftest import Visitor
from tests.factories import MembershipFactory, PersonaFactory, TesterFactory, TrainingExampleFactory, UserFactory
from tests.personas.tasks.samples import SAMPLES

pytestmark = pytest.mark.django_db(transaction=True)
DESK = "/review/bank/ada/"


def _tester_of(name: str) -> Tester:
    task, sample = TASKS.get(name), SAMPLES[name]
    persona = PersonaFactory(
        task=name, slug="ada", organization__slug="bank", settings=task.clean_settings(sample.settings)
    )
    TrainingExampleFactory(persona=persona, kind=task.kinds[0], input=sample.input, output=sample.output)
    tester: Tester = TesterFactory(organization=persona.organization)
    return tester


def _open(someone: Visitor, tester: Tester) -> Page:
    someone.sign_in(tester.user)
    someone.page.goto(someone.base_url + DESK, wait_until="networkidle")
    return someone.page


@pytest.mark.parametrize("window", ["phone", "desktop"])
def test_an_answer_is_written_with_what_was_said_before_in_sight(
    window: str, visitor: Callable[[str], Visitor]
) -> None:
    someone = visitor(window)
    page = _open(someone, _tester_of("conversation"))
    expect(page.locator(".turn").first).to_contain_text("Hi Nora, are you open today?")
    assert page.input_value("[name=text]") == "Of course. I will put a rye aside."
    page.locator("summary", has_text="What makes a good answer").click()
    page.fill("[name=text]", "Done, it has your name on it.\nDo not be late.")
    someone.look(f"{DESK}conversation")
    page.click("text=Save and next")
    expect(page.locator("header.page-head")).to_contain_text("1 labelled today")
    assert Label.objects.get().payload == {"text": "Done, it has your name on it.\nDo not be late."}
    assert someone.problems == []


@pytest.mark.parametrize("window", ["phone", "desktop"])
def test_a_mistake_in_json_is_named_and_nothing_is_lost(window: str, visitor: Callable[[str], Visitor]) -> None:
    someone = visitor(window)
    page = _open(someone, _tester_of("page_builder"))
    written = page.input_value("[name=answer]")
    assert json.loads(written) == SAMPLES["page_builder"].output
    expect(page.locator(".desk__item ol li")).to_have_text(["hero Bread from six"])
    page.fill("[name=answer]", written.replace('"1.0",', '"1.0"'))
    page.click("text=Save and next")
    expect(page.locator("#label-error")).to_contain_text("line 3, column 3")
    assert page.input_value("[name=answer]") == written.replace('"1.0",', '"1.0"')
    someone.look(f"{DESK}page_builder")
    page.fill("[name=answer]", written.replace("Bread from six", "Bread from five"))
    page.click("text=Save and next")
    expect(page.locator("header.page-head")).to_contain_text("1 labelled today")
    assert Label.objects.get().payload["sections"] == [{"type": "hero", "title": "Bread from five"}]
    assert someone.problems == []


def test_staff_bring_in_synthetic_examples_and_reference_answers(visitor: Callable[[str], Visitor]) -> None:
    member: Membership = MembershipFactory(user=UserFactory(is_staff=True))
    PersonaFactory(task="page_builder", name="Page smith", organization=member.organization, settings={})
    someone = visitor("desktop")
    someone.sign_in(member.user)
    someone.visit(reverse("admin:contributions_trainingexample_create_synthetic"))
    someone.page.select_option("[name=persona]", label="Page smith")
    someone.page.click("button:has-text('Create')")
    expect(someone.page.locator("body")).to_contain_text("180 synthetic examples created, 0 known already.")
    assert TrainingExample.objects.filter(source="synthetic").count() == 180
    someone.visit(reverse("admin:contributions_referenceanswer_import_file"))
    someone.page.select_option("[name=persona]", label="Page smith")
    file = {"name": "answers.csv", "mimeType": "text/csv", "buffer": b"category,text\nnight,Go to bed\n,\n"}
    someone.page.set_input_files("[name=file]", files=[file])  # type: ignore[list-item]
    someone.page.click("button:has-text('Go on')")
    expect(someone.page.locator("body")).to_contain_text("Nothing is stored yet.")
    expect(someone.page.locator("body")).to_contain_text("category: it is empty.")
    someone.look("admin-reference-answers-looked")
    someone.page.set_input_files("[name=file]", files=[file])  # type: ignore[list-item]
    someone.page.click("button:has-text('Go on')")
    expect(someone.page.locator("body")).to_contain_text("1 reference answers imported, 0 known already, 1 rows")
    assert someone.problems == []

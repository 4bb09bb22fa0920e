"""A person brings in conversations: the form, the page that moves, the choice of the speaker, and what came of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from apps.common import jobs
from apps.contributions.models import Upload
from apps.organizations.models import Organization
from tests.browser.conftest import WIDTHS, Visitor
from tests.contributions.uploads.world import SAMPLE, TALK, make_persona
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
FORM = reverse("admin:contributions_upload_upload_file")


@pytest.mark.parametrize("window", WIDTHS)
def test_conversations_are_brought_in_and_learnt_from(visitor: Callable[[str], Visitor], window: str) -> None:
    persona = make_persona()
    Organization.objects.filter(pk=persona.organization_id).update(allows_vision=True)
    person = visitor(window)
    person.sign_in(UserFactory(is_staff=True, is_superuser=True))
    person.visit(FORM)
    person.look("the form for an upload")
    page = person.page
    page.locator("select[name=persona]").select_option(str(persona.pk))
    page.locator("input[name=file]").set_input_files(str(SAMPLE))
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#standing")).to_contain_text("Received")
    person.look("an upload that waits to be read")

    jobs.drain()
    expect(page.locator("#standing")).to_contain_text("73 pairs, 73 of them new")
    expect(page.locator("#moving-stages")).to_contain_text("20 proposed")
    page.get_by_text("It has ended: show all there is now").click()
    expect(page.locator(".prompt-diff ins").first).to_contain_text("added")
    person.look("an upload that is done")
    person.visit(reverse("admin:contributions_upload_changelist"))
    person.look("the list of uploads")
    assert person.problems == []


@pytest.mark.parametrize("window", WIDTHS)
def test_a_person_says_who_the_persona_is(visitor: Callable[[str], Visitor], window: str, tmp_path: Path) -> None:
    persona = make_persona()
    talk = tmp_path / "talk.txt"
    talk.write_text(TALK.replace("Bot", "Cleo"))
    person = visitor(window)
    person.sign_in(UserFactory(is_staff=True, is_superuser=True))
    person.visit(FORM)
    page = person.page
    page.locator("select[name=persona]").select_option(str(persona.pk))
    page.locator("input[name=file]").set_input_files(str(talk))
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#standing")).to_contain_text("Received")
    jobs.drain()
    upload = Upload.objects.get()
    person.visit(reverse("admin:contributions_upload_change", args=[upload.pk]))
    person.look("an upload that waits for its speaker")
    person.visit(reverse("admin:contributions_upload_choose_speaker", args=[upload.pk]))
    page.locator("select[name=speaker]").select_option("Cleo")
    person.look("the choice of a speaker")
    page.get_by_role("button", name="Go on").click()
    jobs.drain()
    expect(page.locator("#standing")).to_contain_text("2 pairs, 2 of them new")
    assert person.problems == []

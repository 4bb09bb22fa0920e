"""The page of running work, watched: it moves by itself, and takes nothing from the person who reads it."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from apps.custom_models.models import FineTuneEvent, FineTuneJob
from tests.browser.conftest import WIDTHS, Visitor
from tests.custom_models.world import make_dataset, start
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
# What a person does who reads: here, marks a word in the middle of the page.
SELECT_A_WORD = """() => {
  const words = [...document.querySelectorAll('h2')].find(heading => heading.innerText.trim() === 'Numbers');
  getSelection().selectAllChildren(words);
}"""


@pytest.mark.parametrize("window", WIDTHS)
def test_a_running_job_is_watched_to_its_end(visitor: Callable[[str], Visitor], window: str) -> None:
    job = start(make_dataset())
    person = visitor(window)
    person.sign_in(UserFactory(is_staff=True, is_superuser=True))
    person.visit(reverse("admin:custom_models_finetunejob_change", args=[job.pk]))
    page = person.page
    page.evaluate("window.untouched = true")
    page.evaluate(SELECT_A_WORD)

    FineTuneJob.objects.filter(pk=job.pk).update(status="running", provider_job_id="ftjob-1")
    event = {"level": "info", "type": "message", "at": timezone.now()}
    FineTuneEvent.objects.create(job=job, remote_id="1", message="Step 3 of 9", **event)
    expect(page.locator("#standing")).to_contain_text("Step 3 of 9")
    expect(page.locator("#moving-events")).to_contain_text("Step 3 of 9")
    person.look("a running job")

    FineTuneJob.objects.filter(pk=job.pk).update(status="failed", error_message="The file is no good.")
    expect(page.locator("#standing")).to_contain_text("The file is no good.")
    assert page.evaluate("window.untouched") is True  # never loaded anew
    assert page.evaluate("getSelection().toString()").strip() == "Numbers"
    expect(page.locator("#standing[hx-get]")).to_have_count(0)
    person.look("a job that ended while it was watched")
    page.get_by_text("It has ended: show all there is now").click()
    page.wait_for_load_state()
    assert page.evaluate("window.untouched") is None
    assert person.problems == []

"""The pages of jobs and evaluations while the work goes on: they refresh by themselves, and stop when it has ended."""

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.custom_models.models import Evaluation, FineTuneEvent, FineTuneJob
from apps.organizations.enums import Role
from tests.clients import staff_client
from tests.custom_models.test_answers_admin import make_evaluation
from tests.custom_models.world import make_dataset, start, work
from tests.factories import OrganizationFactory

pytestmark = pytest.mark.django_db
PAGES = {FineTuneJob: "admin:custom_models_finetunejob", Evaluation: "admin:custom_models_evaluation"}
OFFER = "It has ended: show all there is now"


def page_of(client: Client, row: FineTuneJob | Evaluation) -> str:
    return text_of(client.get(reverse(f"{PAGES[type(row)]}_change", args=[row.pk])))


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def poll_of(page: str) -> str:
    """What the page asks next, and every five seconds."""
    (asked,) = re.findall(r'id="standing"[^>]* hx-get="([^"]+)" hx-trigger="every 5s" hx-swap="outerHTML"', page)
    return unescape(asked)


@pytest.fixture
def job() -> FineTuneJob:
    return start(make_dataset())


def test_the_page_of_a_job_asks_until_the_job_has_ended(job: FineTuneJob) -> None:
    client = staff_client(job.organization, Role.VIEWER)
    page = page_of(client, job)
    assert "Load the page anew to see how far it is." in page  # without scripts
    assert 'aria-valuenow="0"' in page
    poll = poll_of(page)
    assert client.get(poll).status_code == 204  # it shows it already
    assert "no-store" in client.get(poll).headers["Cache-Control"]

    FineTuneJob.objects.filter(pk=job.pk).update(status="running", provider_job_id="ftjob-1")
    event = {"level": "info", "type": "message", "at": timezone.now()}
    FineTuneEvent.objects.create(job=job, remote_id="1", message="<b>Step 3 of 9", **event)
    moved = text_of(client.get(poll))
    assert "Running" in moved
    assert "<b>" not in moved
    assert moved.count("&lt;b&gt;Step 3 of 9") == 3  # in words, for those who listen, and among the events
    assert '<div id="moving-events" hx-swap-oob="true">' in moved
    assert 'aria-valuenow="71"' in moved
    assert poll_of(moved) != poll
    assert client.get(poll_of(moved)).status_code == 204

    FineTuneJob.objects.filter(pk=job.pk).update(status="failed", error_message="The file is no good.")
    ended = text_of(client.get(poll_of(moved)))
    assert "Failed" in ended
    assert "The file is no good." in ended
    assert OFFER in ended
    assert "hx-get" not in ended
    assert "progressbar" not in ended


def test_the_page_of_a_job_that_has_ended_asks_nothing(job: FineTuneJob) -> None:
    page = page_of(staff_client(job.organization), work(job))
    assert 'hx-trigger="every' not in page
    assert OFFER not in page
    assert "Succeeded" in page


def test_the_page_of_an_evaluation_counts_and_then_shows_the_result() -> None:
    evaluation = make_evaluation([(0, 1)] * 6)
    Evaluation.objects.filter(pk=evaluation.pk).update(status="running", answered=3)
    client = staff_client(evaluation.organization)
    page = page_of(client, evaluation)
    assert "3 of 12 answers" in page
    assert 'aria-valuenow="25"' in page
    poll = poll_of(page)
    assert client.get(poll).status_code == 204

    Evaluation.objects.filter(pk=evaluation.pk).update(answered=9)
    assert "9 of 12 answers" in text_of(client.get(poll))
    evaluation.arms.update(accuracy=0.5, interval_low=0.1, interval_high=0.9, answered=6)
    Evaluation.objects.filter(pk=evaluation.pk).update(status="completed", answered=12)
    ended = text_of(client.get(poll))
    assert '<div id="moving-arms" hx-swap-oob="true">' in ended
    assert "50.0 %" in ended
    assert OFFER in ended
    assert "hx-get" not in ended


def test_nobody_else_is_told(job: FineTuneJob) -> None:
    poll = poll_of(page_of(staff_client(job.organization), job))
    assert (
        Client().get(poll).status_code == 403
    )  # and no page to sign in on, which would land in the middle of this one
    assert staff_client(OrganizationFactory()).get(poll).status_code == 404
    assert staff_client(job.organization).post(poll).status_code == 405
    for nobody in ("999999", "x", "9" * 30):
        assert staff_client(job.organization).get(poll.replace(f"/{job.pk}/", f"/{nobody}/")).status_code == 404


def test_a_look_asks_the_database_little(job: FineTuneJob) -> None:
    client = staff_client(job.organization)
    poll = poll_of(page_of(client, job))
    with CaptureQueriesContext(connection) as queries:
        client.get(poll)
    assert len(queries) <= 7

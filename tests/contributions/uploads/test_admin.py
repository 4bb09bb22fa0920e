"""The pages of uploads: bringing a file in, watching, choosing, trying again, taking the original out."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.common.models import AuditEvent
from apps.contributions.models import Upload
from apps.organizations.models import Organization
from apps.personas.models import Persona
from tests.clients import staff_client
from tests.contributions.uploads.world import SAMPLE, TALK, make_persona, receive, work
from tests.factories import OrganizationFactory

pytestmark = pytest.mark.django_db
FORM = reverse("admin:contributions_upload_upload_file")
LIST = reverse("admin:contributions_upload_changelist")


@pytest.fixture
def persona() -> Persona:
    return make_persona()


@pytest.fixture
def client(persona: Persona) -> Client:
    return staff_client(persona.organization)


def page(client: Client, url: str) -> str:
    answer: Any = client.get(url)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def page_of(upload: Upload) -> str:
    return reverse("admin:contributions_upload_change", args=[upload.pk])


def post_file(client: Client, persona: Persona, content: bytes = TALK.encode(), **given: Any) -> Any:
    file = SimpleUploadedFile("talk.txt", content)
    return client.post(FORM, {"persona": persona.pk, "file": file, "confirmed": "yes", **given}, follow=True)


def test_a_file_is_brought_in_read_and_shown(client: Client, persona: Persona) -> None:
    sent = post_file(client, persona, SAMPLE.read_bytes())
    upload = Upload.objects.get()
    assert sent.redirect_chain == [(page_of(upload), 302)]
    assert "The file is stored and waits to be read." in sent.content.decode()
    assert 'hx-trigger="every 5s"' in page(client, page_of(upload))
    assert upload.uploaded_by.endswith("@example.org")
    upload = work(upload)
    shown = page(client, page_of(upload))
    assert 'hx-trigger="every' not in shown
    for words in (
        "73 pairs, 73 of them new",
        "You have 73 examples - fine-tuning available! 100 or more are recommended.",
        "What makes your rye taste different",
        "Herr Brandt",
        "<strong>(the persona)</strong>",
        "Names of people: 13",
        '<ins><span class="sr-only">added: </span>How you speak:</ins>',
        "You write messages of middling length: about 17 words in a message.",
        "None is shown to a model before you switch it on.",
        "Activate the prompt",
        "Download the original",
    ):
        assert words in shown, words
    for words in ("Try again", "Say who the persona is"):
        assert words not in shown, words
    assert shown.count('<span class="sr-only"> pair ') == 20
    assert "73 pairs, 73 of them new" in page(client, LIST)


def test_the_button_leads_to_the_prompts_own(client: Client, persona: Persona) -> None:
    upload = work(receive(persona))
    answer = client.get(reverse("admin:contributions_upload_activate_prompt", args=[upload.pk]), follow=True)
    assert "Activate this prompt version?" in answer.content.decode()


def test_the_same_file_again_says_so(client: Client, persona: Persona) -> None:
    upload = receive(persona)
    sent = post_file(client, persona)
    assert sent.redirect_chain == [(page_of(upload), 302)]
    assert "was given this very file before" in sent.content.decode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty"),
        (b"<html><body>hi</body></html>", "The file is a web page (HTML), whatever its name says."),
        (b"PK\x03\x04" + b"0" * 90, "Unpack it and upload the files inside."),
    ],
)
def test_a_file_that_nothing_reads_is_refused_on_the_form(
    client: Client, persona: Persona, content: bytes, words: str
) -> None:
    assert words in post_file(client, persona, content).content.decode()
    assert Upload.objects.count() == 0


def test_vision_is_offered_where_the_organization_allows_it(client: Client, persona: Persona) -> None:
    assert "allows_vision" not in page(client, FORM)
    Organization.objects.update(allows_vision=True)
    form = page(client, FORM)
    assert "allows_vision" in form
    assert "faces, names and numbers in them are not anonymised" in form
    post_file(client, persona, allows_vision="on")
    assert Upload.objects.get().allows_vision


def test_only_own_personas_that_talk_are_offered(client: Client) -> None:
    stranger = make_persona(name="Stranger", slug="stranger")
    assert "Stranger" not in page(client, FORM)
    assert post_file(client, stranger).status_code == 200
    assert Upload.objects.count() == 0
    other = staff_client(OrganizationFactory())
    assert "You have no persona whose task is Conversation yet." in page(other, FORM)


def test_somebody_says_who_the_persona_is(client: Client, persona: Persona) -> None:
    upload = work(receive(persona, TALK.replace("Bot", "Cleo")))
    assert "Say who the persona is" in page(client, page_of(upload))
    ask = reverse("admin:contributions_upload_choose_speaker", args=[upload.pk])
    asked = page(client, ask)
    assert "Cleo: 2 messages, 26 words" in asked
    assert "Select a valid choice" in client.post(ask, {"speaker": "Zoe"}).content.decode()
    assert client.post(ask, {"speaker": "Cleo"}, follow=True).redirect_chain == [(page_of(upload), 302)]
    assert work(upload).rows_imported == 2


def test_a_failed_one_is_tried_again(client: Client, persona: Persona) -> None:
    upload = work(receive(persona, "Nobody says anything here, and nobody answers."))
    shown = page(client, page_of(upload))
    assert "No conversation was found in the text." in shown
    again = reverse("admin:contributions_upload_retry", args=[upload.pk])
    assert "Read the file again?" in page(client, again)
    assert Upload.objects.get().status == "failed"  # only looked at
    client.post(again, {"confirmed": "yes"})
    assert Upload.objects.get().status == "received"


def test_the_original_leaves_as_a_download_for_members_alone(client: Client, persona: Persona) -> None:
    upload = receive(persona, name='../a"b<.html')
    url = reverse("admin:contributions_upload_download", args=[upload.pk])
    answer: Any = client.get(url)
    assert b"".join(answer.streaming_content) == TALK.encode()
    assert answer["Content-Disposition"].startswith("attachment;")
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("text/plain; charset=utf-8", "nosniff")
    assert AuditEvent.objects.filter(verb="downloaded", object_type="contributions.upload").count() == 1
    assert staff_client(OrganizationFactory()).get(url).status_code == 404
    upload.file.storage.delete(upload.file.name or "")
    assert "not there any more" in client.get(url, follow=True).content.decode()


def test_viewers_look_and_change_nothing(persona: Persona) -> None:
    viewer = staff_client(persona.organization, "viewer")
    upload = work(receive(persona, TALK.replace("Bot", "Cleo")))
    assert "Say who the persona is" not in page(viewer, page_of(upload))
    for name, args in (("upload_file", []), ("choose_speaker", [upload.pk]), ("retry", [upload.pk])):
        assert viewer.get(reverse(f"admin:contributions_upload_{name}", args=args)).status_code == 403


def test_a_list_of_three_asks_as_much_as_a_list_of_one(client: Client, persona: Persona) -> None:
    counts = []
    for number in (1, 2, 3):
        receive(persona, f"{TALK}{' ' * number}")
        with CaptureQueriesContext(connection) as queries:
            client.get(LIST)
        counts.append(len(queries))
    assert counts[0] == counts[2]

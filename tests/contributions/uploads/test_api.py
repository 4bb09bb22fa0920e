"""`/api/uploads/`: a file in, and how far it is."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.contributions.api import uploads as api
from apps.contributions.models import Upload
from apps.organizations.enums import Scope
from apps.organizations.models import Organization
from apps.personas.models import Persona
from tests.clients import key_client, staff_client
from tests.contributions.formats.files import encrypted_pdf, flate_bomb, pdf_of_repeated_page, png_by_header
from tests.contributions.uploads.world import TALK, make_persona, receive, work
from tests.factories import OrganizationFactory, PersonaFactory

pytestmark = pytest.mark.django_db
UPLOADS = "/api/uploads/"


@pytest.fixture
def persona() -> Persona:
    return make_persona(slug="nora")


@pytest.fixture
def client(persona: Persona) -> APIClient:
    return key_client(persona.organization)


def send(client: APIClient, content: str | bytes = TALK, name: str = "talk.txt", **fields: Any) -> Any:
    data = content.encode() if isinstance(content, str) else content
    return client.post(
        UPLOADS, {"persona": "nora", "file": SimpleUploadedFile(name, data), **fields}, format="multipart"
    )


def test_a_file_is_sent_and_watched(client: APIClient, persona: Persona) -> None:
    sent = send(client)
    assert sent.status_code == 201
    body = sent.json()
    upload = Upload.objects.get()
    assert (body["id"], body["status"], body["stage"], body["progress"]) == (
        upload.pk, "received", "Received: stage 1 of 4", 0,
    )  # fmt: skip
    assert (body["persona"], body["name"], body["is_new"], body["error"]) == ("nora", "talk.txt", True, None)
    assert body["links"] == {"page": f"/admin/contributions/upload/{upload.pk}/change/", "prompt": None}
    work(upload)
    done = client.get(f"{UPLOADS}{upload.pk}/").json()
    assert (done["status"], done["stage"], done["progress"]) == ("done", "Done: 2 pairs, 2 of them new", 100)
    assert (done["examples"], done["speaker"], done["allow_vision"]) == (2, "Bot", False)
    assert done["report"]["pairs"] == {"found": 2, "new": 2}
    assert done["analysis"]["described_by"] == "rules"
    assert (
        done["links"]["prompt"] == f"/admin/personas/promptversion/{persona.prompt_versions.get(number=2).pk}/change/"
    )
    listed = client.get(UPLOADS).json()["results"]
    assert [one["id"] for one in listed] == [upload.pk]
    assert "report" not in listed[0]
    assert Upload.objects.get().uploaded_by.startswith("API key fw_")


def test_the_same_file_again_is_a_200(client: APIClient) -> None:
    first, again = send(client), send(client, name="other.txt")
    assert (first.status_code, again.status_code) == (201, 200)
    assert (again.json()["id"], again.json()["is_new"]) == (first.json()["id"], False)


def test_the_speaker_is_said_afterwards(client: APIClient) -> None:
    upload = Upload.objects.get(pk=send(client, TALK.replace("Bot", "Cleo")).json()["id"])
    work(upload)
    url = f"{UPLOADS}{upload.pk}/"
    assert client.get(url).json()["stage"] == "Waiting: who is the persona?"
    assert [one["name"] for one in client.get(url).json()["report"]["speakers"]] == ["Ada", "Cleo"]
    wrong = client.post(f"{url}speaker/", {"speaker": "Zoe"})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "speaker")
    said = client.post(f"{url}speaker/", {"speaker": "Cleo"})
    assert (said.status_code, said.json()["status"]) == (200, "pairing")
    work(upload)
    assert client.get(url).json()["status"] == "done"
    assert client.post(f"{url}speaker/", {"speaker": "Ada"}).status_code == 409


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"content": b""}, 400, "empty_file", None),
        ({"content": b"<html><body>hi</body></html>", "name": "a.png"}, 400, "html_file", None),
        ({"content": b"PK\x03\x04" + b"0" * 90, "name": "a.txt"}, 400, "archive_file", None),
        ({"persona": "nobody"}, 404, "persona_not_found", "persona"),
        ({"persona": "coder"}, 400, "wrong_task", "persona"),
        ({"allow_vision": "true"}, 403, "vision_not_allowed", "allow_vision"),
        ({"allow_vision": "perhaps"}, 400, "invalid", "allow_vision"),
        ({"speaker": "x" * 201}, 400, "invalid", "speaker"),
        ({"speaker": "a\x00b"}, 400, "invalid", "speaker"),
        ({"file": "no file"}, 400, "invalid", "file"),
    ],
)
def test_what_cannot_be_used_is_said_in_the_house_shape(
    client: APIClient, persona: Persona, fields: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    PersonaFactory(organization=persona.organization, slug="coder")
    answer = send(client, **fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param)
    assert error["resolution"]
    assert Upload.objects.count() == 0


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (pdf_of_repeated_page(10_000), "too_many_pages"),
        (flate_bomb(300), "decompression_bomb"),
        (png_by_header(20_000, 20_000), "too_many_pixels"),
        (encrypted_pdf(to_open="secret"), "encrypted_pdf"),
    ],
    ids=["10,000 pages", "bomb", "400 megapixels", "password"],
)
def test_a_file_made_to_hurt_ends_with_what_to_do(client: APIClient, content: bytes, code: str) -> None:
    sent = send(client, content, "talk.pdf")
    assert sent.status_code == 201  # only the worker's child process opens it
    work(Upload.objects.get())
    body = client.get(f"{UPLOADS}{sent.json()['id']}/").json()
    assert (body["status"], body["error"]["code"], body["examples"]) == ("failed", code, 0)
    assert (Upload.objects.get().extracted_text, body["report"]) == ("", {})


def test_lists_leave_the_texts_of_files_where_they_are(client: APIClient, persona: Persona) -> None:
    work(receive(persona))
    with CaptureQueriesContext(connection) as queries:
        client.get(UPLOADS)
        staff_client(persona.organization).get("/admin/contributions/upload/")
    assert [query["sql"] for query in queries if '"extracted_text"' in query["sql"]] == []


def test_a_body_is_refused_by_its_length(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "MAX_BODY_BYTES", 300)
    answer = send(client, TALK * 2)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_another_type_of_body_is_refused(client: APIClient) -> None:
    answer = client.post(UPLOADS, {"persona": "nora"})
    assert (answer.status_code, answer.json()["error"]["resolution"]) == (
        415, "Send `Content-Type: multipart/form-data`.",
    )  # fmt: skip


@pytest.mark.parametrize("scopes", [[Scope.READ], [Scope.CONTRIBUTE], [Scope.TRAIN], [Scope.CHAT]])
def test_sending_takes_both_scopes(persona: Persona, scopes: list[str]) -> None:
    upload = receive(persona)
    client = key_client(persona.organization, *scopes)
    assert send(client, "Ada: hi").status_code == 403
    assert client.post(f"{UPLOADS}{upload.pk}/speaker/", {"speaker": "Ada"}).status_code == 403
    assert client.get(UPLOADS).status_code == (200 if scopes == [Scope.READ] else 403)


def test_nobody_sees_anothers(persona: Persona) -> None:
    upload = receive(persona)
    stranger: Organization = OrganizationFactory()
    other = key_client(stranger)
    assert other.get(UPLOADS).json()["results"] == []
    assert other.get(f"{UPLOADS}{upload.pk}/").status_code == 404
    assert other.post(f"{UPLOADS}{upload.pk}/speaker/", {"speaker": "Bot"}).status_code == 404
    assert send(other).status_code == 404
    viewer = staff_client(persona.organization, "viewer")
    assert viewer.get(UPLOADS).status_code == 200
    form = {"persona": "nora", "file": SimpleUploadedFile("a.txt", b"Ada: hi")}
    assert viewer.post(UPLOADS, form).status_code == 403

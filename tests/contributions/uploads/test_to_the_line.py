"""From a file that somebody uploads to the very lines that a model is trained on, and to what it is asked with."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from apps.common import jobs
from apps.common.audit import SYSTEM
from apps.contributions.models import TrainingExample, Upload
from apps.datasets.services import build_dataset
from apps.personas.models import FewShotExample
from apps.personas.queries import active_prompt, build_messages
from apps.personas.services import activate_prompt_version, switch_few_shot_examples
from tests.clients import key_client, staff_client
from tests.contributions.uploads.world import SAMPLE, make_persona
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_a_file_goes_from_the_form_to_the_training_lines_and_to_the_persona() -> None:
    persona = make_persona(slug="nora")
    file = SimpleUploadedFile("conversations.txt", SAMPLE.read_bytes())
    form = {"persona": persona.pk, "file": file, "confirmed": "yes"}
    staff_client(persona.organization).post(reverse("admin:contributions_upload_upload_file"), form)
    jobs.drain()
    upload = Upload.objects.get()

    dataset = build_dataset(persona=persona, name="Nora", by=SYSTEM, now=NOW)
    assert (dataset.example_count, dataset.training_count + dataset.validation_count) == (73, 73)
    lines = {item.example_id: json.loads(item.line)["messages"] for item in dataset.items.all()}
    third = lines[TrainingExample.objects.get(client_id=f"upload-{upload.pk}-3").pk]
    assert [message["role"] for message in third] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    assert third[1]["content"] == "Good morning [PERSON_NAME], is the bakery open on Whit Monday?"
    assert third[-1]["content"].startswith("Time, mostly. Mine sleeps for twenty hours")
    assert [line for line in lines.values() if "Jonas" in json.dumps(line)] == []

    assert upload.prompt_version is not None
    activate_prompt_version(prompt=upload.prompt_version, by=SYSTEM, now=NOW)
    switch_few_shot_examples(examples=list(FewShotExample.objects.all()[:2]), on=True, by=SYSTEM)
    asked = build_messages(persona=persona, prompt=active_prompt(persona), messages=[])
    assert "How you speak:" in asked[0]["content"]
    assert [message["role"] for message in asked] == ["system", "user", "assistant", "user", "assistant"]


def test_a_withdrawn_pair_takes_the_file_and_its_proposals_along() -> None:
    persona = make_persona(slug="nora")
    client = key_client(persona.organization)
    client.post(
        "/api/uploads/",
        {"persona": "nora", "file": SimpleUploadedFile("a.txt", SAMPLE.read_bytes())},
        format="multipart",
    )
    jobs.drain()
    example = TrainingExample.objects.order_by("pk")[5]
    assert client.post(f"/api/examples/{example.pk}/withdraw/").status_code == 200
    jobs.drain()
    upload = Upload.objects.get()
    body = client.get(f"/api/uploads/{upload.pk}/").json()
    assert (body["status"], body["name"], body["report"], body["analysis"]) == ("withdrawn", "withdrawn", {}, None)
    assert FewShotExample.objects.count() == 0
    page = staff_client(persona.organization).get(reverse("admin:contributions_upload_change", args=[upload.pk]))
    assert page.status_code == 200
    assert "Download the original" not in page.content.decode()

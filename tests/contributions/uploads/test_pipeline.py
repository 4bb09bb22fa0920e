"""From a file to a prompt, with the embedded trainer: by rules alone."""

import io
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage

from apps.common import jobs
from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, InvalidInput, NotAllowed, NotFound, TooLarge
from apps.common.models import AuditEvent
from apps.contributions import services
from apps.contributions.enums import ExampleSource, ExampleStatus, UploadStatus
from apps.contributions.models import TrainingExample, Upload
from apps.contributions.services.uploads import receiving
from apps.organizations.models import Organization
from apps.personas.models import FewShotExample, Persona, PromptVersion
from apps.personas.services import activate_prompt_version
from tests.contributions.uploads.world import COFFEE, SAMPLE, TALK, make_persona, process, receive, work
from tests.factories import NOW, MembershipFactory, PersonaFactory

pytestmark = pytest.mark.django_db
FRIENDS = TALK.replace("Bot:", "Cleo:")


@pytest.fixture
def persona() -> Persona:
    return make_persona()


def stored_files() -> int:
    try:
        return len(default_storage.listdir("uploads")[1])
    except FileNotFoundError:
        return 0


def test_a_file_becomes_pairs_proposals_an_analysis_and_a_prompt(persona: Persona) -> None:
    upload = receive(persona, SAMPLE.read_bytes(), name="conversations.txt")
    assert (upload.status, upload.media_type) == (UploadStatus.RECEIVED, "text/plain; charset=utf-8")
    upload = work(upload)
    assert (upload.status, upload.error_message, upload.speaker) == (UploadStatus.DONE, "", "Nora")
    assert (upload.rows_imported, upload.report["pairs"]) == (73, {"found": 73, "new": 73})
    assert upload.report["read_by"] == {"rules": 1}
    assert upload.report["speakers"][0] == {"name": "Nora", "turns": 73, "words": 1286}
    assert (upload.leased_until, upload.attempts, upload.finished_at is None) == (None, 0, False)

    examples = TrainingExample.objects.filter(upload=upload)
    assert Counter(examples.values_list("source", "status", "kind", "contributed_by")) == {
        (ExampleSource.UPLOAD, ExampleStatus.ACCEPTED, "chat_turn", "system"): 73
    }
    third = examples.get(client_id=f"upload-{upload.pk}-3")
    assert third.conversation_ref == f"upload-{upload.pk}-1"
    assert [turn["role"] for turn in third.input["history"]] == ["user", "assistant"] * 2
    assert third.input["message"] == "What makes your rye taste different from the one at the station?"
    assert third.accepted_label["text"].startswith("Time, mostly.")
    assert (third.quality_score, third.accepted_by) == (1, "system")

    proposed = FewShotExample.objects.filter(persona=persona, origin=f"upload {upload.pk}")
    assert (proposed.count(), proposed.filter(is_active=True).count()) == (20, 0)
    assert upload.report["few_shots"]["proposed"] == 20
    assert upload.analysis["style"]["messages"] == 73

    prompt = upload.prompt_version
    assert prompt is not None
    assert (prompt.number, prompt.is_active, prompt.origin) == (2, False, f"upload {upload.pk}")
    assert prompt.system_prompt.startswith("You are Nora.")
    assert "\n\nHow you speak:\n- You write messages of middling length: about 17 words" in prompt.system_prompt


def test_names_are_replaced_before_anything_is_made_of_the_words(persona: Persona) -> None:
    upload = work(receive(persona, SAMPLE.read_bytes()))
    assert upload.report["redactions"]["person"] == 13
    said = [str(one.input) + str(one.accepted_label) for one in upload.examples.all()]
    shown = [f"{one.user_message} {one.assistant_message}" for one in persona.few_shot_examples.all()]
    assert "Jonas" in upload.extracted_text
    for name in ("Jonas", "Mirela", "Nora", "Herr Brandt"):
        assert [words for words in [*said, *shown, upload.prompt_version.system_prompt[20:]] if name in words] == []


def test_what_was_learnt_before_makes_room(persona: Persona) -> None:
    first = work(receive(persona, SAMPLE.read_bytes()))
    activate_prompt_version(prompt=first.prompt_version, by=SYSTEM, now=NOW)
    second = work(receive(persona, TALK))
    prompt = second.prompt_version.system_prompt
    assert prompt.count("How you speak:") == 1
    assert "13 words" in prompt
    assert "17 words" not in prompt


def test_real_orders_of_coffee(persona: Persona) -> None:
    if not COFFEE.exists():
        pytest.skip(f"{COFFEE} is not on this machine")
    upload = work(receive(persona, COFFEE.read_bytes(), name="coffee-orders.jsonl"))
    assert (upload.status, upload.speaker) == (UploadStatus.DONE, "assistant")
    assert (upload.report["pairs"], upload.rows_imported) == ({"found": 345, "new": 344, "duplicates": 1}, 344)
    assert upload.report["dropped"] == {"short_question": 269, "short_answer": 17}


# --- the same again ---------------------------------------------------------------------------------------------------


def test_the_same_file_leads_to_the_same_upload(persona: Persona) -> None:
    first = services.receive_upload(persona=persona, file=_open(TALK), name="a.txt", by=SYSTEM)
    again = services.receive_upload(persona=persona, file=_open(TALK), name="b.txt", by=SYSTEM)
    assert (first.is_new, again.is_new, again.upload.pk) == (True, False, first.upload.pk)
    assert stored_files() == 1
    other = make_persona(organization=persona.organization, slug="other")
    assert services.receive_upload(persona=other, file=_open(TALK), name="a.txt", by=SYSTEM).is_new


def test_pairs_that_are_known_are_counted_and_not_stored_again(persona: Persona) -> None:
    work(receive(persona, TALK))
    second = work(receive(persona, TALK + "\n"))
    assert second.status == UploadStatus.DONE
    assert (second.rows_imported, second.report["pairs"]) == (0, {"found": 2, "duplicates": 2})
    assert TrainingExample.objects.filter(persona=persona).count() == 2


def _open(content: str) -> Any:
    return io.BytesIO(content.encode())


# --- who the persona is -----------------------------------------------------------------------------------------------


def test_somebody_says_who_the_persona_is(persona: Persona) -> None:
    upload = work(receive(persona, FRIENDS))
    assert (upload.status, upload.leased_until) == (UploadStatus.NEEDS_SPEAKER, None)
    assert [one["name"] for one in upload.report["speakers"]] == ["Ada", "Cleo"]
    assert process(upload).status == UploadStatus.NEEDS_SPEAKER  # a worker has nothing to do
    with pytest.raises(InvalidInput) as refused:
        services.choose_speaker(upload=upload, speaker="Zoe", by=SYSTEM, now=NOW)
    assert (refused.value.code, refused.value.resolution) == ("unknown_speaker", "Choose one of: Ada, Cleo.")
    services.choose_speaker(upload=upload, speaker="Cleo", by=SYSTEM, now=NOW)
    upload = work(upload)
    assert (upload.status, upload.rows_imported) == (UploadStatus.DONE, 2)
    with pytest.raises(Conflict):
        services.choose_speaker(upload=upload, speaker="Ada", by=SYSTEM, now=NOW)


def test_the_speaker_is_named_or_called_as_the_persona(persona: Persona) -> None:
    assert work(receive(persona, FRIENDS, speaker=" cleo ")).speaker == "Cleo"
    assert work(receive(make_persona(name="Cleo", organization=persona.organization), FRIENDS)).speaker == "Cleo"
    unknown = work(receive(persona, FRIENDS + "\n", speaker="Zoe"))
    assert unknown.status == UploadStatus.NEEDS_SPEAKER


def test_another_speaker_may_be_chosen_where_the_first_has_no_pairs(persona: Persona) -> None:
    upload = work(receive(persona, "Ada: Hello there!\nCleo: I write at length about bread.\n" * 2, speaker="Ada"))
    assert (upload.status, upload.error_code) == (UploadStatus.FAILED, "no_pairs")
    assert upload.error_message.startswith("No complete exchange was found")
    assert "Ada" not in upload.error_message  # which nobody encrypts
    assert (upload.rows_imported, upload.prompt_version) == (0, None)
    services.choose_speaker(upload=upload, speaker="Cleo", by=SYSTEM, now=NOW)
    assert (work(upload).error_code, upload.report["dropped"]) == ("no_pairs", {"short_question": 2})


# --- what cannot be -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"", "a.txt", "empty_file"),
        (b"<!DOCTYPE html><html><body>x</body></html>", "picture.png", "html_file"),
        (b"PK\x03\x04" + b"\x00" * 100, "talk.txt", "archive_file"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.png", "svg_file"),
        (bytes(range(256)) * 10, "a.txt", "unknown_file"),
    ],
)
def test_a_file_that_nothing_reads_is_refused_before_it_is_stored(
    persona: Persona, content: bytes, name: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        receive(persona, content, name=name)
    assert refused.value.code == code
    assert refused.value.resolution
    assert (Upload.objects.count(), stored_files(), AuditEvent.objects.filter(verb="uploaded").count()) == (0, 0, 0)


def test_a_large_file_is_refused(persona: Persona, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "MAX_UPLOAD_BYTES", 100)
    with pytest.raises(TooLarge):
        receive(persona, TALK)
    assert stored_files() == 0


def test_only_personas_that_talk_learn_from_conversations() -> None:
    coder: Persona = PersonaFactory()
    for other in (coder, make_persona(is_active=False, slug="off")):
        with pytest.raises(InvalidInput) as refused:
            receive(other, TALK)
        assert refused.value.code == "wrong_task"
        assert "whose task is Conversation" in refused.value.resolution


def test_vision_takes_the_organizations_word_too(persona: Persona) -> None:
    with pytest.raises(NotAllowed) as refused:
        receive(persona, TALK, allows_vision=True)
    assert refused.value.code == "vision_not_allowed"
    Organization.objects.update(allows_vision=True)
    persona.organization.refresh_from_db()
    assert receive(persona, TALK, allows_vision=True).allows_vision


def test_strangers_and_viewers_bring_nothing_in(persona: Persona) -> None:
    stranger = MembershipFactory().user
    viewer = MembershipFactory(organization=persona.organization, role="viewer").user
    for who, error in ((stranger, NotFound), (viewer, NotAllowed)):
        with pytest.raises(error):
            receive(persona, TALK, by=who)
    upload = work(receive(persona, FRIENDS))
    for act in (services.choose_speaker, services.retry_upload):
        given = {"speaker": "Cleo"} if act is services.choose_speaker else {}
        with pytest.raises(NotFound):
            act(upload=upload, by=stranger, now=NOW, **given)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("Once upon a time nobody said anything at all.\n" * 3, "no_conversation"),
        ('{"turns": [{"speaker": "Ada"', "invalid_json"),
        (b"%PDF-1.4\n" + b"broken" * 100, "broken_file"),
    ],
)
def test_a_file_without_conversations_ends_with_what_to_do(persona: Persona, content: Any, code: str) -> None:
    upload = work(receive(persona, content))
    assert (upload.status, upload.error_code) == (UploadStatus.FAILED, code)
    assert len(upload.error_message) > 40
    assert (upload.examples.count(), PromptVersion.objects.count(), upload.extracted_text) == (0, 1, "")


def test_a_failed_upload_is_tried_again(persona: Persona) -> None:
    upload = receive(persona, TALK)
    stored = Path(upload.file.path)
    away = stored.rename(stored.with_name("away"))
    assert work(upload).error_code == "file_missing"
    away.rename(stored)
    services.retry_upload(upload=upload, by=SYSTEM, now=NOW)
    upload = work(upload)
    assert (upload.status, upload.error_code, upload.rows_imported) == (UploadStatus.DONE, "", 2)
    with pytest.raises(Conflict):
        services.retry_upload(upload=upload, by=SYSTEM, now=NOW)


def test_a_withdrawn_upload_stays_empty(persona: Persona) -> None:
    upload = receive(persona, TALK)
    organization = persona.organization
    services.withdraw_organization(organization=organization, confirmation=organization.slug, by=SYSTEM, now=NOW)
    jobs.drain()
    upload.refresh_from_db()
    assert (upload.status, upload.extracted_text, upload.file.name) == (UploadStatus.WITHDRAWN, "", "")
    assert (process(upload).status, stored_files()) == (UploadStatus.WITHDRAWN, 0)
    with pytest.raises(Conflict):
        services.retry_upload(upload=upload, by=SYSTEM, now=NOW)
    assert receive(persona, TALK).pk != upload.pk  # brought again on purpose

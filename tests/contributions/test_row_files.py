"""Files of examples that staff bring in: checked, looked at, then stored or dropped."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from apps.common import jobs
from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, InvalidInput, NotAllowed, TooLarge
from apps.common.models import AuditEvent
from apps.contributions.enums import UploadStatus
from apps.contributions.models import Contribution, Label, TrainingExample, Upload
from apps.contributions.services import (
    check_row_file,
    drop_row_file,
    hand_out_row_files,
    row_files,
    store_row_file,
    work_on_row_file,
)
from apps.personas.models import Persona
from tests.clients import staff_client
from tests.factories import NOW, PersonaFactory, TesterFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/contributions/trainingexample/"
ROWS = (
    b"text,category\nWhere is my card?,lost_card\nWhat is the rate?,exchange_rate\nOld one,lost_card\n"
    b"What is the rate?,lost_card\nNo such code,nonsense\nNot coded yet,\n"
)


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    files = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "default": files}
    return tmp_path


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(slug="coder")
    return persona


def _check(persona: Persona, data: bytes = ROWS, *, name: str = "rows.csv", **options: Any) -> Upload:
    return check_row_file(
        persona=persona, file=io.BytesIO(data), name=name, size=len(data), by=SYSTEM, now=NOW, **options
    )


def _stored(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


def test_a_check_says_what_would_become_of_every_row(persona: Persona) -> None:
    old = store_row_file(upload=_check(persona, b"text\nOld one\n"), by=SYSTEM, now=NOW).examples.get()
    upload = _check(persona)
    assert (upload.status, TrainingExample.objects.count(), upload.rows_imported) == (UploadStatus.CHECKED, 1, 0)
    report = upload.report
    assert [report[name] for name in ("shape", "created", "accepted", "duplicates", "rejected")] == [
        "csv_rows",
        3,
        2,
        2,
        1,
    ]
    assert [(row["line"], row["input"], row["label"]) for row in report["rows"]] == [
        (2, {"text": "Where is my card?"}, {"code": "lost_card"}),
        (3, {"text": "What is the rate?"}, {"code": "exchange_rate"}),
        (7, {"text": "Not coded yet"}, None),
    ]
    assert report["twins"] == [[4, old.pk], [5, None]]  # the second repeats a row of the file
    assert [line for line, _ in report["faults"]] == [6]


def test_storing_does_what_the_check_said(
    persona: Persona, media: Path, django_capture_on_commit_callbacks: Any
) -> None:
    upload = _check(persona)
    checked = {name: upload.report[name] for name in ("created", "accepted", "duplicates", "rejected")}
    assert len(_stored(media)) == 1
    with django_capture_on_commit_callbacks(execute=True):
        done = store_row_file(upload=upload, by=SYSTEM, now=NOW)
    assert (done.status, done.rows_imported, done.file.name) == (UploadStatus.DONE, 4, "")
    assert (
        {name: done.report[name] for name in checked}
        == checked
        == {"created": 4, "accepted": 3, "duplicates": 1, "rejected": 1}
    )
    assert done.report["rows"] == []  # they are examples now, and in no second place
    assert _stored(media) == []
    assert set(TrainingExample.objects.values_list("upload", flat=True)) == {upload.pk}
    assert TrainingExample.objects.accepted().count() == 3
    assert list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True)) == [
        "import_began", "import_confirmed", "imported",
    ]  # fmt: skip


def test_labels_of_a_tester_and_the_test_pin(persona: Persona) -> None:
    tester = TesterFactory(organization=persona.organization)
    store_row_file(upload=_check(persona, label_as=tester, split_pin="test"), by=SYSTEM, now=NOW)
    assert Label.objects.filter(tester=tester).count() == TrainingExample.objects.count() == 3
    assert Contribution.objects.get().training_tests_completed == 3
    assert not TrainingExample.objects.trainable().exists()
    with pytest.raises(NotAllowed):
        _check(persona, label_as=TesterFactory())


def test_dropping_leaves_nothing(persona: Persona, media: Path, django_capture_on_commit_callbacks: Any) -> None:
    upload = _check(persona)
    with django_capture_on_commit_callbacks(execute=True):
        drop_row_file(upload=upload, by=SYSTEM, now=NOW)
    upload.refresh_from_db()
    assert (upload.status, upload.report["rows"], _stored(media)) == (UploadStatus.FAILED, [], [])
    for decide in (store_row_file, drop_row_file):
        with pytest.raises(Conflict):
            decide(upload=upload, by=SYSTEM, now=NOW)
    assert not TrainingExample.objects.exists()


def test_two_who_decide_at_once_store_once(persona: Persona) -> None:
    upload = _check(persona)
    store_row_file(upload=Upload.objects.get(pk=upload.pk), by=SYSTEM, now=NOW)
    with pytest.raises(Conflict):
        store_row_file(upload=upload, by=SYSTEM, now=NOW)
    assert TrainingExample.objects.count() == 4


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"<html></html>", b'{"a": 1}'])
def test_what_is_no_such_file_is_not_kept(persona: Persona, media: Path, data: bytes) -> None:
    with pytest.raises(InvalidInput):
        _check(persona, data)
    assert not Upload.objects.exists()
    assert _stored(media) == []


def test_a_file_that_is_too_large_is_refused(persona: Persona, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_files, "MAX_BYTES", 10)
    with pytest.raises(TooLarge):
        _check(persona)


def test_a_fault_late_in_the_file_is_found_before_anything_is_stored(persona: Persona) -> None:
    upload = _check(persona, b"text\n" + b"".join(b"Question %d\n" % n for n in range(1200)) + b"\xff\n")
    assert (upload.status, upload.error_code) == (UploadStatus.FAILED, "wrong_encoding")
    assert "Line 1202 is not UTF-8" in upload.error_message
    assert not TrainingExample.objects.exists()


# --- large files ------------------------------------------------------------------------------------------------------


@pytest.fixture
def large(persona: Persona, monkeypatch: pytest.MonkeyPatch) -> Upload:
    """One that a worker is to look at."""
    monkeypatch.setattr(row_files, "MAX_WAITING_BYTES", 10)
    chats = ({"messages": [{"role": "user", "content": f"Question {n}"}]} for n in range(1_300))
    return _check(persona, "\n".join(map(json.dumps, chats)).encode(), name="chats.jsonl")


def test_a_large_file_is_left_to_the_worker(large: Upload) -> None:
    assert (large.status, large.progress_done) == (UploadStatus.CHECKING, 0)
    assert jobs.drain() == 1
    large.refresh_from_db()
    assert (large.status, large.report["created"]) == (UploadStatus.CHECKED, 1_300)
    assert large.progress_done == large.progress_total
    store_row_file(upload=large, by=SYSTEM, now=NOW)
    assert not TrainingExample.objects.exists()
    jobs.drain()
    large.refresh_from_db()
    assert (large.status, large.rows_imported, TrainingExample.objects.count()) == (UploadStatus.DONE, 1_300, 1_300)


def test_a_worker_that_was_killed_is_followed_by_another(large: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.drain()
    large.refresh_from_db()
    store_row_file(upload=large, by=SYSTEM, now=NOW)
    load, batches = row_files.Loader.load, iter(range(2))

    def dies_in_its_third_batch(*args: Any) -> Any:
        next(batches)  # StopIteration is what no code here expects
        return load(*args)

    monkeypatch.setattr(row_files.Loader, "load", dies_in_its_third_batch)
    with pytest.raises(StopIteration):
        work_on_row_file(upload=large, now=NOW)
    monkeypatch.setattr(row_files.Loader, "load", load)
    assert TrainingExample.objects.count() == 1_000
    work_on_row_file(upload=large, now=NOW)  # the lease of the first still holds
    assert TrainingExample.objects.count() == 1_000
    work_on_row_file(upload=large, now=NOW + timedelta(minutes=16))
    large.refresh_from_db()
    assert (large.status, large.rows_imported, TrainingExample.objects.count()) == (UploadStatus.DONE, 1_300, 1_300)
    assert [large.report[name] for name in ("created", "duplicates", "rejected")] == [1_300, 0, 0]


def test_the_sweep_finds_what_nobody_works_on_and_what_nobody_confirms(
    large: Upload, media: Path, django_capture_on_commit_callbacks: Any
) -> None:
    made = large.created_at
    jobs.drain(limit=0)
    hand_out_row_files(now=made + timedelta(minutes=5))
    assert jobs.drain() == 2  # the first, and the one that the sweep put in for it: it finds nothing to do
    large.refresh_from_db()
    assert large.status == UploadStatus.CHECKED
    with django_capture_on_commit_callbacks(execute=True):
        hand_out_row_files(now=large.updated_at + timedelta(days=8))
    large.refresh_from_db()
    assert (large.status, large.error_code, _stored(media)) == (UploadStatus.FAILED, "dropped", [])


# --- the pages --------------------------------------------------------------------------------------------------------


@pytest.fixture
def staff(persona: Persona) -> Client:
    return staff_client(persona.organization)


def _send(staff: Client, persona: Persona, data: bytes, **fields: Any) -> Any:
    form = {"persona": persona.pk, "file": SimpleUploadedFile("rows.csv", data), **fields}
    return staff.post(f"{LIST}import/", form, follow=True)


def test_from_the_list_to_stored_examples(staff: Client, persona: Persona) -> None:
    assert f"{LIST}import/" in staff.get(LIST).content.decode()
    page = _send(staff, persona, ROWS)
    text = page.content.decode()
    for words in ("Store these rows?", "Where is my card?", "lost_card", "Line 6", "is not in the codebook",
                  "repeats an earlier row of the file", "Store 4 examples", "awaits labels"):  # fmt: skip
        assert words in text, words
    url = page.redirect_chain[-1][0]
    done = staff.post(url, {"decision": "store"}, follow=True).content.decode()
    assert "The rows are stored" in done
    assert TrainingExample.objects.count() == 4
    assert set(TrainingExample.objects.accepted().values_list("accepted_by", flat=True)) == {
        staff.get(LIST).wsgi_request.user.audit_name  # type: ignore[union-attr]
    }
    assert "already" in staff.post(url, {"decision": "store"}, follow=True).content.decode()


def test_duplicates_link_to_the_examples_that_are_there(staff: Client, persona: Persona) -> None:
    store_row_file(upload=_check(persona), by=SYSTEM, now=NOW)
    text = _send(staff, persona, ROWS).content.decode()
    first = TrainingExample.objects.earliest("pk")
    assert f'href="{LIST}{first.pk}/change/"' in text
    assert "Store 0" not in text


def test_what_cannot_be_read_is_said_at_the_form(staff: Client, persona: Persona) -> None:
    text = _send(staff, persona, b"PK\x03\x04").content.decode()
    assert "The file is a ZIP archive, as .xlsx files are." in text
    assert not Upload.objects.exists()


def test_a_running_file_looks_again_by_itself(staff: Client, large: Upload) -> None:
    text = staff.get(f"{LIST}import/{large.pk}/").content.decode()
    assert '<meta http-equiv="refresh" content="2">' in text
    assert "0 % of the file is read" in text


def test_html_in_rows_is_shown_as_text(staff: Client, persona: Persona) -> None:
    text = _send(staff, persona, b"text\n<script>alert(1)</script>\n").content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_strangers_and_viewers_get_nowhere(persona: Persona) -> None:
    upload = _check(persona)
    url = f"{LIST}import/{upload.pk}/"
    stranger, viewer = staff_client(PersonaFactory().organization), staff_client(persona.organization, "viewer")
    assert (stranger.get(url).status_code, viewer.get(url).status_code) == (404, 403)
    assert (stranger.post(url, {"decision": "store"}).status_code, viewer.post(url).status_code) == (404, 403)
    assert (
        stranger.post(f"{LIST}import/", {"persona": persona.pk, "file": SimpleUploadedFile("a.csv", ROWS)}).status_code
        == 200
    )
    assert Upload.objects.count() == 1
    assert not TrainingExample.objects.exists()


def test_an_upload_of_another_kind_has_no_such_page(staff: Client, persona: Persona) -> None:
    other = Upload.objects.create(
        organization=persona.organization, persona=persona, original_name="talk.pdf", sha256="0" * 64, size_bytes=1,
        uploaded_by="somebody",
    )  # fmt: skip
    assert staff.get(f"{LIST}import/{other.pk}/").status_code == 404

"""Two workers, two uploaders, at the very same moment, on the database that is in use."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.common.audit import SYSTEM
from apps.contributions.enums import UploadStatus
from apps.contributions.models import TrainingExample, Upload
from apps.contributions.services import choose_speaker
from apps.personas.models import PromptVersion
from tests.contributions.test_concurrency import _at_once
from tests.contributions.uploads.world import SAMPLE, TALK, make_persona, process, receive
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_workers_at_once_one_reads() -> None:
    persona = make_persona()
    upload = receive(persona, SAMPLE.read_bytes())
    _at_once([lambda: process(Upload.objects.get(pk=upload.pk)) for _ in range(3)])
    upload.refresh_from_db()
    assert (upload.status, upload.report["read_by"]) == (UploadStatus.DONE, {"rules": 1})
    assert TrainingExample.objects.filter(upload=upload).count() == 73
    assert PromptVersion.objects.filter(origin=f"upload {upload.pk}").count() == 1


def test_the_same_file_sent_by_several_at_once_is_one_upload() -> None:
    persona = make_persona()
    received = _at_once([lambda: receive(persona, TALK) for _ in range(4)])
    assert len({one.pk for one in received}) == 1
    assert Upload.objects.count() == 1


def test_two_uploads_of_one_persona_at_once_share_their_pairs() -> None:
    persona = make_persona()
    uploads = [receive(persona, TALK + " " * number) for number in range(2)]
    work: list[Callable[[], Any]] = [lambda one=one: process(one) for one in uploads]  # type: ignore[misc]
    _at_once(work)
    assert {one.status for one in Upload.objects.all()} == {UploadStatus.DONE}
    assert TrainingExample.objects.filter(persona=persona).count() == 2
    assert sorted(PromptVersion.objects.filter(persona=persona).values_list("number", flat=True)) == [1, 2, 3]


def test_of_two_who_choose_one_decides() -> None:
    persona = make_persona()
    upload = process(receive(persona, TALK.replace("Bot", "Cleo")))
    chosen = _at_once(
        [
            lambda: choose_speaker(upload=Upload.objects.get(pk=upload.pk), speaker="Ada", by=SYSTEM, now=NOW),
            lambda: choose_speaker(upload=Upload.objects.get(pk=upload.pk), speaker="Cleo", by=SYSTEM, now=NOW),
        ]
    )
    assert sorted(type(one).__name__ for one in chosen) == ["Conflict", "Upload"]

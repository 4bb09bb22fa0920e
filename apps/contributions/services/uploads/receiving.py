"""Files come in: looked at before they are stored, stored before their row is written, queued with it."""

import hashlib
import os
from dataclasses import dataclass
from typing import BinaryIO

from django.db import transaction

from apps.common import audit, jobs
from apps.common.audit import Actor
from apps.common.database import hold
from apps.common.errors import InvalidInput, NotAllowed, TooLarge
from apps.common.safe_json import UNUSABLE_TEXT
from apps.contributions.formats.documents import require_readable, sniff
from apps.contributions.models import Upload
from apps.contributions.queries import conversation_uploads
from apps.contributions.services.uploads.files import delete_file, store_file
from apps.contributions.services.uploads.turns import READ_JOB
from apps.organizations.actors import must_belong
from apps.personas.enums import TaskName
from apps.personas.models import Persona

MAX_UPLOAD_BYTES = 25_000_000
HASHED_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Received:
    upload: Upload
    is_new: bool  # False: the persona was given this very file before, and here is what became of it


def receive_upload(
    *,
    persona: Persona,
    file: BinaryIO,
    name: str,
    by: Actor,
    speaker: str = "",
    allows_vision: bool = False,
) -> Received:
    """Store a file of conversations and have it read (AV1). `speaker` is who of its speakers the persona is, if known.

    `allows_vision` sends its pages that hold no text to the provider as they are. InvalidInput for a persona that
    learns nothing from conversations, and for a file that nothing here reads; TooLarge above MAX_UPLOAD_BYTES;
    NotAllowed where the organization did not allow vision.
    """
    must_belong(by=by, organization=persona.organization, what="persona")
    _check_persona(persona)
    _check_vision(persona, allows_vision)
    size = _check_size(file)
    kind = sniff(file)
    require_readable(kind)
    fresh = Upload(
        organization=persona.organization, persona=persona, original_name=_clean_name(name), size_bytes=size,
        media_type=kind.media_type, sha256=_sha256(file), uploaded_by=by.audit_name, speaker=speaker.strip()[:200],
        allows_vision=allows_vision,
    )  # fmt: skip
    if earlier := _same_file(fresh):
        return Received(earlier, is_new=False)
    fresh.file.name = store_file(file)
    received: Received | None = None
    try:
        received = _record(fresh, by=by)
    finally:  # nothing is left behind of what was not recorded
        if received is None or not received.is_new:
            delete_file(fresh.file.name)
    return received


@transaction.atomic
def _record(upload: Upload, *, by: Actor) -> Received:
    hold(upload.persona)  # of the same file sent twice at once, the second finds the first
    if earlier := _same_file(upload):
        return Received(earlier, is_new=False)
    upload.save(force_insert=True)
    audit.record(
        "uploaded", by=by, target=upload, persona=upload.persona.slug, bytes=upload.size_bytes,
        media_type=upload.media_type, vision=upload.allows_vision,
    )  # fmt: skip
    jobs.enqueue(READ_JOB, upload.pk)
    return Received(upload, is_new=True)


def _same_file(upload: Upload) -> Upload | None:
    """What was withdrawn is gone: its file may be brought again."""
    own = conversation_uploads(organization=upload.organization).filter(persona=upload.persona)
    return own.filter(sha256=upload.sha256, withdrawn_at=None).order_by("pk").first()


def _check_persona(persona: Persona) -> None:
    if persona.task != TaskName.CONVERSATION or not persona.is_active:
        why = f"does {persona.get_task_display().lower()}" if persona.is_active else "is switched off"
        raise InvalidInput(
            f"{persona} {why}: files of conversations teach only personas that hold them.",
            resolution="Choose a persona whose task is Conversation. Examples of other tasks are imported from CSV or "
            "JSONL, by import_examples or POST /api/examples/.",
            code="wrong_task",
            param="persona",
        )


def _check_vision(persona: Persona, allows_vision: bool) -> None:
    if allows_vision and not persona.organization.allows_vision:
        raise NotAllowed(
            f"{persona.organization} does not let images go to the provider's vision model.",
            resolution="Leave allow_vision out, or have an owner switch vision on for the organization.",
            code="vision_not_allowed",
            param="allow_vision",
        )


def _check_size(file: BinaryIO) -> int:
    size = file.seek(0, os.SEEK_END)
    if size > MAX_UPLOAD_BYTES:
        raise TooLarge(
            f"The file has more than {MAX_UPLOAD_BYTES // 1_000_000} MB.",
            resolution="Upload it in parts.",
            param="file",
        )
    return size


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while piece := file.read(HASHED_AT_ONCE):
        digest.update(piece)
    return digest.hexdigest()


def _clean_name(name: str) -> str:
    """For people to recognise it by; it names nothing on the disk."""
    plain = "".join(sign for sign in UNUSABLE_TEXT.sub("", name) if sign.isprintable())
    return plain.replace("\\", "/").rpartition("/")[2].strip()[-255:] or "file"

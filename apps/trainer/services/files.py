"""Files come in and go. Contents are written to storage outside the transaction: they may be large."""

from contextlib import suppress
from datetime import datetime, timedelta

from django.core.files.base import File
from django.db import transaction

from apps.common import audit
from apps.common.errors import InvalidInput, NotFound, TooLarge
from apps.trainer import queries
from apps.trainer.enums import Purpose
from apps.trainer.models import Account, TrainerFile

MAX_FILE_BYTES = 512 * 1024 * 1024


def upload_file(
    *, content: File[bytes], filename: str, purpose: str, by: Account, now: datetime, keep_seconds: int | None = None
) -> TrainerFile:
    """Store a training file; `keep_seconds` is how long, None for good."""
    check_upload(size=content.size, filename=filename, purpose=purpose)
    expires_at = now + timedelta(seconds=keep_seconds) if keep_seconds else None
    file = store_file(
        account=by.name, content=content, filename=filename, purpose=Purpose.FINE_TUNE, now=now, expires_at=expires_at
    )
    try:
        with transaction.atomic():
            file.save()
            audit.record("uploaded", by=by, target=file, bytes=file.bytes, file=file.public_id)
    except BaseException:
        file.content.delete(save=False)
        raise
    return file


def check_upload(*, size: int, filename: str, purpose: str) -> None:
    if purpose != Purpose.FINE_TUNE:
        raise InvalidInput(
            f"{purpose!r} is not a purpose this server takes files for.",
            resolution="Send the purpose 'fine-tune'.",
            param="purpose",
        )
    if not filename.lower().endswith(".jsonl"):
        raise InvalidInput(
            f"Invalid extension of {filename!r}.", resolution="Files for fine-tuning end in .jsonl.", param="file"
        )
    if size == 0:
        raise InvalidInput("File is empty.", resolution="Send a file with at least 10 examples.", param="file")
    check_size(size)


def check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise TooLarge("File is too large.", resolution="Files are limited to 512 MB; train on a part.", param="file")


def store_file(
    *,
    account: str,
    content: File[bytes],
    filename: str,
    purpose: Purpose,
    now: datetime,
    expires_at: datetime | None = None,
) -> TrainerFile:
    """A file whose content is in storage and whose row is not saved yet."""
    file = TrainerFile(
        account=account,
        purpose=purpose,
        filename=filename,
        bytes=content.size,
        created_at=now,
        expires_at=expires_at,
    )
    file.content.save(filename, content, save=False)
    return file


def delete_file(*, file: TrainerFile, by: audit.Actor) -> None:
    """Remove a file; jobs that already read it are untouched. NotFound when someone else just did."""
    with transaction.atomic():
        deleted, _ = TrainerFile.objects.filter(pk=file.pk).delete()
        if not deleted:
            raise NotFound(f"No such File object: {file.public_id}", param="id")
        audit.record("deleted", by=by, target=file, file=file.public_id)
        transaction.on_commit(lambda: file.content.delete(save=False))


def delete_expired_files(*, by: audit.Actor, now: datetime) -> int:
    deleted = 0
    for file in TrainerFile.objects.expired(now=now):
        with suppress(NotFound):  # its owner, or another worker's sweep, was faster
            delete_file(file=file, by=by)
            deleted += 1
    return deleted


def open_training_file(*, account: str, file_id: str, param: str) -> File[bytes]:
    """The stored file a job names, open for reading; InvalidInput when it was deleted since."""
    try:
        return queries.find_file(account=account, file_id=file_id).content.open("rb")
    except (NotFound, FileNotFoundError):
        raise InvalidInput(
            f"The file {file_id} was deleted before the job read it.",
            resolution="Upload it again and create a new job.",
            code="invalid_" + param,
            param=param,
        ) from None

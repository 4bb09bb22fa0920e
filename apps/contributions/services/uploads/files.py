"""Where uploaded files lie: the one place that stores, opens and deletes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast
from uuid import uuid4

from django.core.files.base import File
from django.core.files.storage import default_storage

from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import InvalidInput
from apps.contributions.models import Upload

FOLDER = "uploads"


def store_file(file: BinaryIO) -> str:
    """The name it is stored under, by chance: nothing of what its sender called it reaches the disk."""
    file.seek(0)
    return default_storage.save(f"{FOLDER}/{uuid4().hex}", File(file))


def delete_file(name: str) -> None:
    default_storage.delete(name)


def hand_out_original(*, upload: Upload, by: Actor) -> File[bytes]:
    """The file as it was brought in, for a member to look at; InvalidInput if it is not there any more."""
    stored = _open(upload)
    audit.record("downloaded", by=by, target=upload)
    return stored


@contextmanager
def open_file(upload: Upload) -> Iterator[BinaryIO]:
    """The stored file, open for reading; InvalidInput if it is not there any more."""
    with _open(upload) as stored:
        yield cast(BinaryIO, stored.file)


def _open(upload: Upload) -> File[bytes]:
    try:
        return upload.file.storage.open(upload.file.name or "-", "rb")
    except OSError:
        raise InvalidInput(
            "The stored file is not there any more.", resolution="Upload it again.", code="file_missing"
        ) from None

"""Uploaded files at rest: sealed where a key is set, read as they were, rotated with the columns."""

import os
from io import StringIO
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from apps.common.crypto import CannotDecrypt, sealed_size
from apps.common.crypto.storage import MARK, PIECE, SealedStorage, is_sealed, reseal
from apps.contributions.models import Upload
from tests.factories import PersonaFactory

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
LONG = os.urandom(3 * PIECE + 7)


@pytest.fixture
def storage(tmp_path: Path, settings: Settings) -> SealedStorage:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    return SealedStorage(location=tmp_path)


def keep(storage: SealedStorage, content: bytes) -> str:
    return storage.save("f.bin", ContentFile(content))


def bytes_at(storage: SealedStorage, name: str) -> bytes:
    return Path(storage.path(name)).read_bytes()


@pytest.mark.parametrize("content", [b"", b"x", b"Ada: hello", LONG[:PIECE], LONG[: 2 * PIECE], LONG, MARK])
def test_a_file_is_read_as_it_was_written(storage: SealedStorage, content: bytes) -> None:
    name = keep(storage, content)
    at_rest = bytes_at(storage, name)
    assert at_rest.startswith(MARK)
    assert len(content) < 5 or content[:20] not in at_rest.removeprefix(MARK)
    with storage.open(name) as file:
        assert file.read() == content
        assert (file.seek(0, os.SEEK_END), storage.size(name)) == (len(content), len(content))


@given(start=st.integers(0, len(LONG) + 10), size=st.integers(0, 2 * PIECE))
def test_any_part_can_be_read(start: int, size: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[OLD]):
        storage = SealedStorage(location=tmp_path_factory.mktemp("part"))
        with storage.open(keep(storage, LONG)) as file:
            file.seek(start)
            assert file.read(size) == LONG[start : start + size]


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 100, PIECE])
def test_the_size_of_a_piece_is_known(size: int) -> None:
    assert sealed_size(size) == len(Fernet(OLD).encrypt(b"x" * size))


def test_without_a_key_files_are_plain_and_stay_readable(storage: SealedStorage, settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []
    name = keep(storage, b"plain")
    assert bytes_at(storage, name) == b"plain"
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    with storage.open(name) as file:
        assert file.read() == b"plain"


def test_a_file_that_no_key_fits_says_so(storage: SealedStorage, settings: Settings) -> None:
    name = keep(storage, b"secret")
    settings.FIELD_ENCRYPTION_KEYS = [OTHER]
    with storage.open(name) as file, pytest.raises(CannotDecrypt):
        file.read()
    with pytest.raises(CannotDecrypt):
        reseal(Path(storage.path(name)))
    assert [path.name for path in Path(storage.location).iterdir()] == [name]


def test_files_go_under_the_newest_key(storage: SealedStorage, settings: Settings) -> None:
    name = keep(storage, LONG)
    path = Path(storage.path(name))
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    assert (reseal(path), reseal(path)) == (True, False)
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    with storage.open(name) as file:
        assert file.read() == LONG


@pytest.mark.django_db
def test_the_command_rotates_what_rows_name(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []
    persona = PersonaFactory()
    upload = Upload.objects.create(
        organization=persona.organization, persona=persona, file=ContentFile(b"Ada: hello", name="talk.txt"),
        original_name="talk.txt", sha256="2" * 64, size_bytes=10, uploaded_by="m",
    )  # fmt: skip
    try:
        assert not is_sealed(upload.file.path)
        settings.FIELD_ENCRYPTION_KEYS = [OLD]
        out = StringIO()
        call_command("rotate_encryption", stdout=out, stderr=StringIO())
        assert "contributions.Upload: 1 files, 1 rewritten" in out.getvalue()
        assert is_sealed(upload.file.path)
        with Upload.objects.get().file.open("rb") as file:
            assert file.read() == b"Ada: hello"
        settings.FIELD_ENCRYPTION_KEYS = [OTHER]
        with pytest.raises(CommandError, match=r"contributions.Upload file uploads/"):
            call_command("rotate_encryption", stdout=StringIO(), stderr=StringIO())
    finally:
        upload.file.delete(save=False)

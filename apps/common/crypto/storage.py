"""Uploaded files at rest: encrypted like the columns beside them, as soon as a key is set (AV13).

A sealed file is MARK and then its content in pieces, each a Fernet token by itself, so that a large file is never in
memory as a whole and can be read from any place. Files written before there was a key are read as they are.
"""

import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage

from apps.common.crypto import CannotDecrypt, open_piece, seal_piece, sealed_size, seals

MARK = b"flywheel-sealed-1\n"
PIECE = 64 * 1024  # bytes of content in each piece but the last


class SealedStorage(FileSystemStorage):
    """Files in a folder, sealed where FIELD_ENCRYPTION_KEYS is set."""

    seals = True  # what rotation knows it by, through whatever stands for the default storage

    def _save(self, name: str, content: Any) -> str:
        return str(super()._save(name, _Sealing(content) if seals() else content))  # type: ignore[misc]

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        return File(_reader(self.path(name)) if mode == "rb" else open(self.path(name), mode))

    def size(self, name: str) -> int:
        with _reader(self.path(name)) as file:
            return file.seek(0, os.SEEK_END)


def is_sealed(path: str | Path) -> bool:
    with open(path, "rb") as file:
        return file.read(len(MARK)) == MARK


def reseal(path: Path) -> bool:
    """Write the file anew under the newest key, beside itself and then in its own place; False if it was already.

    CannotDecrypt if no key fits. A reader that has the old file open goes on reading it.
    """
    if is_sealed(path) and _is_current(path):
        return False
    source = _reader(path)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".resealed-")
    try:
        with source, os.fdopen(descriptor, "wb") as target:
            for piece in _sealed(iter(lambda: source.read(PIECE), b"")):
                target.write(piece)
            target.flush()
            os.fsync(target.fileno())
        os.chmod(temporary, path.stat().st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True


def _reader(path: str | Path) -> IO[bytes]:
    """The content of the file, sealed or not."""
    file = open(path, "rb")  # noqa: SIM115  whoever reads closes it
    return io.BufferedReader(_Unsealing(file), PIECE) if is_sealed(path) else file


def _is_current(path: Path) -> bool:
    """By its first piece: all of a file's are sealed at once."""
    with open(path, "rb") as file:
        file.seek(len(MARK))
        token = file.read(sealed_size(PIECE))
    try:
        open_piece(token, newest_only=True)
    except CannotDecrypt:
        return False
    return True


def _sealed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield MARK
    for piece in pieces:
        yield seal_piece(piece)


class _Sealing(ContentFile[bytes]):
    """A file on its way to the disk: what Django writes are the sealed pieces."""

    def __init__(self, content: Any) -> None:
        super().__init__(b"", name=getattr(content, "name", None))
        self.content = content

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        self.content.seek(0)
        return _sealed(iter(lambda: self.content.read(PIECE), b""))


class _Unsealing(io.RawIOBase):
    """A sealed file as what was put into it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.place = 0  # in the content
        self.piece = -1  # which one is in memory
        self.content = b""
        self.token = sealed_size(PIECE)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.place}.get(whence)
        self.place = max(0, offset + (self._size() if start is None else start))
        return self.place

    def readinto(self, buffer: Any) -> int:
        content = self._load(self.place // PIECE)[self.place % PIECE :][: len(buffer)]
        buffer[: len(content)] = content
        self.place += len(content)
        return len(content)

    def close(self) -> None:
        self.file.close()
        super().close()

    def _load(self, piece: int) -> bytes:
        if piece != self.piece:
            self.file.seek(len(MARK) + piece * self.token)
            token = self.file.read(self.token)
            self.piece, self.content = piece, open_piece(token) if token else b""
        return self.content

    def _size(self) -> int:
        pieces = (self.file.seek(0, os.SEEK_END) - len(MARK) + self.token - 1) // self.token
        return (pieces - 1) * PIECE + len(self._load(pieces - 1)) if pieces else 0

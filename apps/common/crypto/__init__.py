"""Encryption at rest with MultiFernet: the first key encrypts, every key decrypts, `rotate_encryption` re-encrypts."""

import base64
import hashlib
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from apps.common.errors import FlywheelError

MARK = "fernet:"  # what an encrypted value starts with, so that plain values written before a key was set still read
# What a value starts with that key rotation encrypted anew. Nothing else writes it, so triggers know rotation by it.
MARK_OF_ROTATION = "fernet:again:"


class CannotDecrypt(FlywheelError):
    status = 500
    default_code = "cannot_decrypt"


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def _derived_keys() -> list[str]:
    """Fernet keys made of SECRET_KEY and of those it replaced."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [base64.urlsafe_b64encode(hashlib.sha256(b"fields:" + s.encode()).digest()).decode() for s in secrets]


def _keys(*, always: bool) -> tuple[str, ...]:
    """Keys to write with and read with. `always` (credentials) falls back on a key derived from SECRET_KEY."""
    keys = settings.FIELD_ENCRYPTION_KEYS
    return (*keys, *_derived_keys()) if always else tuple(keys)


def encrypt(text: str, *, always: bool = False) -> str:
    """`text` encrypted; unchanged when no key is set and it need not always be, unless it would look encrypted."""
    keys = _keys(always=always or text.startswith(MARK))
    return MARK + _fernet(keys).encrypt(text.encode("utf-8", "surrogatepass")).decode() if keys else text


def encrypt_anew(stored: str, *, always: bool = False) -> str:
    """What key rotation puts in the place of `stored`: the same text under the newest key; the errors of `decrypt`."""
    fresh = encrypt(decrypt(stored), always=always)
    return MARK_OF_ROTATION + fresh.removeprefix(MARK) if fresh.startswith(MARK) else fresh


def is_current(stored: str, *, always: bool = False) -> bool:
    """Whether `stored` is as `encrypt` would write it today: under the newest key, or plain where there is no key."""
    keys = _keys(always=always)
    is_encrypted = stored.startswith(MARK)
    if not keys or not is_encrypted:
        return bool(keys) == is_encrypted
    try:
        _fernet(keys[:1]).decrypt(_token(stored))
    except InvalidToken:
        return False
    return True


def decrypt(stored: str) -> str:
    """The text that `encrypt` was given; CannotDecrypt when none of the keys fits."""
    if not stored.startswith(MARK):
        return stored
    try:
        return _fernet(_keys(always=True)).decrypt(_token(stored)).decode("utf-8", "surrogatepass")
    except InvalidToken:
        raise _no_key_fits() from None


# --- files: pieces of bytes, see storage.py ---------------------------------------------------------------------------


def seals() -> bool:
    """Whether files are to be sealed: where a key is set."""
    return bool(settings.FIELD_ENCRYPTION_KEYS)


def sealed_size(size: int) -> int:
    """Bytes that `seal_piece` makes of so many: a Fernet token is as long as its content, padded, in base 64."""
    padded = (size // 16 + 1) * 16
    return 4 * -(-(1 + 8 + 16 + padded + 32) // 3)


def seal_piece(content: bytes) -> bytes:
    return _fernet(_keys(always=True)).encrypt(content)


def open_piece(token: bytes, *, newest_only: bool = False) -> bytes:
    """What `seal_piece` was given; CannotDecrypt when none of the keys fits, or the newest does not."""
    keys = _keys(always=True)
    try:
        return _fernet(keys[:1] if newest_only else keys).decrypt(token)
    except InvalidToken:
        raise _no_key_fits() from None


def _no_key_fits() -> CannotDecrypt:
    return CannotDecrypt(
        "A stored value cannot be decrypted with the keys that are set.",
        resolution="Put the key it was written with back into FIELD_ENCRYPTION_KEYS, after the newest one.",
    )


def _token(stored: str) -> bytes:
    return stored.removeprefix(MARK_OF_ROTATION).removeprefix(MARK).encode()

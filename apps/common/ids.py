"""Identifiers that leave the house, and keyed hashes of content."""

import hashlib
import hmac
import json
import re
import secrets
from typing import Any

from django.conf import settings

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
ROW_ID = "[0-9]{1,18}"  # what every database takes for the id of a row


def new_id(prefix: str, *, length: int = 24) -> str:
    """``<prefix><length random lower-case letters and digits>``; 24 of them carry 124 bits."""
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(length))


def is_row_id(text: str) -> bool:
    """Whether a row can be asked for by this id: other digits, and more of them, are errors in some database."""
    return re.fullmatch(ROW_ID, text) is not None


def canonical_json(value: Any) -> str:
    """One spelling for equal values: sorted keys, no spaces, UTF-8 as it is."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def content_hash(value: Any) -> str:
    """Keyed SHA-256 (hex) of a JSON value: equal content is recognised, content cannot be guessed from its hash."""
    return hmac.new(
        settings.CONTENT_HASH_KEY.encode(), canonical_json(value).encode("utf-8", "surrogatepass"), hashlib.sha256
    ).hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

"""Wrong configuration, found before it serves anyone: each finding says what to set.

Errors under the tag `flywheel` stop every management command, the worker included, and `config.wsgi`; warnings under
`deploy` are for ``manage.py check --deploy``.
"""

from collections.abc import Iterable
from math import ceil
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

TAG = "flywheel"
OWN_MACHINE = {"localhost", "127.0.0.1", "[::1]", "testserver"}  # the last is what Django's test runner adds
NEW_FERNET_KEY = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"

Messages = list[checks.CheckMessage]


@checks.register(TAG)
def check_secret_key(**_: Any) -> Messages:
    if settings.PRODUCTION and settings.SECRET_KEY == settings.INSECURE_SECRET_KEY:
        hint = "Set SECRET_KEY to a long random text: python -c 'import secrets; print(secrets.token_urlsafe(64))'"
        return [checks.Error("DEBUG is false and SECRET_KEY is the published one.", hint=hint, id="flywheel.E001")]
    return []


@checks.register(TAG)
def check_hosts(**_: Any) -> Messages:
    hosts = set(settings.ALLOWED_HOSTS) - {settings.EMBEDDED_HOST}
    if settings.PRODUCTION and "*" in hosts:
        hint = "Name the hosts: ALLOWED_HOSTS=flywheel.example.org"
        return [checks.Error("DEBUG is false and ALLOWED_HOSTS allows any host.", hint=hint, id="flywheel.E002")]
    if not settings.PRODUCTION and (foreign := sorted(hosts - OWN_MACHINE)):
        hint = "Set DEBUG=false, or leave ALLOWED_HOSTS alone."
        text = f"DEBUG is not false and ALLOWED_HOSTS has more than this machine: {', '.join(foreign)}."
        return [checks.Error(text, hint=hint, id="flywheel.E003")]
    return []


@checks.register(TAG)
def check_encryption_keys(**_: Any) -> Messages:
    if settings.PRODUCTION and not settings.FIELD_ENCRYPTION_KEYS:
        hint = f"Set FIELD_ENCRYPTION_KEYS to the output of: {NEW_FERNET_KEY}"
        return [checks.Error("DEBUG is false and FIELD_ENCRYPTION_KEYS is empty.", hint=hint, id="flywheel.E004")]
    return [
        checks.Error(
            f"Key {position} of FIELD_ENCRYPTION_KEYS is not a Fernet key.",
            hint=f"Keys are 32 bytes in URL-safe base64, separated by commas, newest first: {NEW_FERNET_KEY}",
            id="flywheel.E005",
        )
        for position, key in enumerate(settings.FIELD_ENCRYPTION_KEYS, start=1)
        if not _is_fernet_key(key)
    ]


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


@checks.register(TAG)
def check_queue_retry(**_: Any) -> Messages:
    """The retry clock starts when a job is pulled: it must outlast every job that may run before it."""
    queue = settings.Q_CLUSTER
    rounds = 1 + ceil((queue["queue_limit"] + 1) / queue["workers"])
    if queue["retry"] > queue["timeout"] * rounds:
        return []
    return [
        checks.Error(
            f"The queue's retry time of {queue['retry']} s is too short: jobs would run twice at once.",
            hint=f"Set retry above timeout x (1 + ceil((queue_limit + 1) / workers)) = {queue['timeout'] * rounds} s.",
            id="flywheel.E006",
        )
    ]


@checks.register(TAG, deploy=True)
def check_content_hash_key(**_: Any) -> Messages:
    if settings.CONTENT_HASH_KEY == settings.SECRET_KEY:
        hint = "Set CONTENT_HASH_KEY to a random text of its own, and keep it for ever."
        text = "CONTENT_HASH_KEY is SECRET_KEY: a new SECRET_KEY would make known examples look new."
        return [checks.Warning(text, hint=hint, id="flywheel.W001")]
    return []


@checks.register(TAG, deploy=True)
def check_email(**_: Any) -> Messages:
    if settings.EMAIL_BACKEND.endswith(".console.EmailBackend"):
        hint = "Set EMAIL_URL, for example smtp+tls://user:password@mail.example.org:587"
        text = "E-mails go to the console: nobody receives the code that signs them in."
        return [checks.Warning(text, hint=hint, id="flywheel.W002")]
    return []


def refuse_errors() -> None:
    """ImproperlyConfigured if one of our errors is found: for servers, which run no checks of their own."""
    errors: Iterable[checks.CheckMessage] = (m for m in checks.run_checks(tags=[TAG]) if m.is_serious())
    if text := "\n".join(map(str, errors)):
        raise ImproperlyConfigured(text)

import subprocess
import sys
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from apps.common.checks import TAG, refuse_errors
from tests import processes

PRODUCTION: dict[str, Any] = {
    "PRODUCTION": True,
    "SECRET_KEY": "x" * 60,
    "ALLOWED_HOSTS": ["flywheel.example.org", settings.EMBEDDED_HOST],
    "FIELD_ENCRYPTION_KEYS": [Fernet.generate_key().decode()],
    "CONTENT_HASH_KEY": "another",
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
}


def found(**changes: Any) -> dict[str, str]:
    """The ids of what is found in production settings with these changes, with their hints."""
    with override_settings(**{**PRODUCTION, **changes}):
        messages = checks.run_checks(tags=[TAG], include_deployment_checks=True)
    return {str(message.id): str(message.hint) for message in messages}


def queue(**changes: int) -> dict[str, Any]:
    return {**settings.Q_CLUSTER, **changes}


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        ({}, []),
        ({"SECRET_KEY": settings.INSECURE_SECRET_KEY}, ["flywheel.E001"]),
        ({"ALLOWED_HOSTS": ["*"]}, ["flywheel.E002"]),
        ({"ALLOWED_HOSTS": ["flywheel.example.org"], "PRODUCTION": False}, ["flywheel.E003"]),
        ({"ALLOWED_HOSTS": ["*"], "PRODUCTION": False}, ["flywheel.E003"]),
        ({"ALLOWED_HOSTS": ["localhost", "127.0.0.1"], "PRODUCTION": False}, []),
        ({"FIELD_ENCRYPTION_KEYS": []}, ["flywheel.E004"]),
        ({"FIELD_ENCRYPTION_KEYS": [], "PRODUCTION": False, "ALLOWED_HOSTS": []}, []),
        ({"FIELD_ENCRYPTION_KEYS": [Fernet.generate_key().decode(), "not-a-key"]}, ["flywheel.E005"]),
        ({"FIELD_ENCRYPTION_KEYS": ["ä" * 32]}, ["flywheel.E005"]),
        ({"CONTENT_HASH_KEY": "x" * 60}, ["flywheel.W001"]),
        ({"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}, ["flywheel.W002"]),
        # 600 x (1 + ceil(2 / 2)) = 1200
        ({"Q_CLUSTER": queue(workers=2, queue_limit=1, timeout=600, retry=1200)}, ["flywheel.E006"]),
        ({"Q_CLUSTER": queue(workers=2, queue_limit=1, timeout=600, retry=1201)}, []),
        # 2 x (1 + ceil(51 / 2)) = 54: the measured case, which ran 14 jobs 26 times
        ({"Q_CLUSTER": queue(workers=2, queue_limit=50, timeout=2, retry=6)}, ["flywheel.E006"]),
    ],
)
def test_what_is_wrong_is_found_and_has_a_hint(changes: dict[str, Any], ids: list[str]) -> None:
    messages = found(**changes)
    assert list(messages) == ids
    assert all(len(hint) > 20 for hint in messages.values())


def test_a_server_refuses_to_start_on_an_error_but_not_on_a_warning() -> None:
    with override_settings(**{**PRODUCTION, "CONTENT_HASH_KEY": "x" * 60}):
        refuse_errors()
    with (
        override_settings(**{**PRODUCTION, "ALLOWED_HOSTS": ["*"]}),
        pytest.raises(ImproperlyConfigured, match=r"allows any host.*\n.*HINT: Name the hosts"),
    ):
        refuse_errors()


def in_production(*command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    production = {
        "DATABASE_URL": "sqlite:///:memory:",
        "DEBUG": "false",
        "SECRET_KEY": "".join(chr(97 + n % 26) for n in range(60)),
        "CONTENT_HASH_KEY": "a key of its own",
        "ALLOWED_HOSTS": "flywheel.example.org",
        "CSRF_TRUSTED_ORIGINS": "https://flywheel.example.org",
        "FIELD_ENCRYPTION_KEYS": PRODUCTION["FIELD_ENCRYPTION_KEYS"][0],
        "EMAIL_URL": "smtp+tls://user:password@mail.example.org:587",
        "DEFAULT_FROM_EMAIL": "flywheel@example.org",
        "BEHIND_PROXY": "true",
        "METRICS_TOKEN": "token",
    }
    return run(*command, **{**production, **changes})


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  our own commands
        [sys.executable, *command],
        cwd=settings.BASE_DIR,
        env=processes.environment(**environment),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_check_deploy_is_clean_in_production_settings() -> None:
    result = in_production("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert result.returncode == 0, result.stderr
    assert "no issues (0 silenced)" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("command", [("manage.py", "check"), ("manage.py", "worker"), ("-c", "import config.wsgi")])
def test_production_does_not_start_with_the_published_secret(command: tuple[str, ...]) -> None:
    result = in_production(*command, SECRET_KEY=settings.INSECURE_SECRET_KEY)
    assert result.returncode == 1
    assert "SECRET_KEY is the published one" in result.stderr

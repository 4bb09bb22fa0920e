"""What the environment and `.env` have a say in: everything where Flywheel runs, nothing where it is tested."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.common.test_checks import run

SHOW = "import json; from config import settings as s; print(json.dumps({n: getattr(s, n) for n in %r}, default=str))"
SHELL = {
    "OPENAI_BASE_URL": "https://api.example.com/v1",
    "Q_BROKER_URL": "redis://queue.example.com",
    "FIELD_ENCRYPTION_KEYS": "one,two",
    "DEBUG": "true",
}
FILE = {"OPENAI_API_KEY": "sk-real", "DATABASE_URL": "postgres://user@db.example.com/flywheel", "SECRET_KEY": "mine"}


def shown(tmp_path: Path, *, before: str = "", **shell: str) -> dict[str, Any]:
    """Our settings in a process with these variables, and FILE in its `.env`."""
    file = tmp_path / "env"
    file.write_text("\n".join(f"{name}={value}" for name, value in FILE.items()))
    names = [*SHELL, *FILE, "DATABASES"]
    names.remove("DATABASE_URL")
    result = run("-c", f"{before}{SHOW % names}", ENV_FILE=str(file), **shell)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    found["database"] = found.pop("DATABASES")["default"]["ENGINE"].rpartition(".")[2]
    return found


@pytest.mark.slow
def test_the_environment_is_heard_and_the_file_says_the_rest(tmp_path: Path) -> None:
    assert shown(tmp_path, **SHELL, SECRET_KEY="from the shell") == {
        "OPENAI_BASE_URL": "https://api.example.com/v1",
        "OPENAI_API_KEY": "sk-real",
        "Q_BROKER_URL": "redis://queue.example.com",
        "FIELD_ENCRYPTION_KEYS": ["one", "two"],
        "DEBUG": True,
        "SECRET_KEY": "from the shell",
        "database": "postgresql",
    }


@pytest.mark.slow
def test_nothing_of_it_reaches_the_tests_but_the_database(tmp_path: Path) -> None:
    tested = shown(tmp_path, before="import pytest; ", **SHELL)
    assert tested.pop("SECRET_KEY").startswith("insecure")
    assert tested.pop("database") == "sqlite3"
    assert not any(tested.values())
    assert shown(tmp_path, before="import pytest; ", DATABASE_URL="postgres://h/db")["database"] == "postgresql"

"""The real command, on a new SQLite database of its own: its two processes, their signals, the port."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from apps.common import installation
from apps.common.management.commands import serve
from apps.common.models import AuditEvent
from tests import processes
from tests.common.test_worker import members, wait_until
from tests.factories import UserFactory

ADMIN, PASSWORD = "admin@example.org", "a long enough passphrase"


def free_port() -> int:
    """One below those that the system deals out itself: none of them is given away while the server starts."""
    for port in range(20_000 + os.getpid() % 5_000, 30_000):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def test_a_port_in_use_is_said_before_anything_is_set_up() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CommandError, match=f"Port {port} of 127.0.0.1 is in use.* --port {port + 1}"):
            call_command("serve", port=port)


@pytest.mark.parametrize("port", [0, -5, 65536])
def test_what_is_no_port(port: int) -> None:
    with pytest.raises(CommandError, match=f"{port} is no port. Choose one from 1024 to 65535."):
        call_command("serve", port=port)


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    called: list[str] = []
    monkeypatch.setattr(serve, "call_command", lambda name, **_: called.append(name))
    monkeypatch.setattr(serve, "get_commands", lambda: {"demo": ""})
    return called


@pytest.mark.django_db
def test_the_sample_data_is_loaded_once_into_a_new_database(called: list[str]) -> None:
    serve.Command()._set_up()
    serve.Command()._set_up()
    assert called == ["migrate", "setup_schedules", "demo", "migrate", "setup_schedules"]


@pytest.mark.django_db
def test_sample_data_that_was_interrupted_is_loaded_again(called: list[str]) -> None:
    installation.note(serve.SAMPLE, "began")
    serve.Command()._set_up()
    assert called.count("demo") == 1
    assert AuditEvent.objects.filter(object_id="sample_data").count() == 2


@pytest.mark.django_db
def test_a_database_in_use_and_production_get_no_sample_data(called: list[str], settings: Any) -> None:
    settings.PRODUCTION = True
    assert installation.is_new()
    serve.Command()._set_up()
    settings.PRODUCTION = False
    UserFactory()
    assert not installation.is_new()
    serve.Command()._set_up()
    assert "demo" not in called


@pytest.mark.django_db
def test_sample_data_that_was_interrupted_stays_so_in_production(called: list[str], settings: Any) -> None:
    installation.note(serve.SAMPLE, "began")
    settings.PRODUCTION = True
    serve.Command()._set_up()
    assert "demo" not in called


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of one's own machine, with nothing set. The database is in use: it has an administrator, so no sample data."""
    database = f"sqlite:///{tmp_path_factory.mktemp('serve') / 'serve.sqlite3'}"
    environment = processes.environment(
        DATABASE_URL=database,
        Q_POLL_SECONDS="0.1",
        DJANGO_SUPERUSER_EMAIL=ADMIN,
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
    )
    for words in (["migrate", "-v0"], ["createsuperuser", "--noinput", "-v0"]):
        command = [sys.executable, "manage.py", *words]
        subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=True)  # noqa: S603  our own command
    return environment


@pytest.fixture
def server(environment: dict[str, str], tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int, Path]]:
    port, log = free_port(), tmp_path / "log"
    command = [sys.executable, "manage.py", "serve", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  our own command
            command, cwd=settings.BASE_DIR, env=environment, stdout=output, stderr=output
        )
    try:
        wait_until(lambda: "Flywheel is running" in log.read_text() or process.poll() is not None, seconds=90)
        assert process.poll() is None, log.read_text()
        yield process, port, log
    finally:
        process.terminate()
        process.wait(timeout=60)


def get(port: int, path: str) -> int:
    return httpx2.get(f"http://127.0.0.1:{port}{path}", timeout=30).status_code


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads the process table from /proc")
def test_it_serves_replaces_a_dead_worker_and_stops_both(server: tuple[subprocess.Popen[bytes], int, Path]) -> None:
    process, port, log = server
    assert f"Flywheel is running: http://127.0.0.1:{port}\n" in log.read_text()
    assert get(port, "/healthz") == 200
    web, worker = members(parent=process.pid)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: members(parent=process.pid) not in ([web], [web, worker]))
    assert "The worker ended; starting another." in log.read_text()
    assert get(port, "/healthz") == 200

    children = members(parent=process.pid)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert all(members(group=child) == [] for child in children)


@pytest.mark.slow
def test_it_shows_the_pages_and_errors_that_production_shows(
    server: tuple[subprocess.Popen[bytes], int, Path],
) -> None:
    _, port, _ = server
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as browser:
        for path in ("/api/nowhere/", "/trainer/nowhere"):
            answer = browser.get(path)
            assert answer.status_code == 404
            assert answer.json()["error"]["code"] == "not_found"
        page = browser.get("/nowhere/")
        assert page.status_code == 404
        assert "Flywheel" in page.text
        assert "DEBUG" not in page.text
        for path in ("/static/flywheel/flywheel.css", "/static/unfold/css/styles.css"):
            assert browser.get(path).headers["Content-Type"].startswith("text/css")

        form = browser.get("/admin/login/")
        assert "Secure" not in form.headers["Set-Cookie"]
        signing_in = {"username": ADMIN, "password": PASSWORD, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        assert browser.post("/admin/login/?next=/admin/", data=signing_in).headers["Location"] == "/admin/"
        assert browser.get("/admin/").status_code == 200


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads the process table from /proc")
def test_it_ends_when_the_web_server_does(server: tuple[subprocess.Popen[bytes], int, Path]) -> None:
    process, _, log = server
    web, worker = members(parent=process.pid)
    os.kill(web, signal.SIGKILL)
    assert process.wait(timeout=60) == 1
    assert "The web server ended with status -9" in log.read_text()
    assert members(group=worker) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell children that their parent was killed")
def test_nothing_is_left_when_it_is_killed(server: tuple[subprocess.Popen[bytes], int, Path]) -> None:
    process, port, _ = server
    children = members(parent=process.pid)
    process.kill()
    process.wait()
    wait_until(lambda: not any(members(group=child) for child in children))
    serve._refuse_taken_port(port)  # the next start finds it free

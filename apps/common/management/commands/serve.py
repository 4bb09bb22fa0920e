import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError

from apps.common import installation

HOST = "127.0.0.1"
SAMPLE = "sample_data"
START_SECONDS = 60
STOP_SECONDS = 15
LOOK_SECONDS = 0.3

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded before the fork that uses it

Process = subprocess.Popen[bytes]


class Command(BaseCommand):
    help = "Set up what is not set up yet, then serve web and worker on this machine until Ctrl-C."
    stopping = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--threads", type=int, default=16, help="requests and open streams at a time (16)")

    def handle(self, *args: Any, **options: Any) -> None:
        port: int = options["port"]
        _refuse_taken_port(port)
        try:
            self._set_up()
        except KeyboardInterrupt:
            raise CommandError("Stopped before the set-up was complete. Run it again to go on.") from None
        self._serve(_web_command(port, options["threads"]), url=f"http://{HOST}:{port}")

    # --- before ---

    def _set_up(self) -> None:
        """Migrate and schedule. Outside production a new database gets the sample data, once, if in two starts."""
        call_command("migrate", verbosity=0)
        call_command("setup_schedules", verbosity=0)
        if settings.PRODUCTION:
            return
        began = installation.is_noted(SAMPLE, "began")
        if not began and installation.is_new():
            installation.note(SAMPLE, "began")
            began = True
        if began and not installation.is_noted(SAMPLE, "done"):
            if "demo" in get_commands():
                call_command("demo")
            installation.note(SAMPLE, "done")

    # --- while ---

    def _serve(self, web_command: list[str], *, url: str) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note_the_signal)
        web, worker = _start(web_command), _start(_worker_command())
        try:
            self._wait_for_answer(web, f"{url}/healthz")
            if "welcome" in get_commands() and not self.stopping:
                call_command("welcome", url=url, stdout=self.stdout)
                self.stdout.flush()
            while not self.stopping:
                _fail_if_ended(web)
                if worker.poll() is not None:
                    self.stderr.write("The worker ended; starting another.")
                    time.sleep(1)
                    worker = _start(_worker_command())
                time.sleep(LOOK_SECONDS)
        finally:
            _stop(web, worker)

    def _note_the_signal(self, *_: Any) -> None:
        self.stopping = True

    def _wait_for_answer(self, web: Process, health_url: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.stopping and not _answers(health_url):
            _fail_if_ended(web)
            if time.monotonic() > deadline:
                raise CommandError(f"The web server did not answer within {START_SECONDS} s.")
            time.sleep(LOOK_SECONDS)


def _refuse_taken_port(port: int) -> None:
    if not 0 < port < 65536:
        raise CommandError(f"{port} is no port. Choose one from 1024 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise CommandError(
                f"Port {port} of {HOST} is in use, perhaps by another Flywheel. "
                f"Stop that, or choose another port: make run PORT={port + 1} (manage.py serve --port {port + 1})"
            ) from None


def _web_command(port: int, threads: int) -> list[str]:
    """One process, many threads: a synchronous generator streams, and each open stream holds a thread."""
    options = {
        "bind": f"{HOST}:{port}",
        "worker-class": "gthread",
        "workers": "1",
        "threads": str(threads),
        "log-level": "warning",
        "graceful-timeout": "5",
    }
    pairs = [word for name, value in options.items() for word in (f"--{name}", value)]
    return [sys.executable, "-m", "gunicorn", "config.wsgi", *pairs]


def _worker_command() -> list[str]:
    return [sys.executable, "manage.py", "worker", "--grace", "10", "--verbosity", "0"]


def _start(command: list[str]) -> Process:
    """In a session of its own, so that Ctrl-C reaches this process alone and it stops the others in order."""
    return subprocess.Popen(  # noqa: S603  our own commands
        command,
        cwd=settings.BASE_DIR,
        start_new_session=True,
        preexec_fn=_end_with_parent,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def _end_with_parent() -> None:
    """In the child: SIGTERM when this command is killed, or two servers nobody knows of would keep the port. Linux."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  http, to ourselves
            return bool(response.status == 200)
    except urllib.error.HTTPError:
        return True  # it listens and said something
    except OSError:
        return False


def _fail_if_ended(web: Process) -> None:
    if (status := web.poll()) is not None:
        raise CommandError(f"The web server ended with status {status}; its messages are above.")


def _stop(*processes: Process) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=max(deadline - time.monotonic(), 0.1))
        process.kill()
        process.wait()

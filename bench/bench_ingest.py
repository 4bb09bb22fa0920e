"""Bringing in 100,000 examples in one request, over HTTP: NDJSON to a live gunicorn (one process), on SQLite and on
PostgreSQL, with and without encryption.

The baseline of the same run reads the same lines with `json.loads` and puts five columns of them into a bare table in
one go: COPY on PostgreSQL, executemany on SQLite. It checks nothing, knows no duplicates and answers nothing. The
ratios are what to compare between machines.

Rows a second are by the clock; the ratio compares seconds of computing, the server's against the baseline's, for the
clock counts whatever else the machine does (PostgreSQL's own computing is in neither). Memory is the server's resident
peak, beside what it held before the request; SQLite's own cache, 64 MB by our settings, is part of it.
"""

import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psycopg
from cryptography.fernet import Fernet

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]
ROWS = 100_000
POSTGRES = os.environ.get("BENCH_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
WORDS = ("card", "account", "transfer", "cash", "rate", "fee", "refund", "pin", "limit", "today", "again", "why", "how")
COLUMNS = ("persona", "client_id", "input", "content_hash", "created_at")

SET_UP = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.utils import timezone
from apps.common.audit import SYSTEM
from apps.organizations.services import create_api_key, create_organization
from apps.personas.models import Persona
from apps.providers.models import BaseModel
organization = create_organization(name="Bench", slug="bench", by=SYSTEM)
base_model, _ = BaseModel.objects.get_or_create(provider="openai", name="recall-1", defaults={"can_train": True})
codes = [{"code": f"topic_{number}", "title": "", "description": ""} for number in range(77)]
Persona.objects.create(organization=organization, slug="bench", name="Bench", task="survey_coding",
                       settings={"codes": codes}, base_model=base_model)
print(create_api_key(organization=organization, name="bench", scopes=["contribute"], by=SYSTEM, now=timezone.now())[1])
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / "examples.ndjson"
        with body.open("w") as file:
            file.writelines(line_of(number) for number in range(ROWS))
        print(f"{ROWS:,} lines, {body.stat().st_size / 2**20:.1f} MB, live gunicorn of one process")
        measure("SQLite", f"sqlite:///{folder}/bench.sqlite3", body, baseline_on_sqlite(body, Path(folder)))
        with postgres_database() as url:
            if url:
                measure("PostgreSQL", url, body, baseline_on_postgres(url, body))
            else:
                print("PostgreSQL: none at BENCH_POSTGRES_URL")


def line_of(number: int) -> str:
    words = " ".join(WORDS[number * step % len(WORDS)] for step in (1, 2, 3, 5, 7, 11, 13))
    item = {"persona": "bench", "client_id": f"row-{number}", "input": {"text": f"{words} {number}?"}}
    return json.dumps(item) + "\n"


def measure(database: str, url: str, body: Path, baseline: "Timing") -> None:
    print(f"{database}: json.loads and one bulk insert {baseline.words}")
    for how, key, address in (("plain", "", url), ("encrypted", Fernet.generate_key().decode(), other(url))):
        print(f"  {how}: {measure_one(address, key, body, baseline)}")


def measure_one(url: str, key: str, body: Path, baseline: "Timing") -> str:
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "config.settings", "ENV_FILE": os.devnull,
        "DATABASE_URL": url, "LOG_LEVEL": "WARNING", "FIELD_ENCRYPTION_KEYS": key,
    }  # fmt: skip
    token = run(SET_UP, environment).strip().splitlines()[-1]
    with server(environment) as (port, pid):
        send(port, token, b'{"persona": "bench", "input": {"text": "loads what is loaded once"}}\n')
        before = memory(pid, "VmRSS")
        first, answers = timed(lambda: send(port, token, body), pid)
        peak = memory(pid, "VmHWM")
        second, again = timed(lambda: send(port, token, body), pid)
    assert answers == {"created": ROWS}, answers
    assert again == {"exists": ROWS}, again
    ratio = first.computing / baseline.computing
    return (
        f"{first.words}, {ratio:.1f} x the baseline; "
        f"peak {peak:.0f} MB, {before:.0f} MB before; sent again {second.words}"
    )


@dataclass(frozen=True)
class Timing:
    seconds: float
    computing: float  # seconds of a processor

    @property
    def words(self) -> str:
        return f"{ROWS / self.seconds:,.0f} rows/s ({1e6 * self.computing / ROWS:.0f} us of computing a row)"


def timed(work: Callable[[], T], pid: int) -> tuple[Timing, T]:
    """`pid`: whose computing counts."""
    start, before = time.perf_counter(), computing(pid)
    result = work()
    return Timing(time.perf_counter() - start, computing(pid) - before), result


def computing(pid: int) -> float:
    """Seconds that a process has computed, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def send(port: int, token: str, body: "Path | bytes") -> dict[str, int]:
    """How many results of each status a request is answered with."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    if isinstance(body, bytes):
        connection.request("POST", "/api/examples/", body, headers)
    else:
        with body.open("rb") as file:
            headers["Content-Length"] = str(body.stat().st_size)
            connection.request("POST", "/api/examples/", file, headers)
    response = connection.getresponse()
    found: dict[str, int] = {}
    for line in response:
        status = json.loads(line)["status"]
        found[status] = found.get(status, 0) + 1
    assert response.status == 200, response.status
    return found


# --- the server -------------------------------------------------------------------------------------------------------


def run(code: str, environment: dict[str, str]) -> str:
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout


@contextmanager
def server(environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Port and process id of the one worker."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "4", "--log-level", "error"]
    parent = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "gunicorn", "config.wsgi", *options], cwd=ROOT, env=environment
    )
    try:
        wait_for(port)
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        yield port, int(children[0])
    finally:
        parent.send_signal(signal.SIGTERM)
        parent.wait(30)


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("gunicorn did not start")


def memory(pid: int, name: str) -> float:
    """MB of a process by the kernel: VmRSS now, VmHWM at its peak."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


# --- the databases, and what a script without any of this would do ----------------------------------------------------


def rows_of(body: Path) -> Iterator[tuple[str, str, str, str, str]]:
    with body.open("rb") as file:
        for line in file:
            item = json.loads(line)
            yield item["persona"], item["client_id"], json.dumps(item["input"]), "0" * 64, "2026-01-01T00:00:00Z"


def baseline_on_sqlite(body: Path, folder: Path) -> Timing:
    connection = sqlite3.connect(folder / "baseline.sqlite3")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"CREATE TABLE bare (id INTEGER PRIMARY KEY, {', '.join(f'{name} TEXT' for name in COLUMNS)})")
    insert = f"INSERT INTO bare ({', '.join(COLUMNS)}) VALUES (?, ?, ?, ?, ?)"  # noqa: S608
    with connection:
        return timed(lambda: connection.executemany(insert, rows_of(body)), os.getpid())[0]


def baseline_on_postgres(url: str, body: Path) -> Timing:
    with psycopg.connect(url) as connection:
        connection.execute(
            f"CREATE TABLE bare (id bigserial PRIMARY KEY, {', '.join(f'{name} text' for name in COLUMNS)})"
        )
        return timed(lambda: copy_rows(connection, body), os.getpid())[0]


def copy_rows(connection: "psycopg.Connection[Any]", body: Path) -> None:
    with connection.cursor().copy(f"COPY bare ({', '.join(COLUMNS)}) FROM STDIN") as copy:
        for row in rows_of(body):
            copy.write_row(row)
    connection.commit()


def other(url: str) -> str:
    """A second database, so that both ways start with an empty table."""
    return f"{url}_2" if url.startswith("postgres") else url.replace(".sqlite3", "_2.sqlite3")


@contextmanager
def postgres_database() -> Iterator[str]:
    """The address of a new database, dropped afterwards with its second; empty where there is no server."""
    parts = urlsplit(POSTGRES)
    url = parts._replace(path=f"/bench_ingest_{os.getpid()}").geturl()
    names = [urlsplit(one).path.lstrip("/") for one in (url, other(url))]
    try:
        connection = psycopg.connect(POSTGRES, autocommit=True)
    except psycopg.OperationalError:
        yield ""
        return
    try:
        for name in names:
            connection.execute(f'CREATE DATABASE "{name}"')
        yield url
    finally:
        for name in names:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.close()


if __name__ == "__main__":
    main()

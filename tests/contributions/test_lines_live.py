"""Many examples in one request over a real connection, as gunicorn hands it to us."""

import http.client
import json
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.conf import settings

from apps.contributions.models import TrainingExample
from apps.organizations.enums import Scope
from apps.personas.models import Persona
from tests import processes
from tests.clients import key_client
from tests.common.test_serve import free_port
from tests.factories import PersonaFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
URL = "/api/examples/"


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(slug="coder")
    return persona


@pytest.fixture
def port() -> Iterator[int]:
    """A live server on the test's own database."""
    port = free_port()
    server = subprocess.Popen(  # noqa: S603 - our own server
        [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread",
         "--threads", "4", "--log-level", "error", "--graceful-timeout", "2"],
        cwd=settings.BASE_DIR,
        env=processes.environment(DATABASE_URL=processes.database_url()),
    )  # fmt: skip
    try:
        _wait_for(port)
        yield port
    finally:
        server.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            server.wait(20)
        server.kill()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise AssertionError("the server did not start")


def _headers(persona: Persona, **more: str) -> dict[str, str]:
    token = key_client(persona.organization, Scope.CONTRIBUTE)._credentials["HTTP_AUTHORIZATION"]
    return {"Authorization": token, "Content-Type": "application/x-ndjson", **more}


def _line(number: int) -> bytes:
    item = {"persona": "coder", "input": {"text": f"Question {number}"}, "client_id": f"q-{number}"}
    return json.dumps(item).encode() + b"\n"


def _lines(count: int) -> Iterator[bytes]:
    return (_line(number) for number in range(count))


def _statuses(response: http.client.HTTPResponse) -> list[str]:
    assert response.status == 200
    return [json.loads(line)["status"] for line in response.read().splitlines()]


@pytest.mark.parametrize("in_chunks", [True, False])
def test_lines_arrive_in_chunks_and_with_a_length(persona: Persona, port: int, in_chunks: bool) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    body = _lines(1_200) if in_chunks else b"".join(_lines(1_200))
    connection.request("POST", URL, body, _headers(persona), encode_chunked=in_chunks)
    assert _statuses(connection.getresponse()) == ["created"] * 1_200
    connection.request("POST", URL, _line(0), _headers(persona))  # the connection is as good as before
    assert _statuses(connection.getresponse()) == ["exists"]


def test_nothing_is_answered_before_everything_is_sent(persona: Persona, port: int) -> None:
    """A client that reads only after sending would wait for us once the buffers are full, and we for it."""
    body = b"".join(_lines(1_200))
    headers = _headers(persona, Host="localhost", Connection="close", **{"Content-Length": str(len(body))})
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(_head(headers) + body[:-1])
        _wait_until_stored(500)
        assert select.select([connection], [], [], 0.5)[0] == []
        connection.sendall(body[-1:])
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.count(b'"created"') == 1_200


def _head(headers: dict[str, str]) -> bytes:
    lines = [f"POST {URL} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _wait_until_stored(count: int) -> None:
    deadline = time.monotonic() + 60
    while TrainingExample.objects.count() < count and time.monotonic() < deadline:
        time.sleep(0.1)


@pytest.mark.parametrize("in_chunks", [True, False])
def test_a_connection_that_breaks_leaves_whole_batches(persona: Persona, port: int, in_chunks: bool) -> None:
    """The client is gone in the middle of its 1,234th line."""
    headers = _headers(persona, Host="localhost")
    headers |= {"Transfer-Encoding": "chunked"} if in_chunks else {"Content-Length": "100000000"}
    body = b"".join(_lines(1_233)) + _line(1_234)[:20]
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(_head(headers))
        connection.sendall(b"%x\r\n" % (len(body) + 1_000) + body if in_chunks else body)
    _wait_until_stored(500)
    again = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    again.request("POST", URL, b"".join(_lines(1_300)), _headers(persona))
    statuses = _statuses(again.getresponse())
    before = statuses.count("exists")
    assert before in (500, 1_000)  # the server may lose what it read last when the connection breaks
    assert statuses == ["exists"] * before + ["created"] * (1_300 - before)


def test_two_senders_of_the_same_lines_store_them_once(persona: Persona, port: int) -> None:
    headers, found = _headers(persona), []

    def send() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.request("POST", URL, b"".join(_lines(1_500)), headers)
        found.append(_statuses(connection.getresponse()))

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [sorted(statuses) for statuses in zip(*found, strict=True)] == [["created", "exists"]] * 1_500
    assert TrainingExample.objects.count() == 1_500

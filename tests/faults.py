"""A proxy that breaks what passes through it: it stands between the `openai` SDK and a real server of the protocol.

    with FaultProxy(upstream="http://127.0.0.1:8081") as proxy:
        proxy.inject("POST", "/fine_tuning/jobs", Truncated())

Requests pass unharmed unless a fault is waiting for their method and the end of their path; each fault hits once.
"""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    declared_length: int | None = None  # a longer one than the body's makes a truncated answer


@dataclass(frozen=True)
class Refused:
    """The connection is closed before the server sees anything."""


@dataclass(frozen=True)
class Lost:
    """The server does its work, and its answer never arrives."""


@dataclass(frozen=True)
class Truncated:
    """The server does its work, and its answer breaks off in the middle."""


@dataclass(frozen=True)
class Slow:
    """The server does its work, and its answer arrives `seconds` late."""

    seconds: float


@dataclass(frozen=True)
class Said:
    """Something else answers in the server's place: a proxy's error page, a rate limiter, nonsense."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/html"})


Fault = Refused | Lost | Truncated | Slow | Said


def said_error(status: int, code: str, message: str = "No.") -> Said:
    body = {"error": {"message": message, "type": "error", "param": None, "code": code}}
    return Said(status, json.dumps(body).encode(), {"content-type": "application/json"})


GARBAGE = Said(200, b"<html>Sign in to the hotel network</html>")


class FaultProxy:
    def __init__(self, *, upstream: str) -> None:
        self.upstream = urlsplit(upstream)
        self.seen: list[tuple[str, str]] = []  # method and path of what reached the server
        self._waiting: list[tuple[str, str, Fault]] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def inject(self, method: str, path_end: str, fault: Fault, *, times: int = 1) -> None:
        with self._lock:
            self._waiting += [(method, path_end, fault)] * times

    def heal(self) -> None:
        with self._lock:
            self._waiting.clear()

    def count(self, method: str, path_end: str) -> int:
        """How many such requests reached the server."""
        return sum(seen == method and path.endswith(path_end) for seen, path in self.seen)

    def __enter__(self) -> "FaultProxy":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take_fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for index, (wanted, path_end, fault) in enumerate(self._waiting):
                if wanted == method and path.endswith(path_end):
                    del self._waiting[index]
                    return fault
        return None

    def _forward(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.seen.append((method, urlsplit(target).path))
        connection = http.client.HTTPConnection(self.upstream.hostname or "", self.upstream.port, timeout=60)
        try:
            connection.request(method, target, body=body or None, headers=dict(headers))
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """What to send back; None: close the connection without a word."""
        fault = self._take_fault(method, urlsplit(target).path)
        if isinstance(fault, Refused):
            return None
        if isinstance(fault, Said):
            return Answer(fault.status, list(fault.headers.items()), fault.body)
        answer = self._forward(method, target, headers, body)
        if isinstance(fault, Lost):
            return None
        if isinstance(fault, Slow):
            time.sleep(fault.seconds)
        if isinstance(fault, Truncated):
            answer.declared_length = len(answer.body)
            answer.body = answer.body[: len(answer.body) // 2]
        return answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _handle(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
                answer = proxy._answer(self.command, self.path, headers, body)
                self.close_connection = True
                if answer is not None:
                    self._send(answer)

            def _send(self, answer: Answer) -> None:
                length = len(answer.body) if answer.declared_length is None else answer.declared_length
                try:
                    self.send_response(answer.status)
                    for name, value in answer.headers:
                        if name.lower() not in HOP_BY_HOP:
                            self.send_header(name, value)
                    self.send_header("content-length", str(length))
                    self.send_header("connection", "close")
                    self.end_headers()
                    self.wfile.write(answer.body)
                except OSError:
                    pass  # the client gave up waiting, which is what a slow answer is for

            do_GET = do_POST = do_DELETE = _handle  # noqa: N815 - the names that http.server looks for

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: the tests say what happened."""

        return Handler


@contextmanager
def nobody_listens() -> Iterator[str]:
    """A URL at which connections are refused: the port is bound, so that nobody else gets it, and not listened on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"

"""A server of the protocol that answers what a test tells it to: the deviations that real ones are known for."""

import json
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

Answer = tuple[int, bytes] | dict[str, Any] | Callable[[dict[str, Any]], Any]


class OddServer:
    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Answer] = {}
        self.requests: list[tuple[str, str, str]] = []  # method, path, query
        self.headers: list[dict[str, str]] = []
        self.url = ""

    def on(self, method: str, path: str, answer: Answer) -> None:
        self.answers[method, path] = answer

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.requests.append((method, path, environ["QUERY_STRING"]))
        self.headers.append({key: str(value) for key, value in environ.items() if key.startswith("HTTP_")})
        answer = self.answers.get((method, path), (404, b'{"error": {"message": "no such thing", "code": null}}'))
        if callable(answer):
            answer = answer(environ)
        status, body = (200, json.dumps(answer).encode()) if isinstance(answer, dict) else answer
        location = [("Location", body.decode())] if 300 <= status < 400 else []
        start_response(f"{status} As told", [("Content-Type", "application/json"), *location])
        return [body]


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextmanager
def odd_server() -> Any:
    server = OddServer()
    http = make_server("127.0.0.1", 0, server, handler_class=_Quiet)
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()

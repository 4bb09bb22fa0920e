"""A provider on a real socket whose models do as they are told, the ill-behaved ones too.

What it says when it behaves is held against the real trainer: `test_gateway.py` runs the same assertions on both.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 10,
    "total_tokens": 110,
    "prompt_tokens_details": {"cached_tokens": 40},
}


def completion(text: str, **message: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-theirs",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "theirs-2026-01-01",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
        ],
        "usage": USAGE,
    }


def chunk(text: str | None = None, *, finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    said = {"role": "assistant", **({"content": text} if text is not None else {}), **delta}
    choice = {"index": 0, "delta": said, "finish_reason": finish_reason}
    return {
        "id": "chatcmpl-theirs",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": "theirs-2026-01-01",
        "choices": [choice],
        "usage": None,
    }


USAGE_CHUNK = {**chunk(), "choices": [], "usage": USAGE}


def events(*chunks: dict[str, Any], done: bool = True) -> list[bytes]:
    lines = [b"data: " + json.dumps(item).encode() + b"\n\n" for item in chunks]
    return [*lines, b"data: [DONE]\n\n"] if done else lines


class LocalProvider:
    """`plain[model]` is a (status, body), `streams[model]` the bytes to send; models not named answer `hello`."""

    def __init__(self) -> None:
        self.plain: dict[str, tuple[int, Any]] = {}
        self.streams: dict[str, list[bytes]] = {}
        self.requests: list[dict[str, Any]] = []
        self.hung_up = threading.Event()
        self.before_answer: Callable[[], object] = lambda: None
        self.base_url = ""

    def refuse(self, model: str, *, status: int, code: str = "") -> None:
        body = {"error": {"message": "No.", "type": "invalid_request_error", "param": None, "code": code or None}}
        self.plain[model] = (status, body)

    def stream_of(self, model: str) -> list[bytes]:
        hello = events(chunk("hel"), chunk("lo"), chunk(finish_reason="stop"), USAGE_CHUNK)
        return self.streams.get(model, hello)


class _Handler(BaseHTTPRequestHandler):
    provider: LocalProvider
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.provider.requests.append(body)
        model = body["model"]
        self.provider.before_answer()
        if body.get("stream") and model not in self.provider.plain:
            self._stream(self.provider.stream_of(model))
        else:
            status, answer = self.provider.plain.get(model, (200, completion("hello")))
            self._answer(status, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, pieces: list[bytes]) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for piece in pieces:
                self.wfile.write(piece)
                self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            self.provider.hung_up.set()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextmanager
def running_provider() -> Iterator[LocalProvider]:
    provider = LocalProvider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"provider": provider}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    provider.base_url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

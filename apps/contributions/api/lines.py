"""Many examples in one request, one on each line (NDJSON): read, stored and answered batch by batch."""

import json
from collections.abc import Callable
from tempfile import TemporaryFile
from typing import IO, Any

from django.http import HttpRequest
from rest_framework.renderers import JSONRenderer

from apps.common.errors import FlywheelError, InvalidInput, TooLarge
from apps.common.safe_json import READ_BYTES, BadJson, Readable, lines_of, parse_line
from apps.contributions import services
from apps.contributions.api.items import read_item, result_of

MEDIA_TYPES = ("application/x-ndjson", "application/jsonl")
MAX_LINES = 200_000
MAX_BYTES = 512 * 2**20
BATCH_BYTES = 4 * 2**20  # of lines: with what is made of them, all that one request holds in memory

Store = Callable[[list[services.NewExample]], list[services.ExampleResult]]


class LinesRenderer(JSONRenderer):
    """For callers who accept lines only; an error is one line."""

    media_type = MEDIA_TYPES[0]
    format = "ndjson"


class _Enough(Exception):
    """The body goes on beyond what one request may bring; says beyond what."""


class Body:
    """The body of a request as it arrives. Django would not read one that is sent in chunks, nor tell a broken one."""

    def __init__(self, request: HttpRequest) -> None:
        length = request.META.get("CONTENT_LENGTH") or "0"
        self.length = int(length) if length.isdecimal() else 0
        in_chunks = request.META.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
        # A server that says so ends the stream itself where the last chunk ends; without it nobody knows where to stop.
        ends_itself = in_chunks and request.META.get("wsgi.input_terminated", False)
        self._stream: Readable = request.META["wsgi.input"] if ends_itself else request
        self._seen = 0
        if self.length > MAX_BYTES:
            raise _too_large(f"{MAX_BYTES // 2**20} MB", 0)

    def read(self, size: int, /) -> bytes:
        try:
            piece = self._stream.read(size)
        except Exception as error:  # each server has its own kinds for a connection that ended too early
            raise _broken() from error
        self._seen += len(piece)
        if self._seen > MAX_BYTES:
            raise _Enough(f"{MAX_BYTES // 2**20} MB")
        if not piece and self._seen < self.length:
            raise _broken()
        return piece


class _Batch:
    """Lines that are stored together: each with its number, what it says, and how it was read."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, Any, services.NewExample | FlywheelError]] = []
        self.size = 0

    def add(self, number: int, line: bytes | None, *, may_decide: bool) -> None:
        self.size += len(line or b"")
        try:
            item = parse_line(line)
            self.lines.append((number, item, read_item(item, may_decide=may_decide)))
        except BadJson as bad:
            error = InvalidInput(f"The line {bad}.", resolution="Write one JSON object on each line.", code="bad_line")
            self.lines.append((number, None, error))

    @property
    def is_full(self) -> bool:
        return len(self.lines) == services.MAX_ITEMS or self.size >= BATCH_BYTES

    def store(self, store: Store, results: IO[bytes]) -> int:
        """Store what can be used, write down what became of each line, and begin anew; how many are new."""
        if not self.lines:
            return 0
        stored = iter(store([read for _, _, read in self.lines if isinstance(read, services.NewExample)]))
        created = 0
        for number, item, read in self.lines:
            result = next(stored) if isinstance(read, services.NewExample) else services.rejected(read)
            created += result.status == services.ExampleResultStatus.CREATED
            results.write(json.dumps({"line": number, **result_of(item, result)}).encode() + b"\n")
        self.lines, self.size = [], 0
        return created


def take_in_lines(body: Readable, *, store: Store, may_decide: bool) -> IO[bytes]:
    """Store every line that can be used; a file with a result for each, in their order, as NDJSON.

    Each batch is a transaction of its own: when the connection breaks, whole batches stay, and sending all of it again
    under the same client ids changes nothing. TooLarge where the body goes on too long; what came before is stored.

    The results go to a temporary file, and out only when the body has come in: a caller who reads nothing before
    everything is sent would otherwise wait for us to read on, while we wait for them to read our answer.
    """
    results: IO[bytes] = TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    try:
        _take_in(body, results, store=store, may_decide=may_decide)
    except BaseException:
        results.close()
        raise
    results.seek(0)
    return results


def _take_in(body: Readable, results: IO[bytes], *, store: Store, may_decide: bool) -> None:
    batch, created = _Batch(), 0
    try:
        for number, line in lines_of(body):
            if number > MAX_LINES:
                raise _Enough(f"{MAX_LINES:,} lines")
            batch.add(number, line, may_decide=may_decide)
            if batch.is_full:
                created += batch.store(store, results)
        created += batch.store(store, results)
    except _Enough as enough:
        created += batch.store(store, results)
        _read_to_the_end(body)
        raise _too_large(str(enough), created) from None


def _read_to_the_end(body: Readable) -> None:
    """So that a caller who reads nothing before everything is sent gets to read why; up to the limit of bytes."""
    try:
        while body.read(READ_BYTES):
            pass
    except _Enough:
        return


def _too_large(limit: str, created: int) -> TooLarge:
    stored = f"The first {created:,} new examples of it are stored." if created else "Nothing of it was stored."
    return TooLarge(
        f"The body has more than {limit}. {stored}",
        resolution=f"Send at most {MAX_LINES:,} lines and {MAX_BYTES // 2**20} MB at once. What is sent again under "
        "the same client ids is not stored again.",
    )


def _broken() -> InvalidInput:
    return InvalidInput(
        "The connection ended before the body did.",
        resolution="Send it again: under the same client ids, what was stored before is not stored again.",
        code="connection_broken",
    )

"""The embedded trainer as a provider without a socket: our own WSGI application, called in process."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import httpx2
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.urls import get_script_prefix, set_script_prefix

from apps.common.database import connection_kept_open


def embedded_url() -> str:
    return f"https://{settings.EMBEDDED_HOST}/trainer/v1/"


@cache
def _application() -> Callable[..., Iterable[bytes]]:
    """What config.wsgi serves, without the checks of a server that is about to open its doors."""
    return WSGIHandler()


@contextmanager
def _caller_undisturbed() -> Iterator[None]:
    """A request inside a request, or inside a job, leaves its caller's connection and URL prefix as they were."""
    prefix = get_script_prefix()
    with connection_kept_open():
        try:
            yield
        finally:
            set_script_prefix(prefix)


class _Body:
    """An answer's body; closing it ends the inner request, which must not disturb the caller either."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.inner)

    def close(self) -> None:
        with _caller_undisturbed():
            self.inner.close()


def _call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    with _caller_undisturbed():
        return _Body(_application()(environ, start_response))


def embedded_transport() -> httpx2.WSGITransport:
    return httpx2.WSGITransport(app=_call)

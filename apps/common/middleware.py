"""Middleware: a request id on every answer, who calls, what may be called, and the content security policy."""

from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from apps.common.error_pages import page_not_found
from apps.common.ids import new_id


class RequestIdMiddleware:
    """Puts `x-request-id` on every answer, and on the request as `request_id` for logs and error bodies."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = new_id("req_")  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.headers.setdefault("x-request-id", request.request_id)  # type: ignore[attr-defined]
        return response


class BehindProxyMiddleware:
    """Who calls is the last address in X-Forwarded-For, which our proxy wrote; those before it anyone can make up.

    Else all callers would have the proxy's address, and share what is counted by address: wrong passwords, codes.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.BEHIND_PROXY:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        caller = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
        with suppress(ValueError):
            request.META["REMOTE_ADDR"] = str(ip_address(caller))
        return self.get_response(request)


class UsableAddressMiddleware:
    """No address of ours holds a NUL: PostgreSQL refuses it in any text, so nobody gets to look for one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        if "\x00" in request.path_info or "%00" in query or "\x00" in query:
            return page_not_found(request, Http404())
        return self.get_response(request)


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """Strict everywhere but where other people's pages need more: the admin theme's Alpine.js evaluates expressions
    and styles elements, and so does, without evaluating, the viewer of the API description."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.path_info.startswith("/admin/"):
            response._csp_update = {  # type: ignore[attr-defined]
                "script-src": [SELF, UNSAFE_EVAL],
                "style-src": [SELF, UNSAFE_INLINE],
            }
        elif request.path_info == "/api/docs/":
            response._csp_update = {"style-src": [SELF, UNSAFE_INLINE]}  # type: ignore[attr-defined]
        return super().process_response(request, response)

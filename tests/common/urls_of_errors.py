"""The project's addresses, and one of each way in which a page can go wrong."""

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.urls import handler404, handler500
from config.urls import urlpatterns as our_urls

__all__ = ["handler404", "handler500", "urlpatterns"]


def refuse(_request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def misread(_request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation


def break_down(_request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


urlpatterns = [
    path("refused/", refuse),
    path("misread/", misread),
    path("broken/", break_down),
    *our_urls,
]

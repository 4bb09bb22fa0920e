"""Pages of work that takes its time: what moves on them refreshes by itself until the work has ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache

from apps.common.admin.base import UnfoldModelAdmin
from apps.common.ids import sha256

SECONDS = 5  # between two looks


@dataclass(frozen=True)
class Standing:
    """Where a piece of work stands. `percent` None: there is no telling."""

    status: str
    colour: str
    words: str
    percent: int | None
    problem: str
    has_ended: bool


class LiveAdmin(UnfoldModelAdmin[Any]):
    """Shows in the field `standing` where a row stands, and in the fields `moving` what changes along with it.

    While the work runs, htmx asks for them every few seconds and puts in what is new, so that the rest of the page
    stays as the person left it. When the work has ended, the page offers to be loaded anew. Without scripts it is as it
    was when it was loaded. Stands before one of the scoped classes, which decides who sees the row.
    """

    moving: Sequence[str] = ()  # for each, `<name>_now(row)` gives what is in the field

    def standing_of(self, row: Any) -> Standing:
        raise NotImplementedError

    def get_urls(self) -> list[Any]:
        # Not behind admin_view: that leads strangers to the page to sign in on, which would land in the middle of this.
        view = path("<path:object_id>/standing/", never_cache(self.standing_view), name=self._url_name("standing"))
        return [view, *super().get_urls()]

    @admin.display(description="where it stands")
    def standing(self, row: Any) -> SafeString:
        return self._shown(row, self.standing_of(row), self._seen(row), is_watched=False)

    def standing_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What is to be put into the page; 204 where that shows it already."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        seen = self._seen(row)
        if request.GET.get("seen") == seen:
            return HttpResponse(status=204)
        others = format_html_join("", '<div id="moving-{}" hx-swap-oob="true">{}</div>', self._moving_parts(row))
        return HttpResponse(self._shown(row, self.standing_of(row), seen, is_watched=True) + others)

    def moving_part(self, name: str, row: Any) -> SafeString:
        """The inside of a field that `moving` names."""
        return format_html('<div id="moving-{}">{}</div>', name, getattr(self, f"{name}_now")(row))

    def _moving_parts(self, row: Any) -> list[tuple[str, SafeString]]:
        return [(name, getattr(self, f"{name}_now")(row)) for name in self.moving]

    def _seen(self, row: Any) -> str:
        """Another one whenever something moved."""
        shown = repr((self.standing_of(row), self._moving_parts(row)))
        return sha256(shown.encode("utf-8", "surrogatepass"))[:16]

    def _shown(self, row: Any, standing: Standing, seen: str, *, is_watched: bool) -> SafeString:
        context = {
            "standing": standing,
            "seconds": SECONDS,
            "is_watched": is_watched,
            "page": reverse(f"admin:{self._url_name('change')}", args=[row.pk]),
            "url": reverse(f"admin:{self._url_name('standing')}", args=[row.pk], query={"seen": seen}),
        }
        return render_to_string("admin/standing.html", context)

    def _url_name(self, view: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{view}"

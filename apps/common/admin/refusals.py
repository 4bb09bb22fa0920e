"""What a service refuses, shown to whoever asked for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from apps.common.admin.base import UnfoldModelAdmin
from apps.common.errors import FlywheelError


@contextmanager
def refusals_shown(request: HttpRequest, *, about: object = "") -> Iterator[None]:
    """A service's refusal becomes a message on the page, naming what it is `about` where there are several."""
    try:
        yield
    except FlywheelError as error:
        messages.error(request, f"{about}: {error}" if about else str(error))


class RefusalsShownAdmin(UnfoldModelAdmin[Any]):
    """What a service refuses while a form is saved stands over the form, with all that was typed. Nothing was saved."""

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except FlywheelError as refusal:
            request.refusal = refusal  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form; the second time, one that is as invalid as the service found it."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        refusal = getattr(request, "refusal", None)
        return type(form.__name__, (_refused_by(refusal), form), {}) if refusal else form


def _refused_by(refusal: FlywheelError) -> type:
    class Refused:
        def clean(self) -> None:
            super().clean()  # type: ignore[misc]
            raise ValidationError(str(refusal))

    return Refused

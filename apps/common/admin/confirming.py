"""The page that asks before an action."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse


def confirm(
    modeladmin: ModelAdmin[Any],
    request: HttpRequest,
    queryset: QuerySet[Any],
    *,
    action: str,
    title: str,
    facts: Sequence[tuple[str, str]],
    warning: str = "",
    form: forms.Form | None = None,
    button: str = "Confirm",
) -> TemplateResponse:
    """The page between choosing an action and doing it: numbers, a warning, a form if one is needed.

    It posts the same `action` and selection again with ``confirmed=yes``; the action asks `is_confirmed(request)`.
    `facts` are (label, value) pairs.
    """
    selected = list(queryset.values_list("pk", flat=True))
    context = {
        **modeladmin.admin_site.each_context(request),
        "opts": modeladmin.model._meta,
        "title": title,
        "facts": facts,
        "warning": warning,
        "form": form,
        "button": button,
        "action": action,
        "selected": selected,
        "back": _way_back(modeladmin, request, selected),
        "action_checkbox_name": ACTION_CHECKBOX_NAME,
        "media": modeladmin.media + (form.media if form else forms.Media()),
    }
    return TemplateResponse(request, "admin/confirm_action.html", context)


def _way_back(modeladmin: ModelAdmin[Any], request: HttpRequest, selected: list[Any]) -> str:
    """The list, or the row's own page for a button that stands there."""
    rows = f"admin:{modeladmin.model._meta.label_lower.replace('.', '_')}"
    url = reverse(f"{rows}_changelist")
    return url if len(selected) != 1 or request.path == url else reverse(f"{rows}_change", args=selected)


def is_confirmed(request: HttpRequest) -> bool:
    return request.method == "POST" and request.POST.get("confirmed") == "yes"

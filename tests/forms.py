"""Admin forms as a browser would send them."""

from typing import Any

from django.forms import BaseForm
from django.http import HttpResponse


def filled(page: HttpResponse) -> dict[str, Any]:
    """What a form page would post if nobody touched it: its own fields, and those of its inlines."""
    context: Any = page.context  # type: ignore[attr-defined]
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    return {name: value for form in forms for name, value in _values(form).items()}


def _values(form: BaseForm) -> dict[str, Any]:
    values = {bound.html_name: bound.value() for bound in form}
    return {name: value for name, value in values.items() if value is not None and value is not False}

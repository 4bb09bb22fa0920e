"""Forms as a browser would send them."""

from collections import defaultdict
from html.parser import HTMLParser
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


class FormFields(HTMLParser):
    """The fields of a form: their names, and what a browser would send of them if nobody touched it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.values: dict[str, list[str]] = defaultdict(list)
        self._textarea = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        name = said.get("name")
        if name is None or tag not in {"input", "textarea"}:
            return
        self.names.add(name)
        if tag == "textarea":
            self._textarea = name
            self.values[name].append("")
        elif said.get("type") not in {"radio", "checkbox"} or "checked" in said:
            self.values[name].append(said.get("value") or "")

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.values[self._textarea][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            text = self.values[self._textarea].pop().removeprefix("\n")  # a line end right behind the tag is no content
            self.values[self._textarea].append(text.replace("\n", "\r\n"))
            self._textarea = ""

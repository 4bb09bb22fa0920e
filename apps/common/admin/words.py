"""Values as a person reads them."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.template.defaultfilters import pluralize
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from apps.common.ids import canonical_json

PREVIEW = 70  # characters of a payload in a list


def preview(value: Any) -> str:
    """A payload in a few words, without its keys. Escaped by whoever shows it."""
    if value is None:
        return "-"
    words = (part if isinstance(part, str) else canonical_json(part) for part in value.values())
    return Truncator(", ".join(words)).chars(PREVIEW)


def in_full(value: Any) -> str:
    """A payload as a person reads it: one text as it was written, several fields below each other."""
    if value is None:
        return "-"
    words = {name: part if isinstance(part, str) else canonical_json(part) for name, part in value.items()}
    if len(words) == 1:
        return as_written(*words.values())
    return show_facts([(name.replace("_", " ").capitalize(), text) for name, text in words.items()])


def without_braces(text: str) -> str:
    """An answer that is a flat JSON object as its values, for a list; any other as it is."""
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return ", ".join(str(part) for part in parts.values()) if isinstance(parts, dict) else text


def as_written(text: str) -> SafeString:
    """A long text with its own line breaks, for a read-only field."""
    return format_html('<div class="as-written">{}</div>', text) if text else SafeString("-")


def took_words(seconds: float) -> str:
    """``3 seconds`` or ``0:12:30``."""
    whole = max(1, round(seconds))
    return str(timedelta(seconds=whole)) if whole >= 60 else f"{whole} second{pluralize(whole)}"


def show_facts(facts: Sequence[tuple[str, str]]) -> str:
    """(label, value) pairs below each other, for a read-only field; a dash for none."""
    return render_to_string("admin/facts.html", {"facts": facts}) if facts else "-"

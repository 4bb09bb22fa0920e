import json
from typing import Any

from django import template

register = template.Library()


@register.filter
def as_json(value: Any) -> str:
    """``{{ label|as_json }}`` for people who edit it: indented, in the order it has, with letters as they are."""
    return json.dumps(value, ensure_ascii=False, indent=2)


@register.filter
def percent(share: float) -> str:
    """``{{ 0.873|percent }}`` as ``87 %``."""
    return f"{100 * share:.0f} %"

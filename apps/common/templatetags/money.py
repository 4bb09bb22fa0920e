from django import template

from apps.common.money import format_money

register = template.Library()


@register.filter
def money(micros: int, currency: str) -> str:
    """``{{ share.amount_micros|money:share.currency }}`` as ``€1.67``."""
    return format_money(micros, currency)

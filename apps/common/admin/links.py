from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString


def link_to(row: Model | None, text: object = "") -> str:
    """The row's name as a link to its page in the admin; a dash for none."""
    if row is None:
        return "-"
    meta = row._meta
    try:
        url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return str(text or row)
    return format_html('<a href="{}" class="text-primary-600 dark:text-primary-500">{}</a>', url, text or row)


def link_to_list(name: str, text: str, **chosen: object) -> SafeString:
    """A link to a list such as ``custom_models_finetunejob``, narrowed by field lookups."""
    url = reverse(f"admin:{name}_changelist", query=chosen)
    return format_html('<a href="{}" class="text-primary-600 dark:text-primary-500">{}</a>', url, text)

"""The theme's admin classes, with the types of Django's: the theme publishes none, and keeps their interface."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as UnfoldModelAdmin
    from django.contrib.admin import TabularInline as UnfoldTabularInline
else:
    from unfold.admin import ModelAdmin as UnfoldModelAdmin
    from unfold.admin import TabularInline as UnfoldTabularInline

__all__ = ["UnfoldModelAdmin", "UnfoldTabularInline"]

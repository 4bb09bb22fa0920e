"""What the review desk leaves behind beside labels."""

from django.contrib import admin

from apps.common.admin import preview
from apps.contributions.models import GoldAnswer, Skip
from apps.organizations.scoped_admin import ReadOnlyAdmin


@admin.register(GoldAnswer)
class GoldAnswerAdmin(ReadOnlyAdmin):
    list_display = ["said", "tester", "score", "seconds_spent", "created_at"]
    list_select_related = ["tester"]
    search_fields = ["tester__display_name"]
    ordering = ["-pk"]
    fields = ["tester", "example", "said", "score", "seconds_spent", "created_at"]
    readonly_fields = ["said"]
    when_empty = "What testers say to gold items, whose answers are known, appears here."

    @admin.display(description="answer")
    def said(self, answer: GoldAnswer) -> str:
        return preview(answer.payload)


@admin.register(Skip)
class SkipAdmin(ReadOnlyAdmin):
    list_display = ["reason", "note", "tester", "is_report", "resolved_at", "created_at"]
    list_filter = ["is_report", "reason"]
    list_select_related = ["tester"]
    search_fields = ["tester__display_name"]
    ordering = ["-pk"]
    fields = ["tester", "example", "reason", "note", "is_report", "resolved_at", "resolved_by", "created_at"]
    when_empty = "When a tester skips or reports an item, the reason appears here."

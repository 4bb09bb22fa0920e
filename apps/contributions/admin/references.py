from django.contrib import admin
from django.template.defaultfilters import truncatechars

from apps.contributions.models import ReferenceAnswer
from apps.organizations.scoped_admin import ReadOnlyAdmin
from apps.personas.scoped_admin import PersonaFilter


@admin.register(ReferenceAnswer)
class ReferenceAnswerAdmin(ReadOnlyAdmin):
    list_display = ["short_text", "category", "persona", "added_by", "created_at"]
    list_filter = [PersonaFilter]
    list_select_related = ["persona"]
    search_fields = ["category"]
    ordering = ["-pk"]
    fields = ["persona", "category", "text", "added_by", "created_at"]
    when_empty = "Answers that show how a persona should sound appear here once a CSV of them was imported."

    @admin.display(description="text")
    def short_text(self, answer: ReferenceAnswer) -> str:
        return truncatechars(answer.text, 80)

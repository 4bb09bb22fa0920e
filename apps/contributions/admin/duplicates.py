from django.contrib import admin

from apps.contributions.models import DuplicateSearch
from apps.organizations.scoped_admin import ReadOnlyAdmin


@admin.register(DuplicateSearch)
class DuplicateSearchAdmin(ReadOnlyAdmin):
    list_display = ["persona", "status", "found", "finished_at"]
    list_filter = ["status"]
    list_select_related = ["persona"]
    ordering = ["-pk"]
    fields = ["persona", "status", "found", "requested_by", "progress_done", "progress_total", "error_message",
              "finished_at"]  # fmt: skip
    when_empty = "A search for examples that are nearly the same shows here how far it is and what it found."

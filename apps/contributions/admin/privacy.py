"""What must not leave the house, and who asked for what to be forgotten."""

from django.contrib import admin

from apps.contributions.models import ProtectedName, Withdrawal
from apps.organizations.scoped_admin import ReadOnlyAdmin


@admin.register(ProtectedName)
class ProtectedNameAdmin(ReadOnlyAdmin):
    list_display = ["value", "kind", "organization", "added_by", "created_at"]
    list_filter = ["kind"]
    list_select_related = ["organization"]
    ordering = ["-pk"]
    fields = ["organization", "kind", "value", "added_by", "created_at"]
    when_empty = "Names, addresses and numbers listed here are replaced wherever they occur before data leaves."


@admin.register(Withdrawal)
class WithdrawalAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "status", "tester", "examples_count", "erased_count", "requested_by", "created_at"]
    list_filter = ["status", "scope"]
    list_select_related = ["tester"]
    ordering = ["-pk"]
    fields = [
        "scope", "tester", "status", "reason", "examples_count", "labels_count", "erased_count", "requested_by",
        "created_at", "finished_at",
    ]  # fmt: skip
    when_empty = "When somebody asks for their data to be deleted, what was done appears here."

from django.contrib import admin

from apps.common.admin import as_written, preview
from apps.datasets.models import DatasetItem, ItemCredit
from apps.organizations.scoped_admin import ReadOnlyAdmin


@admin.register(DatasetItem)
class DatasetItemAdmin(ReadOnlyAdmin):
    organization_path = "dataset__organization"
    list_display = ["question", "label", "dataset", "split", "position", "tokens"]
    list_select_related = ["dataset", "example"]
    list_filter = ["split"]
    search_fields = ["dataset__name", "content_hash", "line_sha256"]
    search_help_text = "A dataset's name, or a whole SHA-256"
    ordering = ["-pk"]
    fields = [
        "dataset", "example", "question", "label", "split", "position", "tokens", "taught_by", "line_in_full",
        "line_sha256", "content_hash",
    ]  # fmt: skip
    readonly_fields = ["question", "label", "taught_by", "line_in_full"]
    when_empty = "The rows of datasets. Build a dataset to see some."

    @admin.display(description="input")
    def question(self, item: DatasetItem) -> str:
        return preview(item.example.input)

    @admin.display(description="label")
    def label(self, item: DatasetItem) -> str:
        return preview(item.example.accepted_label)

    @admin.display(description="taught by")
    def taught_by(self, item: DatasetItem) -> str:
        return ", ".join(f"{credit.tester} {_percent(credit)}" for credit in item.credits.select_related("tester"))

    @admin.display(description="line in the file")
    def line_in_full(self, item: DatasetItem) -> str:
        return as_written(item.line)


def _percent(credit: ItemCredit) -> str:
    return f"{credit.weight / 10_000:g} %"


@admin.register(ItemCredit)
class ItemCreditAdmin(ReadOnlyAdmin):
    organization_path = "dataset__organization"
    list_display = ["question", "dataset", "tester", "part", "rule"]
    list_select_related = ["dataset", "tester", "item__example"]
    search_fields = ["dataset__name", "tester__display_name"]
    ordering = ["-pk"]
    fields = ["dataset", "item", "question", "tester", "part", "rule"]
    readonly_fields = ["question", "part"]
    when_empty = "Publishing a dataset writes down who taught which of its rows."

    @admin.display(description="input")
    def question(self, credit: ItemCredit) -> str:
        return preview(credit.item.example.input)

    @admin.display(description="part of the row", ordering="weight")
    def part(self, credit: ItemCredit) -> str:
        return _percent(credit)

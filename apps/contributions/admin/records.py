"""What is only ever looked at: labels and totals."""

from django.contrib import admin
from unfold.decorators import display

from apps.common.admin import preview
from apps.common.money import format_money
from apps.contributions.admin.label_quality import ShowsLabelQuality
from apps.contributions.models import Contribution, Label
from apps.organizations.scoped_admin import ReadOnlyAdmin


@admin.register(Label)
class LabelAdmin(ShowsLabelQuality):
    list_display = ["said", "question", "tester", "agrees", "rating", "seconds_spent", "flag", "created_at"]
    list_filter = ["is_flagged", "agrees", "rating"]
    actions_list = ["quality"]
    list_select_related = ["tester", "example"]
    search_fields = ["tester__display_name"]
    ordering = ["-pk"]
    fields = [
        "tester", "example", "question", "said", "agrees", "rating", "seconds_spent", "answer_similarity", "flag",
        "created_at", "updated_at",
    ]  # fmt: skip
    readonly_fields = ["question", "said", "flag"]
    when_empty = "What testers say at the review desk appears here."

    @admin.display(description="label")
    def said(self, label: Label) -> str:
        return preview(label.payload)

    @display(description="screened", ordering="is_flagged", label={"Looks pasted": "warning"})  # type: ignore[untyped-decorator]
    def flag(self, label: Label) -> str | None:
        return "Looks pasted" if label.is_flagged else None

    @admin.display(description="about")
    def question(self, label: Label) -> str:
        return preview(label.example.input)


@admin.register(Contribution)
class ContributionAdmin(ReadOnlyAdmin):
    list_display = ["tester", "persona", "training_tests_completed", "weight", "earned", "updated_at"]
    list_select_related = ["tester", "persona"]
    search_fields = ["tester__display_name", "persona__name"]
    ordering = ["persona", "-training_tests_completed"]
    fields = ["tester", "persona", "training_tests_completed", "weight", "earned", "updated_at"]
    readonly_fields = ["weight", "earned"]
    when_empty = "With a tester's first label, what they have done and earned is added up here for each persona."

    @admin.display(description="share of the persona", ordering="contribution_weight")
    def weight(self, contribution: Contribution) -> str:
        return f"{contribution.contribution_weight:.2%}"

    @admin.display(description="earned", ordering="earned_micros")
    def earned(self, contribution: Contribution) -> str:
        return format_money(contribution.earned_micros, contribution.currency)

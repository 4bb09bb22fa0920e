from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import pluralize
from django.utils.text import Truncator

from apps.organizations.scoped_admin import ScopedAdmin, acting_user
from apps.personas import services
from apps.personas.models import FewShotExample
from apps.personas.scoped_admin import PersonaFilter


@admin.register(FewShotExample)
class FewShotExampleAdmin(ScopedAdmin):
    list_display = ["said", "answered", "persona", "position", "pattern_type", "origin", "is_active"]
    when_empty = "Pairs of a question and its answer that the persona is shown before each conversation."
    add_words = "Add a pair"
    list_filter = [PersonaFilter, "pattern_type", "is_active"]
    list_select_related = ["persona"]
    search_fields = ["persona__name"]
    ordering = ["persona_id", "position", "pk"]
    actions = ["switch_on", "switch_off"]
    fields = ["persona", "position", "pattern_type", "user_message", "assistant_message", "origin", "is_active"]
    readonly_fields = ["origin"]

    @admin.action(description="Switch on: show them to the model", permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[FewShotExample]) -> None:
        self._switch(request, queryset, on=True)

    @admin.action(description="Switch off", permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[FewShotExample]) -> None:
        self._switch(request, queryset, on=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[FewShotExample], *, on: bool) -> None:
        examples = list(queryset.select_related("persona"))
        changed = services.switch_few_shot_examples(examples=examples, on=on, by=acting_user(request))
        messages.success(request, f"{changed} pair{pluralize(changed)} switched {'on' if on else 'off'}.")

    @admin.display(description="somebody says")
    def said(self, example: FewShotExample) -> str:
        return Truncator(example.user_message).chars(60)

    @admin.display(description="the persona answers")
    def answered(self, example: FewShotExample) -> str:
        return Truncator(example.assistant_message).chars(60)

    def save_model(self, request: HttpRequest, obj: FewShotExample, form: Any, change: bool) -> None:
        services.save_few_shot_example(example=obj, by=acting_user(request))

from collections import Counter
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.text import Truncator
from unfold.decorators import action

from apps.common.admin import as_written, confirm, is_confirmed, refusals_shown
from apps.organizations.scoped_admin import ScopedAdmin, acting_user
from apps.personas import services
from apps.personas.models import PromptVersion
from apps.personas.queries import active_prompt, compare_prompts, prompt_to_compare_with
from apps.personas.scoped_admin import PersonaFilter


@admin.register(PromptVersion)
class PromptVersionAdmin(ScopedAdmin):
    """Versions are added and activated; what was once said to a model is not edited."""

    list_display = ["name", "is_active", "activated_at", "activated_by", "notes_start", "prompt_start"]
    list_filter = ["is_active", PersonaFilter]
    list_select_related = ["persona"]
    search_fields = ["persona__name", "persona__slug"]
    ordering = ["-pk"]
    actions = ["activate"]
    actions_detail = ["activate_this"]
    readonly_fields = ["prompt_in_full", "compared"]
    add_words = "Write a prompt"

    @admin.display(description="prompt", ordering="pk")
    def name(self, prompt: PromptVersion) -> str:
        return f"{prompt.persona}, version {prompt.number}"

    @admin.display(description="system prompt")
    def prompt_in_full(self, prompt: PromptVersion) -> str:
        return as_written(prompt.system_prompt)

    @admin.display(description="what it changes")
    def compared(self, prompt: PromptVersion) -> str:
        other = prompt_to_compare_with(prompt)
        if other is None:
            return "It is the persona's first."
        lines = compare_prompts(old=other.system_prompt, new=prompt.system_prompt)
        context = {"lines": lines, "other": other, "is_active": other.is_active}
        return render_to_string("personas/admin/prompt_changes.html", context)

    def offers(self, name: str, row: PromptVersion) -> bool:
        return not row.is_active

    @action(description="Activate", permissions=["write"], url_path="activate")  # type: ignore[untyped-decorator]
    def activate_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.activate(request, self.only(request, object_id)) or self.back_to(object_id)

    def get_fields(self, request: HttpRequest, obj: PromptVersion | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("persona", "system_prompt", "notes")
        return (
            "persona", "number", "is_active", "activated_at", "activated_by", "notes", "origin", "compared",
            "prompt_in_full",
        )  # fmt: skip

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    @admin.display(description="notes")
    def notes_start(self, prompt: PromptVersion) -> str:
        return Truncator(prompt.notes).chars(40)

    @admin.display(description="it begins")
    def prompt_start(self, prompt: PromptVersion) -> str:
        return Truncator(prompt.system_prompt).chars(80)

    def save_model(self, request: HttpRequest, obj: PromptVersion, form: Any, change: bool) -> None:
        obj.pk = services.add_prompt_version(by=acting_user(request), **form.cleaned_data).pk

    @admin.action(description="Activate", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[PromptVersion]) -> TemplateResponse | None:
        if len(queryset) != 1:
            messages.error(request, "Choose one version: a persona has one active prompt.")
            return None
        (prompt,) = queryset.select_related("persona")
        if not is_confirmed(request):
            return confirm(
                self, request, queryset, action="activate", title="Activate this prompt version?",
                facts=_activation_facts(prompt), warning="The persona answers with it from the next request on.",
                button="Activate",
            )  # fmt: skip
        with refusals_shown(request):
            services.activate_prompt_version(prompt=prompt, by=acting_user(request), now=timezone.now())
            messages.success(request, f"{prompt} is active.")
        return None


def _activation_facts(prompt: PromptVersion) -> list[tuple[str, str]]:
    present = active_prompt(prompt.persona)
    return [
        ("Persona", prompt.persona.name),
        ("Active now", f"version {present.number}" if present else "none"),
        ("To activate", f"version {prompt.number}"),
        ("Notes", prompt.notes or "-"),
        ("Lines added and dropped", _count_changes(present, prompt)),
        ("Begins", Truncator(prompt.system_prompt).chars(400)),
    ]


def _count_changes(present: PromptVersion | None, prompt: PromptVersion) -> str:
    lines = compare_prompts(old=present.system_prompt if present else "", new=prompt.system_prompt)
    counts = Counter(line.change for line in lines)
    return f"{counts['added']} added, {counts['removed']} dropped; its page shows them"

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import escape, format_html_join
from django.utils.safestring import mark_safe
from unfold.decorators import action

from apps.common.admin import link_to_list
from apps.common.errors import FlywheelError
from apps.common.forms import MoneyField, ReadableJSON
from apps.common.money import format_money
from apps.organizations.scoped_admin import ScopedAdmin, acting_user
from apps.personas import services
from apps.personas.models import Persona
from apps.personas.queries import default_prompt, task_of
from apps.personas.tasks import TASKS

NEW_FIELDS = (
    "organization", "name", "slug", "task", "base_model", "settings", "identity", "platform_context", "guidelines",
    "price_per_run_micros", "currency", "revenue_share_rate",
)  # fmt: skip
ALL_FIELDS = (*NEW_FIELDS, "credential", "temperature", "context_mode", "labels_per_example", "is_active")

IN_THE_PROMPT = {"name", "identity", "settings"}


class PersonaForm(forms.ModelForm[Persona]):
    """Checks the settings as the task does, so that a wrong codebook is a message beside its field."""

    class Meta:
        model = Persona
        fields = ALL_FIELDS
        field_classes: ClassVar[dict[str, type[forms.Field]]] = {"price_per_run_micros": MoneyField}
        labels: ClassVar[dict[str, str]] = {
            "price_per_run_micros": "Price per run",
            "revenue_share_rate": "Share for testers",
            "credential": "Provider credential",
        }
        help_texts: ClassVar[dict[str, str]] = {
            "slug": "How programs call it: the `model` of the API. It stays as it is.",
            "price_per_run_micros": "What a customer pays for one run, in the currency below. 0: nothing.",
            "revenue_share_rate": "Of what it earns, the part that its testers get: 0.3 is 30 %.",
            "labels_per_example": "How many testers read each example.",
            "credential": "Where it is trained and answers. Empty: the installation's own provider.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        settings = self.fields.get("settings")
        if isinstance(settings, forms.JSONField):
            settings.encoder = ReadableJSON
            settings.widget.attrs["rows"] = 16
            settings.help_text = _settings_help(self.instance)
        task = self.fields.get("task")
        if isinstance(task, forms.ChoiceField):
            task.choices = [(kind.name, kind.title) for kind in TASKS]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        try:
            task = TASKS.get(cleaned.get("task") or self.instance.task)
            cleaned["settings"] = task.clean_settings(cleaned.get("settings") or {})
        except FlywheelError as error:
            self.add_error("settings", str(error))
        credential = cleaned.get("credential")
        if credential is not None and credential.organization_id != self.instance.organization_id:
            self.add_error("credential", "This credential is another organization's. Choose one of its own.")
        return cleaned


def _settings_help(persona: Persona) -> str:
    """What the settings of its task are; of every task, while it can still be chosen."""
    if persona.pk:
        return escape(task_of(persona).settings_help)
    return format_html_join(mark_safe("<br>"), "{}: {}", ((task.title, task.settings_help) for task in TASKS))


@admin.register(Persona)
class PersonaAdmin(ScopedAdmin):
    form = PersonaForm
    list_display = ["name", "slug", "organization", "task", "base_model", "price", "labels_per_example", "is_active"]
    list_filter = ["task", "is_active"]
    list_select_related = ["organization", "base_model"]
    search_fields = ["name", "slug"]

    def get_fields(self, request: HttpRequest, obj: Persona | None = None) -> tuple[str, ...]:
        return NEW_FIELDS if obj is None else ("see_also", *ALL_FIELDS)

    def get_readonly_fields(self, request: HttpRequest, obj: Persona | None = None) -> tuple[str, ...]:
        return () if obj is None else ("see_also", *sorted(services.FIXED))

    actions = ["write_prompt"]
    actions_detail = ["build_dataset"]
    when_empty = (
        "A persona is a kind of work with a name: programs ask it, testers label for it, models are trained for it."
    )
    add_words = "Create a persona"

    @admin.display(description="see also")
    def see_also(self, persona: Persona) -> str:
        lists = {
            "personas_promptversion": "prompts", "personas_fewshotexample": "few-shot examples",
            "contributions_upload": "uploads", "contributions_trainingexample": "examples",
            "datasets_trainingdataset": "datasets", "custom_models_finetunejob": "fine-tuning jobs",
            "custom_models_custommodel": "custom models", "chat_response": "responses",
            "payouts_revenueday": "revenue days",
        }  # fmt: skip
        links = [link_to_list(name, text, persona=persona.pk) for name, text in lists.items()]
        return format_html_join(", ", "{}", ((link,) for link in links))

    @action(description="Build dataset", permissions=["write"], url_path="build")  # type: ignore[untyped-decorator]
    def build_dataset(self, request: HttpRequest, object_id: str) -> HttpResponse:
        chosen = {"persona": self.only(request, object_id).get().pk}
        return HttpResponseRedirect(reverse("admin:datasets_trainingdataset_build", query=chosen))

    @admin.display(description="price per run", ordering="price_per_run_micros")
    def price(self, persona: Persona) -> str:
        return format_money(persona.price_per_run_micros, persona.currency)

    def save_model(self, request: HttpRequest, obj: Persona, form: Any, change: bool) -> None:
        user = acting_user(request)
        if change:
            services.change_persona(persona=obj, changed=form.changed_data, by=user)
            if IN_THE_PROMPT & set(form.changed_data):
                messages.warning(request, "The active prompt is as it was: write a version from these settings.")
        else:
            obj.pk = services.create_persona(by=user, **form.cleaned_data).pk

    @admin.action(description="Write a prompt version from the settings", permissions=["change"])
    def write_prompt(self, request: HttpRequest, queryset: QuerySet[Persona]) -> None:
        for persona in queryset.select_related("organization"):
            prompt = services.add_prompt_version(
                persona=persona,
                system_prompt=default_prompt(persona),
                by=acting_user(request),
                notes="The task's default.",
            )
            messages.success(request, f"{prompt} is written. Activate it in the list of prompt versions.")

"""The page that asks for which persona synthetic examples are made, linked from the list of examples."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget

from apps.common.admin import confirm, refusals_shown
from apps.contributions import services
from apps.contributions.models import TrainingExample
from apps.contributions.queries.synthetic import TASKS_WITH_TEMPLATES
from apps.organizations.models import User
from apps.organizations.scoped_admin import ReadOnlyAdmin, acting_user
from apps.personas.models import Persona


class SyntheticForm(forms.Form):
    persona = forms.ModelChoiceField(Persona.objects.none(), widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        personas = Persona.objects.writable_by(user).filter(is_active=True, task__in=TASKS_WITH_TEMPLATES)
        self.fields["persona"] = forms.ModelChoiceField(
            personas.select_related("organization"),
            widget=UnfoldAdminSelectWidget,
            help_text="Only personas whose task has templates are listed. What was made before is not made again.",
        )


def synthetic_page(modeladmin: ReadOnlyAdmin, request: HttpRequest) -> HttpResponse:
    form = SyntheticForm(
        request.POST or None, user=acting_user(request), initial={"persona": request.GET.get("persona")}
    )
    if not form.is_valid():
        return confirm(
            modeladmin, request, TrainingExample.objects.none(), action="", title="Create synthetic examples", facts=[],
            form=form, button="Create",
            warning="They are made from our page templates, accepted as they are, and marked as synthetic for ever.",
        )  # fmt: skip
    persona = form.cleaned_data["persona"]
    with refusals_shown(request, about=persona):
        made = services.create_synthetic_examples(persona=persona, by=acting_user(request), now=timezone.now())
        messages.success(request, f"{made.created:,} synthetic examples created, {made.known:,} known already.")
    chosen = {"persona": persona.pk, "source": "synthetic"}
    return HttpResponseRedirect(reverse("admin:contributions_trainingexample_changelist", query=chosen))

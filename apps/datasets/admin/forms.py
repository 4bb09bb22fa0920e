from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from apps.common.forms import TwoStepForm
from apps.datasets.models import MAX_ROWS, MIN_QUALITY_SCORE
from apps.organizations.models import User
from apps.personas.models import Persona


class BuildDatasetForm(TwoStepForm):
    """What `build_dataset` wants to know. Shown twice: open to be filled in, then hidden behind the preview."""

    last_step = "build"
    persona = forms.ModelChoiceField(Persona.objects.none(), widget=UnfoldAdminSelectWidget)
    name = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget)
    description = forms.CharField(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))
    min_quality_score = forms.DecimalField(
        label="Minimum quality",
        min_value=0,
        max_value=1,
        max_digits=4,
        decimal_places=3,
        initial=MIN_QUALITY_SCORE,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="From 0 to 1. Examples without a score count as not good enough.",
    )
    maximum = forms.IntegerField(
        label="Maximum rows",
        required=False,
        min_value=1,
        initial=MAX_ROWS,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="The newest are taken. Empty: all.",
    )
    include_persona = forms.BooleanField(
        required=False, initial=True, widget=UnfoldBooleanWidget, help_text="Who the persona is, in the system prompt."
    )
    include_platform_context = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget, help_text="About the platform, in the system prompt."
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        personas = Persona.objects.writable_by(user).filter(is_active=True).select_related("base_model", "organization")
        self.fields["persona"] = forms.ModelChoiceField(personas, widget=UnfoldAdminSelectWidget)

    @property
    def choice(self) -> dict[str, Any]:
        """The answers that both `preview` and `build_dataset` take."""
        names = ("persona", "min_quality_score", "maximum", "include_persona", "include_platform_context")
        return {name: self.cleaned_data[name] for name in names}

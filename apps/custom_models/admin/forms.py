from collections.abc import Callable
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.common.forms import TwoStepForm
from apps.custom_models.queries import AUTO, DEFAULT_HYPERPARAMETERS
from apps.datasets.enums import DatasetStatus
from apps.datasets.models import TrainingDataset
from apps.organizations.models import User
from apps.providers.models import BaseModel, ProviderCredential


class _NumberOrAuto(forms.CharField):
    """A number, or the word auto. Its range is the service's business."""

    def __init__(self, number: Callable[[str], int | float], **kwargs: Any) -> None:
        super().__init__(widget=UnfoldAdminTextInputWidget, **kwargs)
        self.number = number

    def clean(self, value: Any) -> int | float | str:
        text = str(super().clean(value)).strip()
        if text == AUTO:
            return AUTO
        try:
            return self.number(text)
        except ValueError:
            raise forms.ValidationError("Enter a number, or auto.") from None


class StartForm(TwoStepForm):
    """What `start_fine_tune` wants to know. Shown twice: open to be filled in, then hidden behind the numbers."""

    last_step = "start"
    dataset = forms.ModelChoiceField(TrainingDataset.objects.none(), widget=UnfoldAdminSelectWidget)
    base_model = forms.ModelChoiceField(BaseModel.objects.none(), widget=UnfoldAdminSelectWidget)
    credential = forms.ModelChoiceField(
        ProviderCredential.objects.none(), required=False, widget=UnfoldAdminSelectWidget
    )
    n_epochs = _NumberOrAuto(
        int, label="Epochs", initial=DEFAULT_HYPERPARAMETERS["n_epochs"], help_text="1 to 50, or auto."
    )
    learning_rate_multiplier = _NumberOrAuto(
        float, initial=DEFAULT_HYPERPARAMETERS["learning_rate_multiplier"], help_text="Above 0, or auto."
    )
    batch_size = _NumberOrAuto(int, initial=DEFAULT_HYPERPARAMETERS["batch_size"], help_text="1 to 256, or auto.")
    suffix = forms.CharField(
        required=False,
        max_length=64,
        widget=UnfoldAdminTextInputWidget,
        help_text="Part of the model's name. Empty: the persona's slug.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        datasets = TrainingDataset.objects.writable_by(user).published().exclude(status=DatasetStatus.TRAINING)
        self._offer("dataset", datasets.select_related("persona__credential", "organization").order_by("-pk"))
        self._offer("base_model", BaseModel.objects.for_training())
        self._offer("credential", ProviderCredential.objects.writable_by(user).filter(is_active=True))
        self.fields["credential"].help_text = "Empty: the persona's, else the installation's own provider."

    def _offer(self, name: str, rows: Any) -> None:
        required = self.fields[name].required
        self.fields[name] = forms.ModelChoiceField(rows, required=required, widget=UnfoldAdminSelectWidget)

    @property
    def hyperparameters(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in DEFAULT_HYPERPARAMETERS}


class ReasonForm(forms.Form):
    reason = forms.CharField(
        required=False,
        max_length=1000,
        widget=UnfoldAdminTextInputWidget,
        help_text="Kept in the history of what was live when.",
    )

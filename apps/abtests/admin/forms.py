from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from apps.abtests.models import ABTest
from apps.abtests.services import DURATION_DAYS, NewVariant, check_variants
from apps.common.errors import InvalidInput
from apps.custom_models.enums import ModelStatus
from apps.custom_models.models import CustomModel
from apps.organizations.models import User


def _version_field(label: str) -> forms.ModelChoiceField[CustomModel]:
    return forms.ModelChoiceField(
        CustomModel.objects.none(),
        label=label,
        required=False,
        empty_label="The base model",
        widget=UnfoldAdminSelectWidget,
    )


class NewABTestForm(forms.ModelForm[ABTest]):
    """Two arms: what the persona answers with now, say, and a challenger. More arms are for the service."""

    first = _version_field("First variant")
    second = _version_field("Second variant")
    second_weight = forms.IntegerField(
        label="Traffic of the second",
        min_value=1,
        max_value=99,
        initial=50,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="In percent. The first gets the rest.",
    )

    class Meta:
        model = ABTest
        fields = ["persona", "name", "duration_days"]

    user: User  # set by the admin on the class it makes for a request

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        versions = CustomModel.objects.writable_by(self.user).filter(status=ModelStatus.READY).select_related("persona")
        for name in ("first", "second"):
            field = self.fields[name]
            if isinstance(field, forms.ModelChoiceField):
                field.queryset = versions
        self.fields["duration_days"].initial = DURATION_DAYS

    @property
    def variants(self) -> list[NewVariant]:
        weight: int = self.cleaned_data["second_weight"]
        arms = [(self.cleaned_data["first"], 100 - weight), (self.cleaned_data["second"], weight)]
        return [
            NewVariant(name=f"version {model.number}" if model else "base model", custom_model=model, weight=share)
            for model, share in arms
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                check_variants(persona=cleaned["persona"], variants=self.variants)
            except InvalidInput as error:
                raise forms.ValidationError(str(error)) from None
        return cleaned

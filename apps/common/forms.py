"""Form fields that more than one app needs."""

import json
from decimal import Decimal
from typing import Any, Self

from django import forms
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from apps.common.money import MICROS


class MoneyField(forms.DecimalField):
    """Whole currency to the person, integer micros to the program: 0.05 is 50,000."""

    def __init__(self, **kwargs: Any) -> None:
        given = {"min_value": 0, "max_digits": 15, "decimal_places": 6, "widget": UnfoldAdminDecimalFieldWidget}
        super().__init__(**{**given, **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return f"{Decimal(value) / MICROS:f}" if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        amount = super().clean(value)
        return None if amount is None else int(amount * MICROS)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class ReadableJSON(json.JSONEncoder):
    """One entry a line, so that a person finds their way in it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "indent": 2})


class TwoStepForm(forms.Form):
    """Shown twice: open to be filled in, then hidden behind what it would do, with a button that does it.

    Only the hidden one, sent as it was shown, asks for the last step.
    """

    last_step: str
    step = forms.CharField(widget=forms.HiddenInput, required=False)

    @property
    def asks_for_last_step(self) -> bool:
        return bool(self.cleaned_data["step"] == self.last_step)

    def hidden(self) -> Self:
        """The same answers once more, out of sight, asking for the last step."""
        for field in self.fields.values():
            field.widget = field.hidden_widget()
        return self._at(self.last_step)

    def asked_again(self) -> Self:
        """The same answers, open to be changed: what is sent next is shown before it is done."""
        return self._at("")

    def _at(self, step: str) -> Self:
        self.initial = {**self.initial, "step": step}  # a link may have brought one
        if self.is_bound:
            answers = dict(self.data.items())  # unpacked, what a browser sent would be lists
            self.data = {**answers, "step": step}
        return self

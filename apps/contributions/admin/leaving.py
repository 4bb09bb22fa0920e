"""The pages that stand before anything leaves: what was replaced, how well that works, who looked (PB6)."""

from django import forms
from django.template.loader import render_to_string
from unfold.widgets import UnfoldBooleanWidget

from apps.contributions.queries.anonymising import measured_kinds


class ApprovalForm(forms.Form):
    looked = forms.BooleanField(
        label="I have looked at the lines above, and they may leave",
        widget=UnfoldBooleanWidget,
        help_text="Your name and the time are kept.",
    )


def measured_fact() -> tuple[str, str]:
    table = render_to_string("contributions/admin/measured.html", {"measured": measured_kinds()})
    return "How well personal data is found", table

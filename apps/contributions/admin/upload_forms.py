"""What people are asked for an upload."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from apps.contributions import services
from apps.contributions.models import Upload
from apps.organizations.models import User
from apps.personas.enums import TaskName
from apps.personas.models import Persona

MEGABYTES = services.MAX_UPLOAD_BYTES // 1_000_000


class UploadForm(forms.Form):
    persona = forms.ModelChoiceField(Persona.objects.none())
    file = forms.FileField(
        allow_empty_file=True,
        widget=UnfoldAdminFileFieldWidget,
        help_text="A WhatsApp or Telegram export, lines such as “Anna: See you at eight”, JSON, a PDF, a screenshot. "
        f"Up to {MEGABYTES} MB.",
    )
    speaker = forms.CharField(
        required=False,
        max_length=200,
        label="Who the persona is",
        widget=UnfoldAdminTextInputWidget,
        help_text="The name that the file has for them. Leave it empty to be asked, once it is known who speaks.",
    )
    allows_vision = forms.BooleanField(
        required=False,
        label="Let the provider’s model look at pictures",
        widget=UnfoldBooleanWidget,
        help_text="Pictures and scanned pages leave as they are: faces, names and numbers in them are not anonymised.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = Persona.objects.writable_by(user).filter(is_active=True, task=TaskName.CONVERSATION)
        self.fields["persona"] = forms.ModelChoiceField(
            own.select_related("organization"),
            widget=UnfoldAdminSelectWidget,
            help_text="Only personas whose task is Conversation learn from conversations.",
        )
        self.has_personas = own.exists()
        if not own.filter(organization__allows_vision=True).exists():
            del self.fields["allows_vision"]


class SpeakerForm(forms.Form):
    """One of the names in the file; to be written where no rule could tell who speaks."""

    speaker = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget, label="Who the persona is")

    def __init__(self, *args: Any, upload: Upload, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = [(one["name"], _counted_words(one)) for one in upload.report.get("speakers", [])]
        if found:
            self.fields["speaker"] = forms.ChoiceField(
                choices=found, widget=UnfoldAdminSelectWidget, label="Who the persona is"
            )


def _counted_words(speaker: dict[str, Any]) -> str:
    return f"{speaker['name']}: {speaker['turns']:,} messages, {speaker['words']:,} words"

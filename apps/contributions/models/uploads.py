from django.db import models
from django.db.models import Q

from apps.common.fields import EncryptedJSONField, EncryptedTextField
from apps.contributions.enums import UploadStatus
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet
from apps.personas.models import Persona, PromptVersion


class Upload(OrganizationOwned):
    """A file that somebody brought in: where it lies, what it was, what became of it. Its status has one door: the
    upload services."""

    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="uploads")
    file = models.FileField(upload_to="uploads/")  # stored under a random name; empty once it was withdrawn
    original_name = models.CharField(max_length=255)
    media_type = models.CharField(max_length=100, blank=True)  # by its content, never by its name
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    uploaded_by = models.CharField(max_length=254)
    status = models.CharField(max_length=20, choices=UploadStatus.choices, default=UploadStatus.RECEIVED)
    speaker = models.CharField(max_length=200, blank=True)  # whose words are the persona's
    allows_vision = models.BooleanField(default=False)  # images go to the provider as they are; asked for each upload
    extracted_text = EncryptedTextField(blank=True)
    pages = models.PositiveIntegerField(default=0)
    progress_done = models.PositiveIntegerField(default=0)  # of the stage that runs: pages, pairs
    progress_total = models.PositiveIntegerField(default=0)
    rows_imported = models.PositiveIntegerField(default=0)  # examples that came of it
    report = EncryptedJSONField(default=dict, blank=True)  # speakers, what was dropped and why, warnings
    analysis = EncryptedJSONField(null=True, blank=True)  # how the speaker speaks (AV1)
    prompt_version = models.ForeignKey(
        PromptVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="uploads"
    )  # the prompt that was written from it
    error_code = models.CharField(max_length=100, blank=True)
    error_message = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)  # a worker has it until then
    finished_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | (Q(file="") & Q(extracted_text="")), name="withdrawn_uploads_are_empty"
            ),
        ]
        indexes = [
            # the worker's sweep for uploads that nobody is at
            models.Index(fields=["status", "leased_until"], name="upload_sweep"),
        ]

    def __str__(self) -> str:
        return self.original_name

from django.db import models

from apps.common.fields import EncryptedTextField
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet
from apps.personas.models import Persona


class ReferenceAnswer(OrganizationOwned):
    """An answer that shows how the persona should sound, looked up by category (RT15)."""

    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="reference_answers")
    category = models.CharField(max_length=100)
    text = EncryptedTextField()
    content_hash = models.CharField(max_length=64)  # of category and text: the same row twice changes nothing
    added_by = models.CharField(max_length=254)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        ordering = ["persona_id", "category", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["persona", "content_hash"], name="reference_answer_once"),
        ]
        indexes = [
            # the answers of one category
            models.Index(fields=["persona", "category"], name="reference_by_category"),
        ]

    def __str__(self) -> str:
        return f"{self.category} {self.pk}"

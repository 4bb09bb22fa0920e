from typing import Self

from django.db import models
from django.db.models import Q

from apps.common.fields import EncryptedTextField
from apps.common.models import TimeStamped
from apps.organizations.enums import Currency
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet


class ProviderCredential(OrganizationOwned):
    """An organization's own access to a provider (AV7). Without one, the installation's system credential is used."""

    provider = models.CharField(max_length=50)  # name of an adapter
    name = models.CharField(max_length=100)
    base_url = models.URLField(blank=True, help_text="Changing it clears the stored key.")
    api_key = EncryptedTextField(always=True)
    is_active = models.BooleanField(default=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    check_error = models.TextField(blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="credential_name_per_organization"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.provider})"


class BaseModelQuerySet(models.QuerySet["BaseModel"]):
    def for_training(self) -> Self:
        return self.filter(is_active=True, can_train=True)


class BaseModel(TimeStamped):
    """A model that a provider serves and may tune: an entry of the installation-wide catalogue, not a tenant's."""

    provider = models.CharField(max_length=50)
    name = models.CharField(max_length=100)  # as the provider spells it
    title = models.CharField(max_length=100, blank=True)
    can_train = models.BooleanField(default=False)
    encoding = models.CharField(max_length=30, default="o200k_base")  # what counts its tokens
    max_example_tokens = models.PositiveIntegerField(default=65_536)  # longer training examples are truncated
    context_tokens = models.PositiveIntegerField(default=128_000)
    shutdown_date = models.DateField(null=True, blank=True)
    is_active = models.BooleanField(default=True)

    objects = BaseModelQuerySet.as_manager()

    class Meta:
        ordering = ["provider", "name"]
        constraints = [models.UniqueConstraint(fields=["provider", "name"], name="base_model_name_per_provider")]

    def __str__(self) -> str:
        return self.title or self.name


class ModelPrice(models.Model):
    """What a base model costs from one day on: micros per million tokens. Closed and replaced, never edited."""

    base_model = models.ForeignKey(BaseModel, on_delete=models.PROTECT, related_name="prices")
    currency = models.CharField(max_length=3, choices=Currency.choices, default=Currency.USD)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)  # exclusive
    training = models.PositiveBigIntegerField(default=0)
    input = models.PositiveBigIntegerField(default=0)
    cached_input = models.PositiveBigIntegerField(default=0)
    output = models.PositiveBigIntegerField(default=0)
    tuned_input = models.PositiveBigIntegerField(default=0)
    tuned_cached_input = models.PositiveBigIntegerField(default=0)
    tuned_output = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["base_model", "-valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["base_model", "valid_from"], name="price_starts_once"),
            models.UniqueConstraint(fields=["base_model"], condition=Q(valid_to=None), name="one_open_price"),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=models.F("valid_from")), name="price_ends_after_it_starts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.base_model} from {self.valid_from}"

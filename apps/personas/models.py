from decimal import Decimal

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from apps.common.fields import EncryptedTextField
from apps.common.models import both_or_neither
from apps.common.money import MICROS
from apps.organizations.enums import Currency
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet
from apps.personas.enums import ContextMode, PatternType, TaskName
from apps.providers.models import BaseModel, ProviderCredential

# A million a run. A day's revenue is summed in 64 bits: one price without a limit would stop everybody's closing.
MAX_PRICE_MICROS = 1_000_000 * MICROS


class Persona(OrganizationOwned):
    """An AI persona of one organization that does one task."""

    slug = models.SlugField(max_length=100)
    name = models.CharField(max_length=200)
    task = models.CharField(max_length=30, choices=TaskName.choices)
    settings = models.JSONField(default=dict, blank=True, help_text="What the task needs to know, e.g. the codebook.")
    identity = models.TextField(blank=True, help_text="Who the persona is and how it speaks.")
    platform_context = models.TextField(blank=True, help_text="About the platform; part of the prompt on request.")
    guidelines = models.TextField(blank=True, help_text="What testers read beside each item.")
    base_model = models.ForeignKey(BaseModel, on_delete=models.PROTECT, related_name="personas")
    credential = models.ForeignKey(
        ProviderCredential, on_delete=models.PROTECT, null=True, blank=True, related_name="personas"
    )
    temperature = models.DecimalField(max_digits=3, decimal_places=2, default=Decimal("0.30"))
    price_per_run_micros = models.PositiveBigIntegerField(default=0, validators=[MaxValueValidator(MAX_PRICE_MICROS)])
    currency = models.CharField(max_length=3, choices=Currency.choices, default=Currency.EUR)
    revenue_share_rate = models.DecimalField(
        max_digits=5, decimal_places=4, default=Decimal("0.3000"), help_text="Share of its revenue that testers get."
    )
    context_mode = models.CharField(max_length=20, choices=ContextMode.choices, default=ContextMode.FULL)
    labels_per_example = models.PositiveSmallIntegerField(default=1)
    gold_every = models.PositiveSmallIntegerField(
        default=20, help_text="One of so many items at the desk has a known answer. 0: none."
    )
    is_active = models.BooleanField(default=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "slug"], name="persona_slug_per_organization"),
            models.CheckConstraint(
                condition=Q(revenue_share_rate__gte=0) & Q(revenue_share_rate__lte=1), name="share_rate_is_a_rate"
            ),
            models.CheckConstraint(condition=Q(labels_per_example__gte=1), name="at_least_one_label"),
            models.CheckConstraint(
                condition=Q(price_per_run_micros__lte=MAX_PRICE_MICROS), name="price_per_run_has_a_limit"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PromptVersion(OrganizationOwned):
    """A system prompt of a persona; many versions, one active. Activated by `activate_prompt_version`."""

    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="prompt_versions")
    number = models.PositiveIntegerField()
    system_prompt = EncryptedTextField()  # may be written from what somebody said
    notes = models.TextField(blank=True)
    origin = models.CharField(max_length=100, blank=True)  # where it comes from, e.g. "upload 12"; empty: written here
    is_active = models.BooleanField(default=False)
    activated_at = models.DateTimeField(null=True, blank=True)
    activated_by = models.CharField(max_length=254, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        ordering = ["persona", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["persona", "number"], name="prompt_version_number"),
            models.UniqueConstraint(fields=["persona"], condition=Q(is_active=True), name="one_active_prompt"),
            both_or_neither("activated_at", "activated_by", name="prompt_activated_pair"),
        ]

    def __str__(self) -> str:
        return f"{self.persona} prompt {self.number}"


class FewShotExample(OrganizationOwned):
    """A pair injected as user and assistant turns before the history (AV2)."""

    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="few_shot_examples")
    position = models.PositiveSmallIntegerField(default=0)
    pattern_type = models.CharField(max_length=20, choices=PatternType.choices, default=PatternType.STATEMENT)
    user_message = EncryptedTextField()
    assistant_message = EncryptedTextField()
    origin = models.CharField(max_length=100, blank=True)  # where it comes from, e.g. "upload 12"; empty: written here
    is_active = models.BooleanField(default=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = "few-shot example"
        ordering = ["persona", "position", "id"]

    def __str__(self) -> str:
        return f"{self.get_pattern_type_display()}: {self.user_message[:60]}"

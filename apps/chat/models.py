from typing import Self

from django.db import models

from apps.abtests.models import Variant
from apps.chat.enums import ResponseKind, ResponseStatus
from apps.common.fields import EncryptedJSONField, EncryptedTextField
from apps.common.guards import append_only_but_erasable
from apps.custom_models.models import CustomModel
from apps.organizations.enums import Currency
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet
from apps.personas.models import Persona, PromptVersion
from apps.providers.models import BaseModel


class Conversation(OrganizationOwned):
    """A series of answers to one user."""

    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="conversations")
    reference = models.CharField(max_length=100)  # the caller's own id
    title = models.CharField(max_length=200, blank=True)
    unit = models.CharField(max_length=100, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "reference"], name="conversation_reference_once")
        ]

    def __str__(self) -> str:
        return self.title or self.reference


TEXTS = ("messages", "output")  # of an answer: encrypted, and as long as a conversation is


class ResponseQuerySet(OrganizationQuerySet["Response"]):
    def without_texts(self) -> Self:
        """For lists of ids, models and costs: nothing is decrypted, so nothing that no key fits stops them."""
        return self.defer(*TEXTS)


NO_TEXTS = {"messages": "[]", "output": ""}  # what a withdrawal leaves of them

# The answer `{row}` was taken back (AV13): its example was, or that of an answer before it in the same conversation,
# whose words it was sent as history; or the whole organization asked to be forgotten after it.
TAKEN_BACK = (
    "EXISTS (SELECT 1 FROM ai_training_examples e WHERE e.response_id = {row}.public_id "
    "AND e.response_id <> '' AND e.status = 'withdrawn') "
    "OR EXISTS (SELECT 1 FROM responses earlier JOIN ai_training_examples e ON e.response_id = earlier.public_id "
    "AND e.response_id <> '' WHERE earlier.conversation_id = {row}.conversation_id AND earlier.id < {row}.id "
    "AND e.status = 'withdrawn') "
    "OR EXISTS (SELECT 1 FROM contributions_withdrawal w WHERE w.organization_id = {row}.organization_id "
    "AND w.scope = 'organization' AND w.created_at >= {row}.created_at)"
)


@append_only_but_erasable(texts=NO_TEXTS, when=TAKEN_BACK.format(row="OLD"))
class Response(OrganizationOwned):
    """Everything about one answer: which model and prompt made it, why that one, what it cost at the day's price.

    Written once, by `keep_response`, when its answer is over however it ended. People are paid by it, so nothing
    changes it afterwards but key rotation, which encrypts its texts anew, and a withdrawal, which empties them.
    """

    public_id = models.CharField(max_length=64, unique=True)
    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="responses")
    conversation = models.ForeignKey(
        Conversation, on_delete=models.PROTECT, null=True, blank=True, related_name="responses"
    )
    kind = models.CharField(max_length=10, choices=ResponseKind.choices, default=ResponseKind.CHAT)
    status = models.CharField(max_length=12, choices=ResponseStatus.choices, default=ResponseStatus.COMPLETED)
    custom_model = models.ForeignKey(
        CustomModel, on_delete=models.PROTECT, null=True, blank=True, related_name="responses"
    )  # null: the base model answered
    base_model = models.ForeignKey(BaseModel, on_delete=models.PROTECT, related_name="responses")
    model_name = models.CharField(max_length=200)
    prompt_version = models.ForeignKey(
        PromptVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="responses"
    )
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, null=True, blank=True, related_name="responses")
    is_fallback = models.BooleanField(default=False)
    is_shadow = models.BooleanField(default=False)
    routing_reason = models.TextField(blank=True)
    messages = EncryptedJSONField()  # as the caller sent them
    output = EncryptedTextField(blank=True)
    error_code = models.CharField(max_length=100, blank=True)
    finish_reason = models.CharField(max_length=20, blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    tokens_are_counted = models.BooleanField(default=False)  # by us, where the provider did not get to report them
    input_price = models.PositiveBigIntegerField(default=0)  # micros per million tokens, copied
    cached_input_price = models.PositiveBigIntegerField(default=0)
    output_price = models.PositiveBigIntegerField(default=0)
    cost_micros = models.PositiveBigIntegerField(default=0)
    cost_currency = models.CharField(max_length=3, choices=Currency.choices, default=Currency.USD)
    latency_ms = models.FloatField(default=0)
    first_token_ms = models.FloatField(null=True, blank=True)
    price_micros = models.PositiveBigIntegerField(default=0)  # what the customer pays for this run
    price_currency = models.CharField(max_length=3, choices=Currency.choices, default=Currency.EUR)
    share_rate = models.DecimalField(max_digits=5, decimal_places=4)  # of the price, for the testers: the persona's
    customer = models.CharField(max_length=100, blank=True)  # a reference of the organization's own
    idempotency_key = models.CharField(max_length=200, blank=True)  # the caller's: one paid run for each
    unit = models.CharField(max_length=100, blank=True)  # sticky unit: the caller's `user`
    tags = models.JSONField(default=dict, blank=True)
    called_by = models.CharField(max_length=254, blank=True)

    objects = ResponseQuerySet.as_manager()

    class Meta:
        db_table = "responses"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="run_once_per_key",
            ),
        ]
        indexes = [
            # the day's paid runs, pulled into revenue each night
            models.Index(fields=["created_at"], name="response_paid", condition=models.Q(price_micros__gt=0)),
            # a persona's answers over time: cost, latency, approval
            models.Index(fields=["persona", "created_at"], name="response_by_persona"),
        ]

    def __str__(self) -> str:
        return self.public_id

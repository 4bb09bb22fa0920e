from datetime import date
from typing import TypedDict, Unpack

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.changes import change_row
from apps.providers.adapters import PROVIDERS
from apps.providers.models import BaseModel


class BaseModelFacts(TypedDict, total=False):
    """What staff know of a model. The longest training example and the context are in tokens."""

    provider: str
    name: str
    title: str
    can_train: bool
    encoding: str
    max_example_tokens: int
    context_tokens: int
    shutdown_date: date | None
    is_active: bool


@transaction.atomic
def create_base_model(*, by: Actor, **facts: Unpack[BaseModelFacts]) -> BaseModel:
    """A new entry of the catalogue; it needs a price before it can be trained. InvalidInput for an unknown provider."""
    PROVIDERS.get(facts.get("provider", ""))
    base_model = BaseModel.objects.create(**facts)
    audit.record("created", by=by, target=base_model, provider=base_model.provider, name=base_model.name)
    return base_model


@transaction.atomic
def change_base_model(*, base_model: BaseModel, by: Actor, **changes: Unpack[BaseModelFacts]) -> BaseModel:
    if "provider" in changes:
        PROVIDERS.get(changes["provider"])
    return change_row(base_model, changes, by=by)

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.database import hold
from apps.common.errors import Conflict
from apps.organizations.enums import Currency
from apps.providers.models import BaseModel, ModelPrice

CATALOGUE = Path(__file__).parent.parent / "catalogue.json"


@transaction.atomic
def load_catalogue(*, by: Actor, now: datetime) -> int:
    """Add the base models and prices of catalogue.json that are missing; returns how many rows were added.

    What is there stays as it is: staff may have corrected it.
    """
    entries = json.loads(CATALOGUE.read_text())["models"]
    return sum(_load_model(entry, by=by, now=now) for entry in entries)


def _load_model(entry: dict[str, Any], *, by: Actor, now: datetime) -> int:
    prices = entry.pop("prices")
    model, created = BaseModel.objects.get_or_create(
        provider=entry.pop("provider"), name=entry.pop("name"), defaults=entry
    )
    if created:
        audit.record("created", by=by, target=model, loaded_at=now.isoformat())
    return created + sum(_load_price(model, price, by=by) for price in prices)


def _load_price(model: BaseModel, price: dict[str, Any], *, by: Actor) -> int:
    valid_from = date.fromisoformat(price.pop("valid_from"))
    if model.prices.filter(valid_from__gte=valid_from).exists():
        return 0
    add_price(base_model=model, valid_from=valid_from, micros=price, by=by)
    return 1


@transaction.atomic
def add_price(
    *,
    base_model: BaseModel,
    valid_from: date,
    micros: Mapping[str, int],
    by: Actor,
    currency: Currency = Currency.USD,
) -> ModelPrice:
    """Close the open price on `valid_from` and begin a new one; `micros` are per million tokens, by kind of token.

    Prices are never edited: what was charged must stay explicable. Conflict if a later price is there already.
    """
    hold(base_model)  # one price change at a time
    latest = base_model.prices.first()
    if latest is not None and latest.valid_from >= valid_from:
        raise Conflict(
            f"{base_model} already has a price from {latest.valid_from}.",
            resolution=f"Choose a day after {latest.valid_from}.",
            param="valid_from",
        )
    base_model.prices.filter(valid_to=None).update(valid_to=valid_from)
    price = ModelPrice.objects.create(base_model=base_model, valid_from=valid_from, currency=currency, **micros)
    audit.record("set_price", by=by, target=base_model, valid_from=valid_from.isoformat(), **micros)
    return price

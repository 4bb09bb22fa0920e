from typing import TypedDict, Unpack

from django.db import transaction
from django.utils.text import slugify

from apps.common import audit
from apps.common.audit import Actor
from apps.common.changes import change_row
from apps.organizations.enums import Currency, Plan
from apps.organizations.models import Organization


@transaction.atomic
def create_organization(
    *,
    name: str,
    by: Actor,
    slug: str = "",
    plan: Plan = Plan.FREE,
    currency: Currency = Currency.EUR,
    collects_training_data: bool = True,
) -> Organization:
    facts = {"plan": plan, "currency": currency, "collects_training_data": collects_training_data}
    organization = Organization.objects.create(name=name, slug=slug or slugify(name), **facts)
    audit.record("created", by=by, target=organization, **facts)
    return organization


class OrganizationChanges(TypedDict, total=False):
    """Everything but the slug, which names the trainer's account and the log: it never passes to others."""

    name: str
    plan: Plan
    currency: Currency
    collects_training_data: bool
    is_active: bool


@transaction.atomic
def change_organization(
    *, organization: Organization, by: Actor, **changes: Unpack[OrganizationChanges]
) -> Organization:
    return change_row(organization, changes, by=by)

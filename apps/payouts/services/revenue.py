"""Pulling revenue: a query finds the paid answers that are not booked yet. A missed night is found the next one."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import date

from django.db import transaction

from apps.chat.models import Response
from apps.common.database import hold
from apps.organizations.models import Organization
from apps.payouts.enums import AccountKind, TransferPurpose
from apps.payouts.models import LedgerAccount, RevenueEvent, Transfer
from apps.payouts.queries.revenue import RevenueGroup, closed_days_of, first_open_day, unpulled_on
from apps.payouts.services.ledger import open_account

BATCH = 2_000  # rows in a transaction: short enough that nobody waits long for the revenue account


def pull_revenue(*, day: date, organization: Organization | None = None) -> int:
    """Book every paid answer of a UTC day, or one organization's, that is not booked yet; how many this call booked.

    Repeat it, run it twice at once, kill it anywhere: an answer and its transfer are booked together, once. An answer
    that turns up after its day was closed is counted in the first day still open for that version, currency and rate.
    """
    unpulled = unpulled_on(day, organization=organization)
    groups = unpulled.order_by().values_list("organization", "price_currency").distinct()
    return sum(_pull_group(organization_id=pk, currency=currency, day=day) for pk, currency in sorted(groups))


def _pull_group(*, organization_id: int, currency: str, day: date) -> int:
    organization = Organization.objects.get(pk=organization_id)
    customers = open_account(organization=organization, kind=AccountKind.CUSTOMERS, currency=currency)
    revenue = open_account(organization=organization, kind=AccountKind.REVENUE, currency=currency)
    pulled = 0
    while batch := _pull_batch(customers=customers, revenue=revenue, day=day):
        pulled += batch
    return pulled


@transaction.atomic
def _pull_batch(*, customers: LedgerAccount, revenue: LedgerAccount, day: date) -> int:
    """Book up to BATCH answers. The lock keeps other pulls out, and keeps the days open that we are about to add to."""
    hold(revenue)
    responses = unpulled_on(day, organization=revenue.organization).filter(price_currency=revenue.currency)
    closed = closed_days_of(account=revenue, since=day)
    events = [
        _event_for(response, day=day, closed=closed)
        for response in responses.only(*_EVENT_FIELDS).order_by("pk")[:BATCH]
    ]
    RevenueEvent.objects.bulk_create(events)
    Transfer.objects.bulk_create(_transfer_for(event, customers=customers, revenue=revenue) for event in events)
    return len(events)


# Never the messages and the answer, which would have to be decrypted.
_EVENT_FIELDS = (
    "organization", "persona", "custom_model", "customer", "price_micros", "price_currency", "share_rate",
)  # fmt: skip


def _event_for(response: Response, *, day: date, closed: Collection[tuple[RevenueGroup, date]]) -> RevenueEvent:
    group = RevenueGroup(
        persona_id=response.persona_id,
        custom_model_id=response.custom_model_id,
        currency=response.price_currency,
        share_rate=response.share_rate,
    )
    return RevenueEvent(
        organization_id=response.organization_id,
        response_id=response.pk,
        customer=response.customer,
        day=first_open_day(group=group, day=day, closed=closed),
        amount_micros=response.price_micros,
        **asdict(group),
    )


def _transfer_for(event: RevenueEvent, *, customers: LedgerAccount, revenue: LedgerAccount) -> Transfer:
    return Transfer(
        organization_id=event.organization_id,
        debit=customers,
        credit=revenue,
        amount_micros=event.amount_micros,
        currency=event.currency,
        purpose=TransferPurpose.REVENUE,
        key=f"revenue:{event.response_id}",
        revenue_event=event,
    )

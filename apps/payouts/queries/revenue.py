"""Which paid answers are not in the books yet, and which days of the books are still open."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Coalesce, TruncDate

from apps.chat.enums import ResponseStatus
from apps.chat.models import Response
from apps.organizations.models import Organization
from apps.payouts.models import LedgerAccount, RevenueDay, RevenueEvent


@dataclass(frozen=True)
class RevenueGroup:
    """What is closed as one: a day of one version of one persona in one currency at one share rate.

    No custom model: the base model.
    """

    persona_id: int
    custom_model_id: int | None
    currency: str
    share_rate: Decimal


_GROUP = ("persona_id", "custom_model_id", "currency", "share_rate")


def bounds_of(day: date) -> tuple[datetime, datetime]:
    """The UTC day from its first moment up to, not including, the next day's."""
    start = datetime.combine(day, time.min, tzinfo=UTC)
    return start, start + timedelta(days=1)


def unpulled_responses() -> QuerySet[Response]:
    """Paid runs that a customer got an answer to, and that no revenue event exists for yet."""
    return Response.objects.filter(
        price_micros__gt=0, status=ResponseStatus.COMPLETED, is_shadow=False, revenue_event=None
    )


def unpulled_on(day: date, *, organization: Organization | None = None) -> QuerySet[Response]:
    """Of one organization, or of all."""
    start, end = bounds_of(day)
    unpulled = unpulled_responses().filter(created_at__gte=start, created_at__lt=end)
    return unpulled if organization is None else unpulled.filter(organization=organization)


def unpulled_days(*, before: date) -> list[date]:
    """The finished days that paid runs wait on, oldest first."""
    start, _ = bounds_of(before)
    waiting = unpulled_responses().filter(created_at__lt=start)
    days = waiting.order_by().values_list(TruncDate("created_at", tzinfo=UTC), flat=True).distinct()
    return sorted(day for day in days if day)


def unclosed_days(*, before: date) -> list[date]:
    """The finished days that hold revenue nobody has shared yet, oldest first."""
    days = _unclosed_events().filter(day__lt=before).order_by().values_list("day", flat=True).distinct()
    return sorted(days)


def unclosed_groups(*, day: date, organization: Organization | None = None) -> list[RevenueGroup]:
    """What is left to close on a day, of one organization or of all, in a fixed order."""
    events = _unclosed_events().filter(day=day)
    if organization is not None:
        events = events.filter(organization=organization)
    rows = events.order_by().values_list(*_GROUP).distinct()
    return sorted(
        (RevenueGroup(*row) for row in rows),
        key=lambda g: (g.persona_id, g.custom_model_id or 0, g.currency, g.share_rate),
    )


def _unclosed_events() -> QuerySet[RevenueEvent]:
    # No custom model counts as version 0: SQL finds no NULL equal to another.
    closed = RevenueDay.objects.annotate(version=Coalesce("custom_model_id", 0)).filter(
        persona=OuterRef("persona"),
        version=Coalesce(OuterRef("custom_model_id"), 0),
        day=OuterRef("day"),
        currency=OuterRef("currency"),
        share_rate=OuterRef("share_rate"),
    )
    return RevenueEvent.objects.filter(~Exists(closed))


def closed_days_of(*, account: LedgerAccount, since: date) -> set[tuple[RevenueGroup, date]]:
    """What is closed in the account's organization and currency, from `since` on."""
    closed = RevenueDay.objects.of_organization(account.organization).filter(currency=account.currency, day__gte=since)
    return {(RevenueGroup(*row), day) for *row, day in closed.values_list(*_GROUP, "day")}


def first_open_day(*, group: RevenueGroup, day: date, closed: Collection[tuple[RevenueGroup, date]]) -> date:
    """`day`, or the first one after it that is not closed for this group: late revenue is never lost."""
    while (group, day) in closed:
        day += timedelta(days=1)
    return day


def events_of(*, group: RevenueGroup, day: date) -> QuerySet[RevenueEvent]:
    return RevenueEvent.objects.filter(day=day, **asdict(group))


def day_of(*, group: RevenueGroup, day: date) -> RevenueDay | None:
    return RevenueDay.objects.filter(day=day, **asdict(group)).first()


def closed_days_with(*, organization: Organization, response_ids: Collection[str]) -> list[RevenueDay]:
    """The closed days that the revenue of these answers (by their public ids) was counted in."""
    events = RevenueEvent.objects.of_organization(organization).filter(response__public_id__in=response_ids)
    groups = events.order_by().values_list(*_GROUP, "day").distinct()
    days = [day_of(group=RevenueGroup(*group), day=day) for *group, day in groups]
    return sorted((day for day in days if day), key=lambda day: day.pk)

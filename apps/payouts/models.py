from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q
from django.template.defaultfilters import date as format_date

from apps.chat.models import Response
from apps.common.guards import append_only, refused
from apps.common.models import both_or_neither
from apps.contributions.models import Tester
from apps.custom_models.models import CustomModel
from apps.organizations.enums import Currency
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet
from apps.payouts.enums import AccountKind, PayoutStatus, ShareBasis, TransferPurpose
from apps.personas.models import Persona

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from apps.organizations.models import User


class ShareQuerySet(OrganizationQuerySet["Share"]):
    def earned_by(self, user: "User | AnonymousUser") -> Self:
        """A person's own shares, in every organization they label for."""
        return self.none() if user.is_anonymous else self.filter(tester__user=user)


DAY_IS_CLOSED = """EXISTS (
    SELECT 1 FROM payouts_revenueday d
    WHERE d.persona_id = NEW.persona_id AND d.day = NEW.day AND d.currency = NEW.currency
      AND d.share_rate = NEW.share_rate
      AND (d.custom_model_id = NEW.custom_model_id OR (d.custom_model_id IS NULL AND NEW.custom_model_id IS NULL))
)"""


@append_only
@refused("INSERT", name="day_open", when=DAY_IS_CLOSED, message="this revenue day is closed: use the next open day")
class RevenueEvent(OrganizationOwned):
    """One paid run: customer, price, currency, share rate. Pulled from responses by `pull_revenue`, once each."""

    response = models.OneToOneField(Response, on_delete=models.PROTECT, related_name="revenue_event")
    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="revenue_events")
    custom_model = models.ForeignKey(
        CustomModel, on_delete=models.PROTECT, null=True, blank=True, related_name="revenue_events"
    )
    customer = models.CharField(max_length=100, blank=True)
    day = models.DateField()  # UTC day of the answer, or the first open day after it if that one was closed already
    amount_micros = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3, choices=Currency.choices)
    share_rate = models.DecimalField(
        max_digits=5, decimal_places=4
    )  # when it was answered: later changes are for later

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount_micros__gt=0), name="revenue_is_positive")]
        indexes = [
            # closing a day
            models.Index(fields=["day", "persona", "custom_model"], name="revenue_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.customer or 'a customer'} on {format_date(self.day)}"


@append_only
class RevenueDay(OrganizationOwned):
    """A closed day of one version of one persona: what came in, what is shared, by which rule. Written once.

    Where currency or share rate changed in the course of the day, each of them is closed apart.
    """

    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="revenue_days")
    custom_model = models.ForeignKey(
        CustomModel, on_delete=models.PROTECT, null=True, blank=True, related_name="revenue_days"
    )
    day = models.DateField()
    currency = models.CharField(max_length=3, choices=Currency.choices)
    run_count = models.PositiveIntegerField()
    revenue_micros = models.PositiveBigIntegerField()
    share_rate = models.DecimalField(max_digits=5, decimal_places=4)  # the events' own
    pool_micros = models.PositiveBigIntegerField()  # revenue x rate: what the testers share
    shared_micros = models.PositiveBigIntegerField()  # less than the pool only where nobody has a weight
    basis = models.CharField(max_length=20, choices=ShareBasis.choices)
    rule = models.CharField(max_length=30)
    total_weight = models.PositiveBigIntegerField()
    closed_by = models.CharField(max_length=254)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["persona", "custom_model", "day", "currency", "share_rate"], name="day_closed_once"
            ),
            # two NULLs are distinct to a unique constraint, so the base model's day needs its own
            models.UniqueConstraint(
                fields=["persona", "day", "currency", "share_rate"],
                condition=Q(custom_model=None),
                name="base_day_closed_once",
            ),
            models.CheckConstraint(condition=Q(shared_micros__lte=F("pool_micros")), name="shares_fit_the_pool"),
            models.CheckConstraint(condition=Q(pool_micros__lte=F("revenue_micros")), name="pool_fits_the_revenue"),
        ]

    def __str__(self) -> str:
        return f"{self.persona} on {format_date(self.day)}"


@append_only
class Share(OrganizationOwned):
    """One tester's part of a revenue day, with the weight it was computed from."""

    revenue_day = models.ForeignKey(RevenueDay, on_delete=models.PROTECT, related_name="shares")
    tester = models.ForeignKey(Tester, on_delete=models.PROTECT, related_name="shares")
    weight = models.PositiveBigIntegerField()
    items = models.PositiveIntegerField()  # labelled rows behind the weight
    amount_micros = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3, choices=Currency.choices)

    objects = ShareQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["revenue_day", "tester"], name="one_share_per_day")]

    def __str__(self) -> str:
        return f"{self.tester}: {self.revenue_day}"


@refused("UPDATE", name="no_update", when="1 = 1", message="an account keeps its owner, kind and currency for ever")
@refused("DELETE", name="no_delete", when="1 = 1", message="an account is never deleted")
class LedgerAccount(OrganizationOwned):
    """Where money is. Its balance is the sum of its transfers, never a column. Opened by `open_account`."""

    kind = models.CharField(max_length=20, choices=AccountKind.choices)
    tester = models.ForeignKey(Tester, on_delete=models.PROTECT, null=True, blank=True, related_name="accounts")
    currency = models.CharField(max_length=3, choices=Currency.choices)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "currency"], condition=Q(tester=None), name="one_account_per_kind"
            ),
            models.UniqueConstraint(
                fields=["tester", "currency"], condition=Q(tester__isnull=False), name="one_account_per_tester"
            ),
            models.CheckConstraint(
                condition=Q(kind=AccountKind.TESTER, tester__isnull=False)
                | (~Q(kind=AccountKind.TESTER) & Q(tester=None)),
                name="tester_accounts_have_testers",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tester or self.get_kind_display()} ({self.currency})"


class Payout(OrganizationOwned):
    """Money on its way to a tester."""

    tester = models.ForeignKey(Tester, on_delete=models.PROTECT, related_name="payouts")
    amount_micros = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3, choices=Currency.choices)
    rail = models.CharField(max_length=50)
    status = models.CharField(max_length=20, choices=PayoutStatus.choices, default=PayoutStatus.PENDING)
    created_by = models.CharField(max_length=254)
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.CharField(max_length=254, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_micros__gt=0), name="payout_is_positive"),
            both_or_neither("approved_at", "approved_by", name="payout_approved_pair"),
            models.CheckConstraint(
                condition=Q(approved_by="") | ~Q(approved_by=F("created_by")), name="approver_is_not_the_creator"
            ),
        ]

    def __str__(self) -> str:
        return f"Payout {self.pk} to {self.tester}"


CROSSES_BORDERS = """NOT EXISTS (
    SELECT 1 FROM payouts_ledgeraccount d JOIN payouts_ledgeraccount c ON c.id = NEW.credit_id
    WHERE d.id = NEW.debit_id
      AND d.organization_id = NEW.organization_id AND c.organization_id = NEW.organization_id
      AND d.currency = NEW.currency AND c.currency = NEW.currency
)"""
BOOKS_SOMETHING_ELSE = """(
    NEW.share_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM payouts_share s JOIN payouts_ledgeraccount c ON c.id = NEW.credit_id
        WHERE s.id = NEW.share_id AND s.amount_micros = NEW.amount_micros AND s.currency = NEW.currency
          AND s.revenue_day_id = NEW.revenue_day_id AND c.tester_id = s.tester_id
    )
) OR (
    NEW.revenue_event_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM payouts_revenueevent e JOIN payouts_ledgeraccount c ON c.id = NEW.credit_id
        WHERE e.id = NEW.revenue_event_id AND e.amount_micros = NEW.amount_micros AND e.currency = NEW.currency
          AND c.kind = 'revenue'
    )
)"""
OVERDRAWS = """EXISTS (
    SELECT 1 FROM payouts_ledgeraccount a
    WHERE a.id = NEW.debit_id AND a.kind = 'tester' AND NEW.amount_micros > (
        SELECT COALESCE(SUM(CASE WHEN t.credit_id = a.id THEN t.amount_micros ELSE -t.amount_micros END), 0)
        FROM payouts_transfer t WHERE t.credit_id = a.id OR t.debit_id = a.id
    )
)"""


@append_only
@refused("INSERT", name="one_side", when=CROSSES_BORDERS, message="a transfer stays in one organization and currency")
@refused("INSERT", name="reason", when=BOOKS_SOMETHING_ELSE, message="a transfer equals the share or event it books")
@refused("INSERT", name="funds", when=OVERDRAWS, message="the account of a tester may not go negative")
class Transfer(OrganizationOwned):
    """One row moves money from one account to another: balanced by construction. A correction is a new transfer."""

    debit = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="debits")
    credit = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="credits")
    amount_micros = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3, choices=Currency.choices)
    purpose = models.CharField(max_length=20, choices=TransferPurpose.choices)
    key = models.CharField(max_length=100, unique=True)  # the natural key of what it books: never booked twice
    revenue_event = models.OneToOneField(
        RevenueEvent, on_delete=models.PROTECT, null=True, blank=True, related_name="transfer"
    )
    revenue_day = models.ForeignKey(
        RevenueDay, on_delete=models.PROTECT, null=True, blank=True, related_name="transfers"
    )
    share = models.OneToOneField(Share, on_delete=models.PROTECT, null=True, blank=True, related_name="transfer")
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, null=True, blank=True, related_name="transfers")

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_micros__gt=0), name="transfer_is_positive"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="transfer_has_two_sides"),
            models.CheckConstraint(
                condition=Q(purpose=TransferPurpose.REVENUE, revenue_event__isnull=False, share=None, payout=None)
                | Q(
                    purpose=TransferPurpose.SHARE,
                    share__isnull=False,
                    revenue_day__isnull=False,
                    revenue_event=None,
                    payout=None,
                )
                | Q(purpose=TransferPurpose.PAYOUT, payout__isnull=False, revenue_event=None, share=None)
                | Q(purpose=TransferPurpose.CORRECTION, revenue_event=None, share=None),
                name="transfer_says_what_it_books",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} {self.key}"

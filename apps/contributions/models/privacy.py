"""What must not leave the house, and who asked for what to be forgotten."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q

from apps.common.fields import EncryptedJSONField, EncryptedTextField
from apps.contributions.enums import ProtectedKind, WithdrawalScope, WithdrawalStatus
from apps.contributions.models.testers import Tester
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet


class ProtectedName(OrganizationOwned):
    """A name, address or number that the organization knows to be personal: replaced wherever it occurs."""

    kind = models.CharField(max_length=20, choices=ProtectedKind.choices)
    value = EncryptedTextField()
    value_hash = models.CharField(max_length=64)
    added_by = models.CharField(max_length=254)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "value_hash"], name="protected_name_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"


class WithdrawalQuerySet(OrganizationQuerySet["Withdrawal"]):
    def open(self) -> Self:
        return self.filter(status__in=WithdrawalStatus.open())

    def due(self, *, now: datetime) -> Self:
        """Something is left to erase, and no worker is at it."""
        return self.open().filter(Q(leased_until=None) | Q(leased_until__lt=now))


class Withdrawal(OrganizationOwned):
    """A request to be forgotten (AV13), and what was done. Its status has one door: services/withdrawals.

    The example ids of a withdrawal are the examples that carry it; ``report`` names the dataset versions and custom
    models that contain them, as they were when it was asked for.
    """

    scope = models.CharField(max_length=20, choices=WithdrawalScope.choices)
    tester = models.ForeignKey(Tester, on_delete=models.PROTECT, null=True, blank=True, related_name="withdrawals")
    status = models.CharField(max_length=20, choices=WithdrawalStatus.choices, default=WithdrawalStatus.REQUESTED)
    reason = EncryptedTextField(blank=True)
    requested_by = models.CharField(max_length=254)
    examples_count = models.PositiveIntegerField(default=0)
    labels_count = models.PositiveIntegerField(default=0)
    erased_count = models.PositiveIntegerField(default=0)  # examples whose copies are gone everywhere
    report = EncryptedJSONField(default=dict, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)  # a worker has it until then
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = WithdrawalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(scope=WithdrawalScope.TESTER) | Q(tester__isnull=False), name="tester_withdrawals_name_one"
            ),
        ]

    def __str__(self) -> str:
        return f"Withdrawal {self.pk}: {self.get_scope_display()}"

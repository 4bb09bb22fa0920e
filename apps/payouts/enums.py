from django.db import models


class AccountKind(models.TextChoices):
    CUSTOMERS = "customers", "Customers"  # what customers owe or have paid
    REVENUE = "revenue", "Revenue"  # the organization's revenue, before and after sharing
    TESTER = "tester", "Tester"  # what a tester is owed
    PAID_OUT = "paid_out", "Paid out"


class TransferPurpose(models.TextChoices):
    REVENUE = "revenue", "Revenue of a paid run"
    SHARE = "share", "Share of revenue"
    PAYOUT = "payout", "Payout"
    CORRECTION = "correction", "Correction"


class ShareBasis(models.TextChoices):
    LINEAGE = "lineage", "Items in the version's training split"
    CONTRIBUTIONS = "contributions", "Contributions to the persona"


class PayoutStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    HELD = "held", "Held"
    IN_TRANSIT = "in_transit", "In transit"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.common.fields import EncryptedJSONField
from apps.contributions.enums import TesterStatus
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet


class Tester(OrganizationOwned):
    """A user who labels for one organization, with what they consented to. Status changes through the services."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="tester_of")
    display_name = models.CharField(max_length=150)
    status = models.CharField(max_length=20, choices=TesterStatus.choices, default=TesterStatus.INVITED)
    consented_at = models.DateTimeField(null=True, blank=True)
    consent_wording = models.TextField(blank=True)  # the very text that was shown
    payout_details = EncryptedJSONField(null=True, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        ordering = ["display_name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="one_tester_per_organization"),
            models.CheckConstraint(
                condition=~Q(status=TesterStatus.ACTIVE) | Q(consented_at__isnull=False),
                name="active_testers_consented",
            ),
        ]

    def __str__(self) -> str:
        return self.display_name

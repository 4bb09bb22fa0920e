"""The search for examples whose inputs are nearly the same: one row for each persona that was ever searched."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q

from apps.common.models import both_or_neither
from apps.contributions.enums import SearchStatus
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet
from apps.personas.models import Persona


class DuplicateSearchQuerySet(OrganizationQuerySet["DuplicateSearch"]):
    def waiting(self, *, now: datetime) -> Self:
        """Asked for, and in no worker's hands: a lease that has ended counts for nothing."""
        return self.filter(status__in=SearchStatus.open()).filter(Q(lease_until=None) | Q(lease_until__lt=now))


class DuplicateSearch(OrganizationOwned):
    """How far a persona's search is, and what the last one found. Its status has one door: services/duplicates.py."""

    persona = models.OneToOneField(Persona, on_delete=models.PROTECT, related_name="duplicate_search")
    status = models.CharField(max_length=12, choices=SearchStatus.choices, default=SearchStatus.REQUESTED)
    requested_by = models.CharField(max_length=254)
    progress_done = models.PositiveIntegerField(default=0)  # examples looked at
    progress_total = models.PositiveIntegerField(default=0)
    found = models.PositiveIntegerField(default=0)  # examples that are nearly the same as an older one
    newest_example = models.PositiveBigIntegerField(default=0)  # the newest id that the last search looked at
    attempts = models.PositiveSmallIntegerField(default=0)
    error_message = models.TextField(blank=True)
    lease_token = models.CharField(max_length=32, blank=True)  # of the worker that has it
    lease_until = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = DuplicateSearchQuerySet.as_manager()

    class Meta:
        verbose_name = "search for duplicates"
        verbose_name_plural = "searches for duplicates"
        constraints = [both_or_neither("lease_token", "lease_until", name="duplicate_search_lease_pair")]

    def __str__(self) -> str:
        return f"Duplicates of {self.persona}"

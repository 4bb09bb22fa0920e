"""What testers reported, and what that keeps from everybody's desk."""

from django.db.models import Exists, OuterRef, QuerySet

from apps.contributions.models import Skip


def open_reports() -> QuerySet[Skip]:
    """Reports that staff have not looked at yet."""
    return Skip.objects.filter(is_report=True, resolved_at=None)


def has_open_report() -> Exists:
    """A condition on examples: somebody reported it, and staff have not looked yet."""
    return Exists(open_reports().filter(example=OuterRef("pk")))

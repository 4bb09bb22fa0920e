import hashlib
from collections.abc import Sequence

from django.db.models import QuerySet

from apps.abtests.enums import ABTestStatus
from apps.abtests.models import ABTest, Variant
from apps.organizations.models import Organization
from apps.personas.models import Persona

BUCKETS = 10_000  # a hundredth of a percent of the traffic each


def list_abtests(*, organization: Organization) -> QuerySet[ABTest]:
    return ABTest.objects.of_organization(organization).select_related("persona").prefetch_related("variants")


def running_variants(*, persona: Persona) -> list[Variant]:
    """The arms of the persona's running test, in the order they were made, their models loaded; one query."""
    return list(
        Variant.objects.filter(abtest__persona=persona, abtest__status=ABTestStatus.RUNNING)
        .select_related("abtest", "custom_model__base_model", "custom_model__credential")
        .order_by("pk")
    )


def bucket_of(*, abtest_id: int, unit: str) -> int:
    """Where a unit falls, 0 to 9,999: the first 8 bytes of SHA-256 over ``<test id>:<unit>``.

    The test's id is part of it, so that who saw the new version in one test is no hint at the next.
    """
    digest = hashlib.sha256(f"{abtest_id}:{unit}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS


def assign_variant(*, persona: Persona, unit: str) -> Variant | None:
    """The arm that `unit` sees in the persona's running test; None if no test runs."""
    return choose_variant(running_variants(persona=persona), unit=unit)


def choose_variant(variants: Sequence[Variant], *, unit: str) -> Variant | None:
    """The arm of one test that `unit` sees.

    Sticky without being stored: the same unit falls into the same bucket for as long as the test runs, and the
    buckets are dealt out to the arms, in order, by their weights.
    """
    upper = 0
    for variant in variants:
        upper += variant.weight * BUCKETS // 100
        if bucket_of(abtest_id=variant.abtest_id, unit=unit) < upper:
            return variant
    return None

"""Layer 2 of the anonymiser: what the database knows to be personal (PB6). Compiled once for a build or a download."""

from collections.abc import Iterator

from apps.contributions.detectors import Kind, KnownValue, KnownValues
from apps.contributions.models import ProtectedName, Tester
from apps.organizations.models import Membership, Organization


def known_values_of(*, organization: Organization) -> KnownValues:
    """Its own name, its people's names and addresses, and what it listed as protected."""
    return KnownValues(value for value in _values_of(organization) if value.value.strip())


def _values_of(organization: Organization) -> Iterator[KnownValue]:
    yield KnownValue(Kind.BUSINESS, organization.name)
    members = Membership.objects.filter(organization=organization)
    for name, email in members.values_list("user__name", "user__email"):
        yield from _person(name, email)
    testers = Tester.objects.filter(organization=organization)
    for shown, name, email in testers.values_list("display_name", "user__name", "user__email"):
        yield from _person(shown, email)
        yield KnownValue(Kind.PERSON, name)
    for protected in ProtectedName.objects.filter(organization=organization).only("kind", "value"):
        yield KnownValue(Kind(protected.kind), protected.value)


def _person(name: str, email: str) -> Iterator[KnownValue]:
    yield KnownValue(Kind.PERSON, name)
    yield KnownValue(Kind.EMAIL, email)

"""Finding personal data in texts and putting neutral words in its place. How to add a kind: docs/architecture.md."""

from apps.contributions.detectors.addresses import Addresses
from apps.contributions.detectors.base import REPLACEMENTS, Detector, Kind, Span
from apps.contributions.detectors.businesses import Businesses
from apps.contributions.detectors.cards import Cards
from apps.contributions.detectors.emails import Emails
from apps.contributions.detectors.engine import (
    DETECTORS,
    Anonymised,
    AnonymisedJson,
    anonymise,
    anonymise_json,
    find_spans,
)
from apps.contributions.detectors.ibans import IBANs
from apps.contributions.detectors.id_numbers import IDNumbers
from apps.contributions.detectors.ips import IPs
from apps.contributions.detectors.known import NOTHING, KnownValue, KnownValues
from apps.contributions.detectors.persons import Persons
from apps.contributions.detectors.phones import Phones
from apps.contributions.detectors.secrets import Secrets
from apps.contributions.detectors.urls import URLs

__all__ = [
    "DETECTORS",
    "NOTHING",
    "REPLACEMENTS",
    "Anonymised",
    "AnonymisedJson",
    "Detector",
    "Kind",
    "KnownValue",
    "KnownValues",
    "Span",
    "anonymise",
    "anonymise_json",
    "find_spans",
]

DETECTORS.register(URLs())
DETECTORS.register(Secrets())
DETECTORS.register(IBANs())
DETECTORS.register(Cards())
DETECTORS.register(IDNumbers())
DETECTORS.register(Emails())
DETECTORS.register(IPs())
DETECTORS.register(Phones())
DETECTORS.register(Addresses())
DETECTORS.register(Businesses())
DETECTORS.register(Persons())

"""Who is there before the wheel turns: an organization, its people, its persona, its key."""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils.text import slugify

from apps.common.audit import SYSTEM
from apps.contributions.models import Tester
from apps.contributions.services import CONSENT_WORDING, invite_tester, record_consent
from apps.organizations.enums import Plan, Role, Scope
from apps.organizations.models import Organization, User
from apps.organizations.queries import find_api_key
from apps.organizations.services import add_member, create_api_key, create_organization
from apps.payouts.management.turn.sample import Sample
from apps.personas.models import Persona
from apps.personas.services import create_persona
from apps.providers.queries import system_base_model
from apps.providers.services import load_catalogue

TESTERS = [("ada@example.org", "Ada"), ("ben@example.org", "Ben"), ("chloe@example.org", "Chloe")]
PRICE_PER_RUN_MICROS = 50_000
GUIDELINES = (
    "Read the whole question and choose the one code that says what the customer wants done. "
    "If two fit, take the one that would be handled first."
)


@dataclass(frozen=True)
class House:
    organization: Organization
    admin: User
    testers: list[Tester]
    persona: Persona
    api_key: str


def furnish(sample: Sample, *, now: datetime) -> House:
    """Everything the turn needs; whatever an earlier turn left is used again."""
    load_catalogue(by=SYSTEM, now=now)
    organization = Organization.objects.filter(slug=sample.slug).first() or create_organization(
        name="Sample Bank", slug=sample.slug, plan=Plan.PLUS, by=SYSTEM
    )
    admin = _admin(organization)
    return House(
        organization=organization,
        admin=admin,
        testers=[_tester(organization, email, name, now=now) for email, name in TESTERS],
        persona=_persona(organization, sample, by=admin),
        api_key=_api_key(organization, by=admin, now=now),
    )


def _admin(organization: Organization) -> User:
    user = User.objects.filter(email="admin@example.org").first()
    if user is None:
        password = secrets.token_urlsafe(12)
        # Written down first: whoever interrupts us here must not be left with an admin whose password nobody knows.
        remember(admin_email="admin@example.org", admin_password=password, tester_email=TESTERS[0][0])
        user = User.objects.create_superuser("admin@example.org", password, name="Admin")
    add_member(organization=organization, user=user, role=Role.OWNER, by=SYSTEM)
    return user


def _tester(organization: Organization, email: str, name: str, *, now: datetime) -> Tester:
    known = Tester.objects.of_organization(organization).filter(user__email=email).first()
    tester = known or invite_tester(organization=organization, email=email, display_name=name, by=SYSTEM)
    if tester.consented_at is None:
        record_consent(tester=tester, wording=CONSENT_WORDING, now=now)
        tester.refresh_from_db()
    return tester


def _persona(organization: Organization, sample: Sample, *, by: User) -> Persona:
    known = Persona.objects.of_organization(organization).filter(slug="bank-question-coder").first()
    return known or create_persona(
        organization=organization,
        slug="bank-question-coder",
        name="Bank question coder",
        task="survey_coding",
        base_model=system_base_model(),
        settings={"codes": sample.codes},
        identity="You code the questions that customers send to a bank.",
        guidelines=GUIDELINES,
        price_per_run_micros=PRICE_PER_RUN_MICROS,
        by=by,
    )


def _api_key(organization: Organization, *, by: User, now: datetime) -> str:
    """The key that the person at the keyboard was told, while it works here; else a new one, which they are told."""
    told = credentials().get("api_key", "")
    known = find_api_key(token=told, now=now)
    if known and known.organization_id == organization.pk:
        return told
    _, token = create_api_key(organization=organization, name="Turn of the wheel", scopes=Scope.values, by=by, now=now)
    if known is None:
        remember(api_key=token)
    return token


def credentials() -> dict[str, str]:
    """What the first start wrote down for the person at the keyboard; empty if it was not this installation."""
    path = _credentials_path()
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return known


def remember(**facts: str) -> None:
    """Secrets of a local trial, readable by their owner only: the database holds hashes. Never half written."""
    text = json.dumps({**credentials(), **facts}, indent=2)
    path = _credentials_path()
    unfinished = path.with_suffix(".unfinished")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.replace(path)


def _credentials_path() -> Path:
    """One file a database, so that a test's turn does not overwrite what the person at the keyboard needs."""
    database = Path(str(connection.settings_dict["NAME"])).name.removesuffix(".sqlite3")
    return Path(settings.VAR_DIR) / f"credentials-{slugify(database)}.json"

"""What has come in, and what that makes possible: for the API and for the staff's page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.contributions.queries.collection import Collection, collection_of
from apps.contributions.queries.eligibility import Eligibility, eligibility_of
from apps.organizations.models import Organization, User
from apps.personas.models import Persona
from apps.personas.queries import persona_not_found


@dataclass(frozen=True)
class Statistics:
    collection: Collection
    eligibility: list[Eligibility]  # of each persona, in order of their names
    personas: list[Persona]  # all that could be asked about


def statistics_of(*, organization: Organization, now: datetime, days: int, persona: str = "") -> Statistics:
    """Of an organization, or of its persona of that slug; NotFound if it has none."""
    own = list(Persona.objects.of_organization(organization).order_by("name", "pk"))
    chosen = [one for one in own if not persona or one.slug == persona]
    if persona and not chosen:
        raise persona_not_found(persona)
    return _statistics(chosen, own, now=now, days=days)


def statistics_for(*, user: User, now: datetime, days: int, persona_id: int | None = None) -> Statistics:
    """Of everything that the user may see, or of one persona of it."""
    visible = list(Persona.objects.visible_to(user).select_related("organization").order_by("name", "pk"))
    chosen = [one for one in visible if persona_id is None or one.pk == persona_id]
    return _statistics(chosen, visible, now=now, days=days)


def _statistics(chosen: Sequence[Persona], personas: list[Persona], *, now: datetime, days: int) -> Statistics:
    collection = collection_of(personas=chosen, now=now, days=days)
    eligibility = [eligibility_of(persona=one, counts=collection.personas[one.pk]) for one in chosen]
    return Statistics(collection, eligibility, personas)

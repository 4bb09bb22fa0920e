"""What a tester finds at the review desk."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min

from apps.contributions.enums import ExampleStatus, TesterStatus
from apps.contributions.models import Label, Tester, TrainingExample, TrainingExampleQuerySet
from apps.personas.models import Persona


@dataclass(frozen=True)
class Desk:
    """A persona that a tester can label for, and how many examples wait there for them."""

    tester: Tester
    persona: Persona
    waiting: int


@dataclass(frozen=True)
class Progress:
    labelled_today: int  # since midnight UTC, for this persona
    left: int  # examples that want a label from this tester, whoever looks at them now

    @property
    def total(self) -> int:
        return self.labelled_today + self.left


@dataclass(frozen=True)
class EmptyQueue:
    """Why there is nothing to label right now."""

    examples: int  # of the persona, decided or not
    labelled_by_me: int  # still undecided: they wait for other testers
    elsewhere: int  # on another tester's screen, or set aside
    free_again_at: datetime | None  # when the first of those comes back


def desks_of(*, testers: Collection[Tester]) -> list[Desk]:
    """Every active persona of the active testers' organizations; two queries for each tester."""
    desks = []
    for tester in testers:
        if tester.status == TesterStatus.ACTIVE:
            waiting = _waiting_by_persona(tester)
            personas = Persona.objects.of_organization(tester.organization).filter(is_active=True)
            desks += [Desk(tester, persona, waiting[persona.pk]) for persona in personas]
    return desks


def review_progress(*, tester: Tester, persona: Persona, now: datetime) -> Progress:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    labels = Label.objects.filter(tester=tester, example__persona=persona, updated_at__gte=midnight)
    return Progress(labelled_today=labels.count(), left=_wanted_from(tester).filter(persona=persona).count())


def explain_empty_queue(*, tester: Tester, persona: Persona, now: datetime) -> EmptyQueue:
    examples = TrainingExample.objects.filter(persona=persona)
    waiting = examples.filter(status=ExampleStatus.AWAITING_LABELS, consent=True)
    leased = waiting.not_labelled_by(tester).filter(leased_until__gte=now)
    busy = leased.aggregate(count=Count("pk"), until=Min("leased_until"))
    return EmptyQueue(
        examples=examples.count(),
        labelled_by_me=waiting.filter(labels__tester=tester).count(),
        elsewhere=busy["count"],
        free_again_at=busy["until"],
    )


def _wanted_from(tester: Tester) -> TrainingExampleQuerySet:
    wanted = TrainingExample.objects.of_organization(tester.organization).filter(
        status=ExampleStatus.AWAITING_LABELS, consent=True
    )
    return wanted.not_labelled_by(tester)


def _waiting_by_persona(tester: Tester) -> Counter[int]:
    rows = _wanted_from(tester).values_list("persona").annotate(count=Count("pk")).order_by()
    return Counter(dict(rows))

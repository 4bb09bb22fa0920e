"""What a tester finds at the review desk."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, OuterRef, Q

from apps.contributions.enums import ExampleStatus, TesterStatus
from apps.contributions.models import GoldAnswer, Label, Skip, Tester, TrainingExample, TrainingExampleQuerySet
from apps.contributions.queries.capped import MOST, CappedCount, count_capped, words_of
from apps.contributions.queries.gold import count_gold_ahead, said_by, unseen_gold
from apps.contributions.queries.reports import has_open_report
from apps.personas.models import Persona


@dataclass(frozen=True)
class Desk:
    """A persona that a tester can label for, and how many examples wait there for them: counted as far as `MOST`."""

    tester: Tester
    persona: Persona
    waiting: int

    @property
    def waiting_words(self) -> str:
        return words_of(self.waiting)


@dataclass(frozen=True)
class Progress:
    labelled_today: int  # since midnight UTC, for this persona; gold items count as any other
    left: int  # items that want a label from this tester, whoever looks at them now; counted as far as `MOST`

    @property
    def total(self) -> int | None:
        """What a bar would be out of. None while there is more than is counted: no end is in sight."""
        return self.labelled_today + self.left if self.left <= MOST else None

    @property
    def left_words(self) -> str:
        return words_of(self.left)


@dataclass(frozen=True)
class EmptyQueue:
    """Why there is nothing to label right now."""

    examples: int  # of the persona, decided or not; counted as far as `MOST`
    labelled_by_me: int  # still undecided: they wait for other testers
    skipped_by_me: int  # still undecided: others are asked
    for_staff: int  # labels disagree, or somebody reported it
    elsewhere: int  # on another tester's screen
    free_again_at: datetime | None  # when the first of those comes back


def desks_of(*, testers: Collection[Tester]) -> list[Desk]:
    """Every active persona of the active testers' organizations; one query for each tester."""
    desks = []
    for tester in testers:
        if tester.status == TesterStatus.ACTIVE:
            waiting = CappedCount(wanted_from(tester).filter(persona=OuterRef("pk")))
            personas = Persona.objects.of_organization(tester.organization).filter(is_active=True)
            desks += [Desk(tester, one, one.waiting) for one in personas.annotate(waiting=waiting)]
    return desks


def review_progress(*, tester: Tester, persona: Persona, now: datetime) -> Progress:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    labels = said_by(tester, persona, Label.objects.filter(updated_at__gte=midnight)).count()
    gold = said_by(tester, persona, GoldAnswer.objects.filter(created_at__gte=midnight)).count()
    ordinary = count_capped(wanted_from(tester).filter(persona=persona))
    ahead = 0 if ordinary > MOST else count_gold_ahead(tester=tester, persona=persona, ordinary=ordinary)
    return Progress(labelled_today=labels + gold, left=min(ordinary + ahead, MOST + 1))


def explain_empty_queue(*, tester: Tester, persona: Persona, now: datetime) -> EmptyQueue:
    examples = TrainingExample.objects.filter(persona=persona)
    waiting = examples.filter(status=ExampleStatus.AWAITING_LABELS, consent=True)
    leased = wanted_from(tester).filter(persona=persona, leased_until__gte=now)
    busy = leased.aggregate(count=Count("pk"), until=Min("leased_until"))
    return EmptyQueue(
        examples=count_capped(examples),
        labelled_by_me=waiting.filter(labels__tester=tester).count(),
        skipped_by_me=waiting.filter(skips__tester=tester, skips__is_report=False).count(),
        for_staff=_for_staff(examples).count(),
        elsewhere=busy["count"],
        free_again_at=busy["until"],
    )


def _for_staff(examples: TrainingExampleQuerySet) -> TrainingExampleQuerySet:
    reported = Q(status=ExampleStatus.AWAITING_LABELS) & Q(has_open_report())
    return examples.filter(Q(status=ExampleStatus.DISPUTED) | reported)


def wanted_from(tester: Tester) -> TrainingExampleQuerySet:
    """What waits for this tester, on whoever's screen it is: undecided, and neither labelled nor skipped by them.

    What somebody reported waits for staff first.
    """
    wanted = TrainingExample.objects.filter(
        organization_id=tester.organization_id, status=ExampleStatus.AWAITING_LABELS, consent=True
    )
    return wanted.not_labelled_by(tester).exclude(skips__tester=tester).filter(~has_open_report())


def may_read(*, tester: Tester, example: TrainingExample, now: datetime) -> bool:
    """Whether the item is, or could be, on this tester's screen: everything else at the desk is none of theirs."""
    ordinary = wanted_from(tester).filter(pk=example.pk)
    mine = ordinary.filter(leased_to=tester) | ordinary.awaiting(now=now)
    return mine.exists() or unseen_gold(tester=tester, persona=example.persona).filter(pk=example.pk).exists()


def undoable_act(*, tester: Tester, persona: Persona, since: datetime) -> Label | GoldAnswer | Skip | None:
    """What the tester did last for the persona, if it was after `since`: a label, an answer to a gold item, a skip."""
    own = {"tester": tester, "example__persona": persona, "updated_at__gte": since}
    lasts = [
        Label.objects.filter(**own, withdrawn_at=None).order_by("-updated_at", "-pk").first(),
        GoldAnswer.objects.filter(**own).order_by("-updated_at", "-pk").first(),
        Skip.objects.filter(**own, resolved_at=None).order_by("-updated_at", "-pk").first(),
    ]
    return max((act for act in lasts if act is not None), key=lambda act: act.updated_at, default=None)

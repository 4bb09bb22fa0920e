"""Who has which example on screen. A lease keeps two testers from labelling the same one by accident, no more."""

from datetime import datetime, timedelta

from apps.common.errors import NotAllowed
from apps.contributions.enums import ExampleStatus
from apps.contributions.models import Tester, TrainingExample
from apps.contributions.queries import check_may_label
from apps.personas.models import Persona

LEASE = timedelta(minutes=15)
CANDIDATES = 20  # looked at in one query; so many testers would have to be faster for it to be repeated


def lease_next_example(*, tester: Tester, persona: Persona, now: datetime) -> TrainingExample | None:
    """Hand the tester the oldest example that wants their label, for 15 minutes; None if there is none.

    Asking again while a lease runs gives the same example: reloading the page skips nothing.
    """
    check_may_label(tester=tester)
    if persona.organization_id != tester.organization_id:
        raise NotAllowed("This persona is another organization's.", resolution="Choose one of your own.")
    return _on_screen(tester, persona, now=now) or _lease_one(tester, persona, now=now)


def skip_example(*, tester: Tester, example: TrainingExample, now: datetime) -> bool:
    """Set aside what the tester cannot decide: nobody gets it for 15 minutes. False if it was not on their screen."""
    mine = TrainingExample.objects.filter(pk=example.pk, leased_to=tester, status=ExampleStatus.AWAITING_LABELS)
    return bool(mine.update(leased_to=None, leased_until=now + LEASE))


def seconds_since_lease(*, example: TrainingExample, tester: Tester, now: datetime) -> int | None:
    """How long the tester has had the example on screen; None if it is not on theirs."""
    if example.leased_to_id != tester.pk or example.leased_until is None:
        return None
    return max(0, round((now - (example.leased_until - LEASE)).total_seconds()))


def _on_screen(tester: Tester, persona: Persona, *, now: datetime) -> TrainingExample | None:
    return TrainingExample.objects.filter(
        persona=persona, status=ExampleStatus.AWAITING_LABELS, leased_to=tester, leased_until__gte=now
    ).first()


def _lease_one(tester: Tester, persona: Persona, *, now: datetime) -> TrainingExample | None:
    """Look, then take by conditional UPDATE; whoever is slower looks again. Each round lost is one won elsewhere."""
    wanted = TrainingExample.objects.awaiting(now=now).filter(persona=persona, consent=True).not_labelled_by(tester)
    while candidates := list(wanted.order_by("pk").values_list("pk", flat=True)[:CANDIDATES]):
        for pk in candidates:
            free = TrainingExample.objects.awaiting(now=now).filter(pk=pk)
            if free.update(leased_to=tester, leased_until=now + LEASE):
                return TrainingExample.objects.get(pk=pk)
    return None

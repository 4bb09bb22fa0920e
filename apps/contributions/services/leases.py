"""Who has which example on screen. A lease keeps two testers from labelling the same one by accident, no more."""

from datetime import datetime, timedelta

from django.core import signing

from apps.common.errors import NotAllowed
from apps.contributions.enums import ExampleStatus
from apps.contributions.models import Tester, TrainingExample
from apps.contributions.queries import check_may_label, next_gold, wanted_from
from apps.personas.models import Persona

LEASE = timedelta(minutes=15)
CANDIDATES = 20  # looked at in one query; so many testers would have to be faster for it to be repeated
START = "apps.contributions.start"  # what the signed start of an item is salted with


def lease_next_example(*, tester: Tester, persona: Persona, now: datetime) -> TrainingExample | None:
    """Hand the tester the oldest example that wants their label, for 15 minutes; None if there is none.

    Asking again while a lease runs gives the same example: reloading the page skips nothing. One in `gold_every` items
    is a gold one, which many may have on screen at once: it is nobody's, so it is not leased.
    """
    check_may_label(tester=tester)
    if persona.organization_id != tester.organization_id:
        raise NotAllowed("This persona is another organization's.", resolution="Choose one of your own.")
    return (
        next_gold(tester=tester, persona=persona)
        or _on_screen(tester, persona, now=now)
        or _lease_one(tester, persona, now=now)
    )


def lease_again(*, tester: Tester, example: TrainingExample, now: datetime) -> None:
    """Put an undecided example back on the tester's screen, unless another has it; what was there goes to the queue."""
    free = TrainingExample.objects.awaiting(now=now).filter(pk=example.pk)
    if free.update(leased_to=tester, leased_until=now + LEASE):
        others = TrainingExample.objects.filter(persona_id=example.persona_id, leased_to=tester).exclude(pk=example.pk)
        others.update(leased_to=None, leased_until=None)


def release(*, tester: Tester, example: TrainingExample) -> None:
    """Take the example off the tester's screen, if it is there."""
    TrainingExample.objects.filter(pk=example.pk, leased_to=tester).update(leased_to=None, leased_until=None)


def sign_start(*, example: TrainingExample, tester: Tester, now: datetime) -> str:
    """When an item was put on the screen, for its form to carry: a gold item has no lease that would tell."""
    return signing.dumps([example.pk, tester.pk, int(now.timestamp())], salt=START)


def seconds_since_start(*, start: str, example: TrainingExample, tester: Tester, now: datetime) -> int | None:
    """How long ago that was; None if `start` is not what was signed for this item and tester."""
    try:
        of_example, of_tester, began = signing.loads(start, salt=START)
    except (signing.BadSignature, ValueError):
        return None
    if (of_example, of_tester) != (example.pk, tester.pk):
        return None
    return max(0, int(now.timestamp()) - int(began))


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
    wanted = wanted_from(tester).awaiting(now=now).filter(persona=persona)
    while candidates := list(wanted.order_by("pk").values_list("pk", flat=True)[:CANDIDATES]):
        for pk in candidates:
            free = TrainingExample.objects.awaiting(now=now).filter(pk=pk)
            if free.update(leased_to=tester, leased_until=now + LEASE):
                return TrainingExample.objects.get(pk=pk)
    return None

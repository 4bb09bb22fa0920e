"""Gold items: accepted examples whose answer is known, by which testers are measured without being told."""

from collections.abc import Iterator
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.crypto import salted_hmac

from apps.contributions.models import GoldAnswer, Label, Tester, TrainingExample, TrainingExampleQuerySet
from apps.contributions.queries.reports import has_open_report
from apps.personas.models import Persona


def gold_slot(*, tester: Tester, persona: Persona, block: int) -> int:
    """Which of a block's `gold_every` items is the gold one, from 0.

    One in each block, at a place that follows from the tester and the block alone: reloading the page changes nothing,
    and without the installation's key nobody can tell which place it is.
    """
    digest = salted_hmac("apps.contributions.gold", f"{tester.pk}:{persona.pk}:{block}").digest()
    return int.from_bytes(digest[:8]) % persona.gold_every


def count_answered(*, tester: Tester, persona: Persona) -> int:
    """How many items the tester has answered for the persona, gold ones among them: what places are counted by."""
    answers: tuple[QuerySet[Any], ...] = (Label.objects.all(), GoldAnswer.objects.all())
    return sum(said_by(tester, persona, rows).count() for rows in answers)


def said_by(tester: Tester, persona: Persona, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Of labels, gold answers or skips, the tester's own for the persona.

    Each is asked for its example's persona. As a join, PostgreSQL would read all examples of the persona for it.
    """
    asked_for = Subquery(TrainingExample.objects.filter(pk=OuterRef("example")).values("persona"))
    own: QuerySet[Any] = rows.filter(tester=tester).alias(asked_for=asked_for)
    return own.filter(asked_for=persona.pk)


def unseen_gold(*, tester: Tester, persona: Persona) -> TrainingExampleQuerySet:
    """Gold items of the persona that the tester has neither labelled, answered nor skipped."""
    gold = TrainingExample.objects.accepted().filter(persona=persona, is_gold=True, consent=True)
    seen = gold.not_labelled_by(tester).exclude(gold_answers__tester=tester).exclude(skips__tester=tester)
    return seen.filter(~has_open_report())


def next_gold(*, tester: Tester, persona: Persona) -> TrainingExample | None:
    """The gold item that is the tester's next one, or None if the next item is to be an ordinary one."""
    every = persona.gold_every
    gold = unseen_gold(tester=tester, persona=persona).order_by("pk").first() if every else None
    if gold is None:
        return None
    block, place = divmod(count_answered(tester=tester, persona=persona), every)
    return gold if place == gold_slot(tester=tester, persona=persona, block=block) else None


def count_gold_ahead(*, tester: Tester, persona: Persona, ordinary: int) -> int:
    """How many gold items the tester will meet on the way through so many ordinary ones.

    So that what is left on the desk goes down by one with each item, whichever it is: a number that stands still would
    tell a gold item from the others.
    """
    if not persona.gold_every:
        return 0
    available = unseen_gold(tester=tester, persona=persona).count()
    if not available:
        return 0
    answered = count_answered(tester=tester, persona=persona)
    met, at = 0, answered
    for slot in _slots(tester, persona, answered):
        if met == available or slot - at > ordinary:
            break
        ordinary -= slot - at
        met, at = met + 1, slot + 1
    return met


def _slots(tester: Tester, persona: Persona, answered: int) -> Iterator[int]:
    """The places of gold items, counted from the first item ever, from `answered` on."""
    block = answered // persona.gold_every
    while True:
        slot = block * persona.gold_every + gold_slot(tester=tester, persona=persona, block=block)
        if slot >= answered:
            yield slot
        block += 1

"""Taking back what one did last at the desk: a slip of the finger is no opinion."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.common import audit
from apps.common.database import hold
from apps.common.errors import Conflict
from apps.contributions.enums import ExampleStatus
from apps.contributions.models import GoldAnswer, Label, Skip, Tester, TrainingExample
from apps.contributions.queries import AGREEMENT, check_may_label, undoable_act
from apps.contributions.services.leases import lease_again
from apps.contributions.services.reopening import BY_TESTERS, take_decision_back
from apps.personas.models import Persona

UNDO_WITHIN = timedelta(minutes=15)


@dataclass(frozen=True)
class Undone:
    example: TrainingExample  # on the tester's screen again
    payload: dict[str, Any] | None  # what they had said; None for a skip


@transaction.atomic
def undo_last(*, tester: Tester, persona: Persona, example: TrainingExample, now: datetime) -> Undone:
    """Take back what the tester did last for the persona, which was about `example`, within 15 minutes.

    Naming the example makes a second click harmless. A label that had decided re-opens the example. Conflict if it was
    not the last thing they did, or others have built on it: another tester's label came after it, staff decided, it is
    in a dataset or a gold item.
    """
    check_may_label(tester=tester)
    hold(persona)
    act = undoable_act(tester=tester, persona=persona, since=now - UNDO_WITHIN)
    if act is None or act.example_id != example.pk:
        raise Conflict(
            "There is nothing to take back.",
            resolution="What you did last can be taken back for 15 minutes, and nothing before it.",
            code="nothing_to_undo",
        )
    if isinstance(act, Label):
        _undecide(act, persona, now=now)
    payload = None if isinstance(act, Skip) else act.payload
    audit.record("took_back", by=tester.user, target=example, what=act._meta.model_name)
    act.delete()
    lease_again(tester=tester, example=example, now=now)
    example.refresh_from_db()
    return Undone(example, payload)


def undoable(*, tester: Tester, persona: Persona, now: datetime) -> Label | GoldAnswer | Skip | None:
    """What `undo_last` would take back, for the button that offers it."""
    return undoable_act(tester=tester, persona=persona, since=now - UNDO_WITHIN)


def _undecide(label: Label, persona: Persona, *, now: datetime) -> None:
    """A label is taken back whole: what it decided is undecided first."""
    example = TrainingExample.objects.get(pk=label.example_id)
    if example.status == ExampleStatus.AWAITING_LABELS:
        return
    if _others_built_on(label, example):
        raise Conflict(
            "Your label has been used since: others decided with it.",
            resolution="If it is wrong, tell the organization's staff.",
            code="already_used",
        )
    take_decision_back(
        persona=persona, example_id=example.pk, known=BY_TESTERS, status=ExampleStatus.AWAITING_LABELS, now=now
    )


def _others_built_on(label: Label, example: TrainingExample) -> bool:
    """Another tester's label came later, or it was not the testers who decided."""
    by_testers = example.status == ExampleStatus.DISPUTED or example.accepted_by == AGREEMENT
    later = Label.objects.filter(example=example, updated_at__gte=label.updated_at).exclude(pk=label.pk)
    return not by_testers or later.exists()

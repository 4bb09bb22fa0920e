"""The way back from a decision: staff think again, or a tester takes back what decided."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.database import hold
from apps.common.errors import Conflict
from apps.contributions.enums import ExampleStatus
from apps.contributions.models import Label, TrainingExample
from apps.contributions.services.quality import rate_examples
from apps.contributions.services.totals import add_to_contributions
from apps.personas.models import Persona

BY_STAFF = (ExampleStatus.ACCEPTED, ExampleStatus.REJECTED)  # a dispute waits for them already
BY_TESTERS = (ExampleStatus.ACCEPTED, ExampleStatus.DISPUTED)


@transaction.atomic
def reopen_example(*, example: TrainingExample, by: Actor, now: datetime) -> TrainingExample:
    """Staff take a decision back: it waits for testers again, or for staff if enough testers have spoken.

    Conflict for an example that is in a dataset, is a gold item, or is not decided.
    """
    hold(example.persona)
    enough = example.labels.count() >= example.persona.labels_per_example
    status = ExampleStatus.DISPUTED if enough else ExampleStatus.AWAITING_LABELS
    take_decision_back(persona=example.persona, example_id=example.pk, known=BY_STAFF, status=status, now=now)
    audit.record("reopened", by=by, target=example)
    example.refresh_from_db()
    return example


def take_decision_back(
    *, persona: Persona, example_id: int, known: Collection[ExampleStatus], status: ExampleStatus, now: datetime
) -> None:
    """Undecide an example that is in one of the `known` states; whoever was credited for agreeing is no longer.

    The caller's transaction holds the persona. What has been put into a dataset stays decided: its line says so, and
    money may follow from it. Conflict then, and for a gold item, whose answer testers are measured by.
    """
    TrainingExample.objects.select_for_update().filter(pk=example_id).first()  # a dataset that takes it in waits
    agreeing = Counter(Label.objects.filter(example=example_id, agrees=True).values_list("tester_id", flat=True))
    free = TrainingExample.objects.filter(pk=example_id, status__in=known, is_gold=False, dataset_items=None)
    changed = free.update(
        status=status,
        accepted_label=None,
        category="",
        accepted_at=None,
        accepted_by="",
        leased_to=None,
        leased_until=None,
        updated_at=now,
    )
    if not changed:
        raise _stays_decided(example_id, known)
    Label.objects.filter(example=example_id).update(agrees=None)
    add_to_contributions(persona=persona, agreeing=Counter({tester: -count for tester, count in agreeing.items()}))
    rate_examples(persona=persona, example_ids=[example_id], now=now)


def _stays_decided(example_id: int, known: Collection[ExampleStatus]) -> Conflict:
    example = TrainingExample.objects.filter(pk=example_id).first()
    if example is not None and example.is_gold:
        why = "testers are measured by it"
    elif example is not None and example.status in known:
        why = "a dataset contains it"
    else:
        why = "there is no decision to take back"
    return Conflict(f"Example {example_id} stays as it is: {why}.", resolution="Nothing was changed.")

"""Which answer is right: the one door of an example's status, by agreement of testers or by staff."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, Value, When

from apps.common import audit
from apps.common.audit import SYSTEM, Actor
from apps.common.database import hold
from apps.common.errors import Conflict
from apps.common.ids import canonical_json
from apps.contributions.enums import ExampleStatus
from apps.contributions.models import Label, TrainingExample, TrainingExampleQuerySet, Withdrawal
from apps.contributions.queries import AGREEMENT, chunked, label_hash
from apps.contributions.services.quality import rate_examples
from apps.contributions.services.skips import settle_reports
from apps.contributions.services.totals import add_to_contributions
from apps.personas.models import Persona
from apps.personas.queries import facts_of, task_of


@dataclass(frozen=True)
class Settled:
    accepted: int
    disputed: int


def agreed_hash(hashes: Collection[str]) -> str | None:
    """The label that strictly more than half of them are, by its hash; None if there is none."""
    winner, agreeing = Counter(hashes).most_common(1)[0]
    return winner if 2 * agreeing > len(hashes) else None


def settle_examples(*, persona: Persona, example_ids: Collection[int], now: datetime) -> Settled:
    """Decide those that have as many labels as the persona asks for. The caller's transaction holds the persona."""
    agreed: dict[int, str] = {}  # by example, the hash of what testers agreed on
    disputed: list[int] = []
    for example, hashes in _hashes_by_example(example_ids).items():
        if len(hashes) < persona.labels_per_example:
            continue
        winner = agreed_hash(hashes)
        if winner is None:
            disputed.append(example)
        else:
            agreed[example] = winner
    for payload, examples in _first_payloads(agreed):
        accept_label(persona=persona, example_ids=examples, payload=payload, by_name=AGREEMENT, now=now)
    accepted = list(agreed)
    _credit(persona, accepted)
    for chunk in chunked(disputed):
        _awaiting(chunk).update(status=ExampleStatus.DISPUTED, leased_to=None, leased_until=None, updated_at=now)
    return Settled(accepted=len(accepted), disputed=len(disputed))


def _first_payloads(agreed: Mapping[int, str]) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Of the labels that agree on an example the first that was given; examples with equal ones come together."""
    first: dict[int, dict[str, Any]] = {}
    for chunk in chunked(agreed):
        labels = Label.objects.filter(example__in=chunk, withdrawn_at=None).order_by("pk")
        for label in labels.only("example_id", "payload", "payload_hash"):
            if label.payload_hash == agreed[label.example_id]:
                first.setdefault(label.example_id, label.payload or {})
    together: dict[str, list[int]] = defaultdict(list)
    for example, payload in first.items():
        together[canonical_json(payload)].append(example)
    yield from ((first[examples[0]], examples) for examples in together.values())


def settle_examples_with_enough_labels(*, now: datetime) -> int:
    """Decide what has enough labels since its persona asks for fewer than before; how many were decided.

    Whoever labelled such an example is not asked again, so without this it would wait for a tester who is not there.
    A transaction for each batch of a persona; safe to repeat and to interrupt.
    """
    found = TrainingExample.objects.with_enough_labels().order_by("pk").values_list("persona", "pk")
    by_persona: dict[int, list[int]] = defaultdict(list)
    for persona, example in found:
        by_persona[persona].append(example)
    return sum(
        _settle_batch(persona, batch, now=now)
        for persona in Persona.objects.filter(pk__in=by_persona).order_by("pk")
        for batch in chunked(by_persona[persona.pk])
    )


@transaction.atomic
def _settle_batch(persona: Persona, example_ids: Collection[int], *, now: datetime) -> int:
    hold(persona)
    waiting = _awaiting(example_ids).select_for_update(no_key=True)  # nobody rejects them meanwhile
    settled = settle_examples(persona=persona, example_ids=list(waiting.values_list("pk", flat=True)), now=now)
    if decided := settled.accepted + settled.disputed:
        audit.record("settled", by=SYSTEM, target=persona, accepted=settled.accepted, disputed=settled.disputed)
    return decided


def accept_label(
    *,
    persona: Persona,
    example_ids: Collection[int],
    payload: Mapping[str, Any],
    by_name: str,
    now: datetime,
) -> None:
    """Accept one label for undecided examples; Conflict, and nothing done, if one of them is decided.

    Every label of theirs is marked as agreeing or not; crediting those who agree is left to the caller, whose
    transaction holds the persona, so that many decisions are added up at once.
    """
    for chunk in chunked(example_ids):
        accepted = _undecided(chunk).update(
            status=ExampleStatus.ACCEPTED,
            accepted_label=payload,
            category=task_of(persona).category(payload)[:100],
            accepted_at=now,
            accepted_by=by_name,
            leased_to=None,
            leased_until=None,
            updated_at=now,
        )
        if accepted != len(chunk):
            raise already_decided(chunk)
        _mark_agreement(chunk, label_hash(task=task_of(persona), label=payload))
        rate_examples(persona=persona, example_ids=chunk, now=now)


def _credit(persona: Persona, example_ids: Collection[int]) -> None:
    """Credit whoever agrees with what was just accepted."""
    add_to_contributions(persona=persona, agreeing=Counter(_agreeing_testers(example_ids)))


@transaction.atomic
def resolve_example(
    *, example: TrainingExample, payload: Mapping[str, Any], by: Actor, now: datetime
) -> TrainingExample:
    """Staff say what is right, typically where labels disagree; what was reported is settled by it.

    Conflict once it is decided.
    """
    persona = example.persona
    label = task_of(persona).clean_label(payload, facts_of(persona))
    hold(persona)
    accept_label(persona=persona, example_ids=[example.pk], payload=label, by_name=by.audit_name, now=now)
    _credit(persona, [example.pk])
    settle_reports(example_id=example.pk, by_name=by.audit_name, now=now)
    audit.record("accepted", by=by, target=example)
    example.refresh_from_db()
    return example


@transaction.atomic
def reject_example(*, example: TrainingExample, by: Actor, now: datetime, reason: str = "") -> None:
    """Never train on it: spam, or nothing that can be answered. Conflict once it is decided."""
    changed = _undecided([example.pk]).update(
        status=ExampleStatus.REJECTED, leased_to=None, leased_until=None, updated_at=now
    )
    if not changed:
        raise already_decided([example.pk])
    settle_reports(example_id=example.pk, by_name=by.audit_name, now=now)
    audit.record("rejected", by=by, target=example, reason=reason[:200])


def take_out(*, examples: TrainingExampleQuerySet, withdrawal: Withdrawal, now: datetime) -> int:
    """Examples that somebody took back (AV13) leave every queue and every build at once; how many did so now.

    What they say is erased afterwards. What they taught stays counted: people are paid by it.
    """
    return examples.filter(withdrawal=None).update(
        status=ExampleStatus.WITHDRAWN,
        withdrawal=withdrawal,
        withdrawn_at=now,
        leased_to=None,
        leased_until=None,
        updated_at=now,
    )


def ask_for_more_labels(*, examples: TrainingExampleQuerySet, now: datetime) -> int:
    """Where a label was taken back, labels no longer disagree: the example waits for another one."""
    disputed = examples.filter(status=ExampleStatus.DISPUTED)
    return disputed.update(status=ExampleStatus.AWAITING_LABELS, updated_at=now)


def reject_duplicate(*, persona: Persona, example_ids: Collection[int], now: datetime) -> int:
    """Examples that are nearly the same as an older one leave training, accepted or not; how many did.

    Not gold items, whose answers testers are measured by, nor what a dataset contains. Whoever labelled them keeps the
    credit.
    """
    repeated = TrainingExample.objects.filter(
        persona=persona, pk__in=example_ids, near_duplicate_of__isnull=False, is_gold=False, dataset_items=None
    )
    return repeated.filter(status__in={*ExampleStatus.undecided(), ExampleStatus.ACCEPTED}).update(
        status=ExampleStatus.REJECTED, leased_to=None, leased_until=None, updated_at=now
    )


def already_decided(example_ids: Collection[int]) -> Conflict:
    decided = TrainingExample.objects.filter(pk__in=example_ids).exclude(status__in=ExampleStatus.undecided()).first()
    what = f"Example {decided.pk} is {decided.get_status_display().lower()}." if decided else "It is gone."
    return Conflict(what, resolution="Nothing was changed. Go on to the next one.", code="already_decided")


def _mark_agreement(example_ids: Collection[int], payload_hash: str) -> None:
    agrees = Case(When(payload_hash=payload_hash, then=Value(True)), default=Value(False))
    Label.objects.filter(example__in=example_ids, withdrawn_at=None).update(agrees=agrees)


def _hashes_by_example(example_ids: Collection[int]) -> dict[int, list[str]]:
    hashes: dict[int, list[str]] = defaultdict(list)
    for chunk in chunked(example_ids):
        labels = Label.objects.filter(example__in=chunk, withdrawn_at=None)
        for example, payload_hash in labels.values_list("example_id", "payload_hash"):
            hashes[example].append(payload_hash)
    return hashes


def _agreeing_testers(example_ids: Collection[int]) -> Iterator[int]:
    for chunk in chunked(example_ids):
        yield from Label.objects.filter(example__in=chunk, agrees=True).values_list("tester_id", flat=True)


def _awaiting(example_ids: Collection[int]) -> TrainingExampleQuerySet:
    return TrainingExample.objects.filter(pk__in=example_ids, status=ExampleStatus.AWAITING_LABELS)


def _undecided(example_ids: Collection[int]) -> TrainingExampleQuerySet:
    return TrainingExample.objects.filter(pk__in=example_ids, status__in=ExampleStatus.undecided())

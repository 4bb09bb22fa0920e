"""What testers say is right. One label per tester and example; saying it again, until it is decided, replaces it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.common import audit
from apps.common.database import hold
from apps.common.errors import Conflict, InvalidInput, NotFound
from apps.contributions.enums import ExampleStatus
from apps.contributions.models import Label, Tester, TrainingExample
from apps.contributions.queries import check_may_label, chunked, has_open_report, label_hash, open_reports
from apps.contributions.services.decisions import already_decided, settle_examples
from apps.contributions.services.leases import seconds_since_lease
from apps.contributions.services.screening import NOTHING_TO_SCREEN, Screened, screen_label
from apps.personas.models import Persona
from apps.personas.queries import facts_of, task_of

RATINGS = range(1, 6)
MAX_SECONDS = 24 * 60 * 60  # longer is a clock gone wrong


@dataclass(frozen=True)
class NewLabel:
    """`payload` in the shape of the task's label; `rating` of the model's answer, 1-5; `seconds_spent` on it."""

    example_id: int
    payload: Mapping[str, Any]
    rating: int | None = None
    seconds_spent: int | None = None


def submit_label(
    *,
    tester: Tester,
    example: TrainingExample,
    payload: Mapping[str, Any],
    now: datetime,
    rating: int | None = None,
    seconds_spent: int | None = None,
) -> Label:
    """`submit_labels` for one. Without `seconds_spent`, the time since the tester was handed the example counts."""
    if seconds_spent is None:
        seconds_spent = seconds_since_lease(example=example, tester=tester, now=now)
    label = NewLabel(example.pk, payload, rating, seconds_spent)
    submit_labels(tester=tester, labels=[label], now=now)
    return Label.objects.get(example=example, tester=tester)


@transaction.atomic
def submit_labels(*, tester: Tester, labels: Sequence[NewLabel], now: datetime) -> int:
    """Store one tester's labels and decide what has enough of them; all or nothing; how many were stored.

    NotAllowed if the tester may not label, NotFound for an example of another organization, InvalidInput for a label
    the task refuses, Conflict for an example that is decided, reported or on another tester's screen. No lease is
    needed: who labels many at once, or after their lease ended and nobody took the example over, is as welcome.
    """
    check_may_label(tester=tester)
    _refuse_repeats(labels)
    for persona, own in _by_persona(tester, labels):
        hold(persona)
        ids = [label.example_id for label in own]
        _claim(tester, ids, now=now)
        _store(_rows(tester, persona, own))
        settled = settle_examples(persona=persona, example_ids=ids, now=now)
        audit.record(
            "labelled",
            by=tester.user,
            target=persona,
            labels=len(own),
            accepted=settled.accepted,
            disputed=settled.disputed,
        )
    return len(labels)


def _refuse_repeats(labels: Sequence[NewLabel]) -> None:
    seen: set[int] = set()
    for label in labels:
        if label.example_id in seen:
            raise InvalidInput(
                f"Example {label.example_id} is labelled twice.", resolution="Send one label per example."
            )
        seen.add(label.example_id)


def _by_persona(tester: Tester, labels: Sequence[NewLabel]) -> Iterable[tuple[Persona, list[NewLabel]]]:
    """In the order of persona ids, so that two callers never wait for each other in a circle."""
    persona_of: dict[int, int] = {}
    examples = TrainingExample.objects.of_organization(tester.organization)
    for chunk in chunked([label.example_id for label in labels]):
        persona_of.update(examples.filter(pk__in=chunk).values_list("pk", "persona_id"))
    grouped: dict[int, list[NewLabel]] = defaultdict(list)
    for label in labels:
        if label.example_id not in persona_of:
            raise NotFound(f"There is no example {label.example_id}.", resolution="Check the id.", param="example")
        grouped[persona_of[label.example_id]].append(label)
    personas = Persona.objects.in_bulk(list(grouped))
    return [(personas[pk], grouped[pk]) for pk in sorted(grouped)]


def _claim(tester: Tester, example_ids: Sequence[int], *, now: datetime) -> None:
    """Take the examples off the queue's screens, or refuse: they must be undecided, and not leased to somebody else."""
    for chunk in chunked(example_ids):
        mine = TrainingExample.objects.filter(status=ExampleStatus.AWAITING_LABELS, leased_to=tester)
        free = TrainingExample.objects.awaiting(now=now)
        wanted = (free | mine).filter(~has_open_report(), pk__in=chunk)
        claimed = wanted.update(leased_to=None, leased_until=None, updated_at=now)
        if claimed != len(chunk):
            raise _refusal(chunk, tester, now=now)


def _refusal(example_ids: Sequence[int], tester: Tester, *, now: datetime) -> Conflict:
    busy = (
        TrainingExample.objects.filter(pk__in=example_ids, status=ExampleStatus.AWAITING_LABELS, leased_until__gte=now)
        .exclude(leased_to=tester)
        .first()
    )
    if busy is None and (report := open_reports().filter(example__in=example_ids).first()):
        return Conflict(
            f"Example {report.example_id} was reported.",
            resolution="Staff look at it first. Go on to the next one.",
            code="reported",
        )
    if busy is None:
        return already_decided(example_ids)
    return Conflict(
        f"Example {busy.pk} was handed to another tester.",
        resolution="Your time for it was over. Go on to the next one.",
        code="leased_to_another",
    )


def _rows(tester: Tester, persona: Persona, labels: Sequence[NewLabel]) -> list[Label]:
    task, facts = task_of(persona), facts_of(persona)
    cleaned = [(label, task.clean_label(label.payload, facts)) for label in labels]
    screened = _screen(persona, cleaned)
    return [
        Label(
            organization_id=persona.organization_id,
            example_id=label.example_id,
            tester=tester,
            payload=payload,
            payload_hash=label_hash(task=task, label=payload),
            rating=_checked_rating(label.rating),
            seconds_spent=_checked_seconds(label.seconds_spent),
            answer_similarity=screened.get(label.example_id, NOTHING_TO_SCREEN).similarity,
            is_flagged=screened.get(label.example_id, NOTHING_TO_SCREEN).is_flagged,
        )
        for label, payload in cleaned
    ]


def _screen(persona: Persona, labels: Sequence[tuple[NewLabel, dict[str, Any]]]) -> dict[int, Screened]:
    """By example id. The models' answers are only read where labels are written."""
    if not task_of(persona).labels_are_written:
        return {}
    shown: dict[int, Any] = {}
    for chunk in chunked([label.example_id for label, _ in labels]):
        shown.update(TrainingExample.objects.filter(pk__in=chunk).values_list("pk", "output"))
    return {
        label.example_id: screen_label(
            persona=persona, label=payload, shown=shown[label.example_id], seconds_spent=label.seconds_spent
        )
        for label, payload in labels
    }


def _store(rows: list[Label]) -> None:
    Label.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["example", "tester"],
        update_fields=[
            "payload", "payload_hash", "rating", "seconds_spent", "answer_similarity", "is_flagged", "updated_at",
        ],
    )  # fmt: skip


def _checked_rating(rating: int | None) -> int | None:
    if rating is not None and rating not in RATINGS:
        raise InvalidInput(
            "rating: it is not between 1 and 5.", resolution="Leave it out, or give 1 to 5.", param="rating"
        )
    return rating


def _checked_seconds(seconds: int | None) -> int | None:
    if seconds is not None and seconds < 0:
        raise InvalidInput("seconds_spent: it is negative.", resolution="Leave it out.", param="seconds_spent")
    return None if seconds is None else min(seconds, MAX_SECONDS)

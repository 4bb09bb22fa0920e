"""Examples whose inputs are nearly the same: the search for them, and what people make of what it finds."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, F, OuterRef, Q, Subquery, Value, When

from apps.common import audit, jobs
from apps.common.audit import SYSTEM, Actor
from apps.common.clock import RunningClock
from apps.common.errors import Conflict, FlywheelError
from apps.common.ids import new_id
from apps.contributions.enums import ExampleStatus, SearchStatus
from apps.contributions.models import DuplicateSearch, TrainingExample, TrainingExampleQuerySet
from apps.contributions.queries import NearTexts, chunked, comparable, normal_text
from apps.contributions.queries.chunks import CHUNK
from apps.contributions.services.decisions import reject_duplicate
from apps.personas.models import Persona
from apps.personas.queries import task_of

SEARCH_JOB = "apps.contributions.jobs.search_duplicates_job"
LEASE = timedelta(minutes=12)  # a job ends after ten; each batch renews it
MAX_ATTEMPTS = 3
FREE = {"lease_token": "", "lease_until": None}
Input = tuple[int, Any, int | None, datetime | None]  # id, input, stored root, kept apart when


class _SearchLost(Exception):
    """Another worker has the search now."""


@transaction.atomic
def request_duplicate_search(*, persona: Persona, by: Actor, now: datetime) -> DuplicateSearch:
    """Have the persona's examples compared, by a worker. Conflict while that is under way."""
    search, is_new = DuplicateSearch.objects.get_or_create(
        persona=persona, defaults={"organization_id": persona.organization_id, "requested_by": by.audit_name}
    )
    closed = DuplicateSearch.objects.filter(pk=search.pk).exclude(status__in=SearchStatus.open())
    fresh = {"status": SearchStatus.REQUESTED, "requested_by": by.audit_name, "attempts": 0, "error_message": ""}
    if not is_new and not closed.update(**fresh, progress_done=0, finished_at=None, updated_at=now):
        raise Conflict(f"{persona} is being searched.", resolution="Wait for its end.", code="still_searching")
    audit.record("requested", by=by, target=search)
    jobs.enqueue(SEARCH_JOB, search.pk)
    search.refresh_from_db()
    return search


def find_near_duplicates(*, search: DuplicateSearch, now: datetime) -> DuplicateSearch:
    """Point every example that is nearly the same as an older one of its persona and kind to the oldest of them.

    Nothing happens if another worker has the search. All are compared each time, so that what was withdrawn, rejected
    or kept apart since is no longer anybody's root; the same examples give the same result. It stores batch by batch,
    and may be interrupted anywhere.
    """
    turn = _claim(search, now)
    if turn is not None:
        with suppress(_SearchLost):
            _search(turn)
    search.refresh_from_db()
    return search


def request_due_searches(*, now: datetime) -> int:
    """Ask for a search where examples came in since the last one; how many."""
    newest = TrainingExample.objects.filter(persona=OuterRef("pk")).order_by("-created_at", "-pk")
    personas = Persona.objects.filter(is_active=True).annotate(newest=Subquery(newest.values("pk")[:1]))
    unseen = Q(duplicate_search=None) | Q(newest__gt=F("duplicate_search__newest_example"))
    is_closed = Q(duplicate_search=None) | ~Q(duplicate_search__status__in=SearchStatus.open())
    due = personas.filter(unseen & is_closed, newest__isnull=False).select_related("organization").order_by("pk")
    for persona in due:
        request_duplicate_search(persona=persona, by=SYSTEM, now=now)
    return len(due)


def hand_out_stalled_searches(*, now: datetime) -> int:
    """Enqueue searches whose worker is gone; how many. One that was tried three times has failed."""
    stalled = DuplicateSearch.objects.waiting(now=now).filter(updated_at__lt=now - LEASE)
    stalled.filter(attempts__gte=MAX_ATTEMPTS).update(
        status=SearchStatus.FAILED,
        error_message=f"It did not come to its end in {MAX_ATTEMPTS} attempts.",
        finished_at=now,
        updated_at=now,
        **FREE,
    )
    due = list(stalled.order_by("pk").values_list("pk", flat=True))
    for pk in due:
        jobs.enqueue(SEARCH_JOB, pk)
    return len(due)


@transaction.atomic
def keep_apart(*, persona: Persona, example_ids: Collection[int], by: Actor, now: datetime) -> int:
    """Somebody looked: these are examples of their own, in every later search too. How many were taken for others."""
    changed = 0
    for chunk in chunked(example_ids):
        taken = TrainingExample.objects.filter(persona=persona, pk__in=chunk, near_duplicate_of__isnull=False)
        changed += taken.update(near_duplicate_of=None, kept_apart_at=now, kept_apart_by=by.audit_name, updated_at=now)
    if changed:
        audit.record("kept_apart", by=by, target=persona, examples=changed)
    return changed


@transaction.atomic
def reject_near_duplicates(*, persona: Persona, example_ids: Collection[int], by: Actor, now: datetime) -> int:
    """Train on none of these, which are nearly the same as an older one; how many were rejected now.

    Gold items stay, and so does what a dataset contains. What testers taught by the others stays counted.
    """
    changed = sum(reject_duplicate(persona=persona, example_ids=chunk, now=now) for chunk in chunked(example_ids))
    if changed:
        audit.record("rejected_duplicates", by=by, target=persona, examples=changed)
    return changed


# --- one search -------------------------------------------------------------------------------------------------------


@dataclass
class _Turn:
    """One worker's right to a search: what it writes carries the token."""

    search: DuplicateSearch
    token: str
    clock: RunningClock
    newest: int  # example when it began
    done: int = 0

    def report(self, **values: object) -> None:
        now = self.clock.now()
        mine = DuplicateSearch.objects.filter(pk=self.search.pk, lease_token=self.token)
        if not mine.update(**{"lease_until": now + LEASE, **values}, updated_at=now):
            raise _SearchLost

    def end(self, **values: object) -> None:
        self.report(finished_at=self.clock.now(), **FREE, **values)


def _search(turn: _Turn) -> None:
    try:
        for kind in task_of(turn.search.persona).kinds:
            _search_kind(turn, kind)
        _finish(turn)
    except FlywheelError as error:  # a text that no key fits, say: trying again would not help
        turn.end(status=SearchStatus.FAILED, error_message=str(error))


def _claim(search: DuplicateSearch, now: datetime) -> _Turn | None:
    token = new_id("", length=16)
    total = comparable(search.persona).count()
    mine = DuplicateSearch.objects.waiting(now=now).filter(pk=search.pk)
    claimed = mine.update(
        status=SearchStatus.RUNNING, lease_token=token, lease_until=now + LEASE, attempts=F("attempts") + 1,
        progress_done=0, progress_total=total, updated_at=now,
    )  # fmt: skip
    newest = TrainingExample.objects.filter(persona=search.persona).order_by("-created_at", "-pk").only("pk").first()
    return _Turn(search, token, RunningClock(now), newest=newest.pk if newest else 0) if claimed else None


def _search_kind(turn: _Turn, kind: str) -> None:
    near = NearTexts()
    task = task_of(turn.search.persona)
    for batch in _batches(comparable(turn.search.persona).filter(kind=kind)):
        texts = []
        for pk, data, _, kept_apart_at in batch:
            before = "\n".join(said["content"] for said in task.history(data))
            texts.append((pk, normal_text(task.user_message(data), before), kept_apart_at is not None))
        roots = near.add(texts)
        found = {pk: root for (pk, *_), root in zip(batch, roots, strict=True)}
        changed = {pk: found[pk] for pk, _, stored, _ in batch if stored != found[pk]}
        turn.done += len(batch)
        with transaction.atomic():
            turn.report(progress_done=turn.done)
            _store(changed, now=turn.clock.now())


def _batches(examples: TrainingExampleQuerySet) -> Iterator[list[Input]]:
    rows = examples.order_by("pk").values_list("pk", "input", "near_duplicate_of", "kept_apart_at")
    batch = list(rows[:CHUNK])
    while batch:
        yield batch
        batch = list(rows.filter(pk__gt=batch[-1][0])[:CHUNK])


def _store(changed: dict[int, int | None], *, now: datetime) -> None:
    """One statement. What somebody decided about an example meanwhile stays; the next search looks at it again."""
    roots = [When(pk=pk, then=Value(root)) for pk, root in changed.items() if root is not None]
    known = TrainingExample.objects.filter(pk__in=changed).exclude(status=ExampleStatus.WITHDRAWN)
    free = known.filter(Q(kept_apart_at=None) | Q(near_duplicate_of__isnull=False))
    if changed:
        free.update(near_duplicate_of=Case(*roots, default=None) if roots else None, updated_at=now)


@transaction.atomic
def _finish(turn: _Turn) -> None:
    found = comparable(turn.search.persona).filter(near_duplicate_of__isnull=False).count()
    turn.end(status=SearchStatus.DONE, found=found, newest_example=turn.newest, progress_done=turn.done)
    audit.record("searched", by=SYSTEM, target=turn.search, examples=turn.done, found=found)

"""An upload from its file to its prompt: one stage after the other, each with its result before the next begins."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from apps.common import audit, jobs
from apps.common.audit import Actor
from apps.common.errors import Conflict, FlywheelError, InvalidInput
from apps.contributions.enums import UploadStatus
from apps.contributions.models import Upload
from apps.contributions.services.uploads.asking import is_for_good
from apps.contributions.services.uploads.learning import choose_few_shots, learn_style
from apps.contributions.services.uploads.pairing import NO_PAIRS, find_pairs
from apps.contributions.services.uploads.reading import read_text, start
from apps.contributions.services.uploads.turns import (
    MAX_STARTS,
    READ_JOB,
    Turn,
    TurnLost,
    TurnOver,
    due_uploads,
    hand_on,
    put_off,
    take_turn,
)
from apps.organizations.actors import must_belong

STAGES: dict[str, Callable[[Turn], None]] = {
    UploadStatus.RECEIVED: start,
    UploadStatus.EXTRACTING: read_text,
    UploadStatus.PAIRING: find_pairs,
    UploadStatus.CHOOSING: choose_few_shots,
    UploadStatus.ANALYSING: learn_style,
}
QUIET = timedelta(minutes=5)  # after which the job of an upload that waits was lost
BEGUN_ANEW = {
    "attempts": 0, "progress_done": 0, "progress_total": 0, "error_code": "", "error_message": "", "finished_at": None,
    "leased_until": None,
}  # fmt: skip


def process_upload(*, upload: Upload, now: datetime) -> Upload:
    """Do what is left of an upload; returns the fresh row. Harmless when it is done, waits, or another worker is at it.

    Killed at any point, it is taken up where it stood: a stage's result and the next stage are written down together.
    What a stage cannot do ends it, with what to do about it; a provider that failed is asked again later.
    """
    turn = take_turn(upload=upload, now=now)
    if turn is not None:
        _work(turn)
    upload.refresh_from_db()
    return upload


def _work(turn: Turn) -> None:
    try:
        while stage := STAGES.get(turn.upload.status):
            stage(turn)
            if turn.must_stop():
                raise TurnOver
    except TurnLost:
        return
    except TurnOver:
        hand_on(turn=turn)
    except FlywheelError as error:
        _settle(turn, error)
    except Exception:  # a defect of ours: the next worker need not wait for the lease to end
        turn.give_back()
        raise


def _settle(turn: Turn, error: FlywheelError) -> None:
    try:
        if is_for_good(error) or turn.upload.attempts >= MAX_STARTS:
            turn.fail(error)
        else:
            put_off(turn=turn)
    except TurnLost:
        return


def hand_out_uploads(*, now: datetime) -> int:
    """Enqueue what waits and nobody came for; how many. Each not again before QUIET has passed."""
    waiting = due_uploads(now=now).filter(updated_at__lt=now - QUIET)
    due = [pk for pk in waiting.values_list("pk", flat=True).order_by("pk") if _touch(pk, now)]
    for pk in due:
        jobs.enqueue(READ_JOB, pk)
    return len(due)


def _touch(pk: int, now: datetime) -> bool:
    return bool(due_uploads(now=now).filter(pk=pk, updated_at__lt=now - QUIET).update(updated_at=now))


@transaction.atomic
def choose_speaker(*, upload: Upload, speaker: str, by: Actor, now: datetime) -> Upload:
    """Say whose words are the persona's; reading goes on. Also another one, where the first has no pairs.

    InvalidInput for somebody who does not speak in the file; Conflict where nobody asks.
    """
    must_belong(by=by, organization=upload.organization, what="upload")
    named = speaker.strip()[:200]
    names = [one["name"] for one in upload.report.get("speakers", [])]
    if not named or (names and named not in names):
        raise InvalidInput(
            f"Nobody in the file is called {named!r}.",
            resolution=f"Choose one of: {', '.join(names)[:500]}." if names else "Write the name as the file has it.",
            code="unknown_speaker",
            param="speaker",
        )
    values = {"status": UploadStatus.PAIRING, "speaker": named, "report": _unread(upload), "updated_at": now}
    asked = Upload.objects.filter(pk=upload.pk, status=UploadStatus.NEEDS_SPEAKER)
    empty = Upload.objects.filter(pk=upload.pk, status=UploadStatus.FAILED, error_code=NO_PAIRS, rows_imported=0)
    if not (asked.update(**BEGUN_ANEW | values) or empty.update(**BEGUN_ANEW | values)):
        raise Conflict(
            f"{upload} does not wait for a speaker.",
            resolution="Look at its page.",
            code="not_waiting",
            param="speaker",
        )
    audit.record("chose_speaker", by=by, target=upload)
    jobs.enqueue(READ_JOB, upload.pk)
    upload.refresh_from_db()
    return upload


def _unread(upload: Upload) -> dict[str, object]:
    """The report without what was counted for another speaker."""
    return {
        name: value for name, value in upload.report.items() if name not in {"pairs", "dropped", "read_by", "notes"}
    }


@transaction.atomic
def retry_upload(*, upload: Upload, by: Actor, now: datetime) -> Upload:
    """Have a failed upload tried again, from the stage whose result is missing. Conflict if it did not fail."""
    must_belong(by=by, organization=upload.organization, what="upload")
    failed = Upload.objects.filter(pk=upload.pk, status=UploadStatus.FAILED, withdrawn_at=None)
    stage = UploadStatus.PAIRING if upload.extracted_text and upload.speaker else UploadStatus.RECEIVED
    begun = BEGUN_ANEW | {"status": stage, "updated_at": now}
    if upload.rows_imported:  # what was stored stays; reading goes on behind it
        begun |= {"progress_done": upload.progress_done, "progress_total": upload.progress_total}
    if not failed.update(**begun):
        raise Conflict(
            f"{upload} has not failed.", resolution="Only failed uploads are tried again.", code="not_failed"
        )
    audit.record("retried", by=by, target=upload)
    jobs.enqueue(READ_JOB, upload.pk)
    upload.refresh_from_db()
    return upload

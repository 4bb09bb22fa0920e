"""Files of examples that staff bring in by the admin: checked first, stored when somebody has looked at what the check
found. The one door of such an upload's status: checking, checked, storing, done or failed.

The file lies beside other uploads, under a random name and sealed where a key is set, and only until it is done with: a
week at the most. Small files are worked on while the person waits, the others by the worker.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO, cast
from uuid import uuid4

from django.core.files.base import File
from django.db import transaction
from django.db.models import F, Q

from apps.common import audit, jobs
from apps.common.audit import Actor
from apps.common.batches import in_batches
from apps.common.clock import RunningClock
from apps.common.database import hold
from apps.common.errors import Conflict, FlywheelError, InvalidInput, TooLarge
from apps.contributions.enums import UploadStatus
from apps.contributions.formats import ROW_FORMATS, recognise
from apps.contributions.models import Tester, TrainingExample, Upload
from apps.contributions.services.imports import BATCH, ImportResult, Loader, check_import, record_import
from apps.personas.models import Persona

JOB = "apps.contributions.jobs.work_on_row_file"
MAX_BYTES = 100 * 2**20
MAX_WAITING_BYTES = 256 * 2**10  # up to here the person waits: a second or two
HASHED_AT_ONCE = 2**20
LEASE = timedelta(minutes=15)  # more than the queue lets a job run
KEPT = timedelta(days=7)  # a file that nobody confirms
OPEN = (UploadStatus.CHECKING, UploadStatus.STORING)
SHOWN = 20  # duplicates and rejected rows in the report, each


@dataclass(frozen=True)
class OnTheWordOf:
    """Whoever began an import, when a worker goes on with it."""

    audit_name: str


def check_row_file(
    *,
    persona: Persona,
    file: BinaryIO,
    name: str,
    size: int,
    by: Actor,
    now: datetime,
    shape: str = "",
    label_as: Tester | None = None,
    split_pin: str = "",
) -> Upload:
    """Keep the file and see what would become of its rows. InvalidInput or TooLarge for one that is no such file."""
    check_import(persona=persona, label_as=label_as, split_pin=split_pin)
    if size > MAX_BYTES:
        raise TooLarge(f"The file has more than {MAX_BYTES // 2**20} MB.", resolution="Import it in parts.")
    chosen = ROW_FORMATS.get(shape) if shape else recognise(file)
    upload = Upload(
        organization=persona.organization,
        persona=persona,
        original_name=name[-255:],
        sha256=_sha256(file),
        size_bytes=size,
        uploaded_by=by.audit_name,
        status=UploadStatus.CHECKING,
        progress_total=size,
        report={"shape": chosen.name, "pin": split_pin, "label_as": label_as.pk if label_as else None},
    )
    upload.file.save(uuid4().hex, File(file), save=False)
    with _deleted_on_error(upload), transaction.atomic():
        upload.save()
        audit.record("import_began", by=by, target=upload, persona=persona.slug, bytes=size, shape=chosen.name)
        _leave_to_worker(upload)
    return _work_on_small(upload, now=now)


def store_row_file(*, upload: Upload, by: Actor, now: datetime) -> Upload:
    """Store the rows of a file that was checked; Conflict if somebody else decided about it meanwhile."""
    with transaction.atomic():
        _decide(upload, to=UploadStatus.STORING, progress_done=0, uploaded_by=by.audit_name, updated_at=now)
        audit.record("import_confirmed", by=by, target=upload)
        _leave_to_worker(upload)
    return _work_on_small(upload, now=now)


@transaction.atomic
def drop_row_file(*, upload: Upload, by: Actor, now: datetime) -> None:
    """Forget a file that was checked; nothing of it is stored."""
    gone = {"error_code": "dropped", "error_message": "It was checked and not stored.", "finished_at": now, "file": ""}
    _decide(upload, to=UploadStatus.FAILED, **gone, report={**upload.report, "rows": []}, updated_at=now)
    audit.record("import_dropped", by=by, target=upload)
    _delete_file(upload)


def _decide(upload: Upload, *, to: UploadStatus, **values: Any) -> None:
    checked = Upload.objects.filter(pk=upload.pk, status=UploadStatus.CHECKED)
    if not checked.update(status=to, **values):
        raise Conflict("Somebody has decided about this file already.", resolution="Look at what became of it.")


def work_on_row_file(*, upload: Upload, now: datetime) -> None:
    """Check or store the rows of an upload that waits for it. Does nothing where another worker is at it."""
    turn = _Turn.take(upload, now=now)
    if turn is None:
        return
    with suppress(_TurnLost):
        try:
            turn.check() if turn.upload.status == UploadStatus.CHECKING else turn.store()
        except FlywheelError as error:
            turn.fail(error)


def hand_out_row_files(*, now: datetime) -> None:
    """The sweep: files that no worker is at go back into the queue, and those that nobody confirmed are forgotten."""
    for pk in _due(now).filter(created_at__lt=now - timedelta(minutes=2)).values_list("pk", flat=True):
        jobs.enqueue(JOB, pk)
    forgotten = Upload.objects.filter(status=UploadStatus.CHECKED, updated_at__lt=now - KEPT)
    for upload in forgotten.select_related("organization"):
        drop_row_file(upload=upload, by=OnTheWordOf("system"), now=now)


def _leave_to_worker(upload: Upload) -> None:
    if upload.size_bytes > MAX_WAITING_BYTES:
        jobs.enqueue(JOB, upload.pk)


def _work_on_small(upload: Upload, *, now: datetime) -> Upload:
    if upload.size_bytes <= MAX_WAITING_BYTES:
        work_on_row_file(upload=upload, now=now)
    upload.refresh_from_db()
    return upload


def _due(now: datetime) -> Any:
    return Upload.objects.filter(status__in=OPEN).filter(Q(leased_until=None) | Q(leased_until__lt=now))


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while piece := file.read(HASHED_AT_ONCE):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


@contextmanager
def _deleted_on_error(upload: Upload) -> Iterator[None]:
    try:
        yield
    except BaseException:
        upload.file.delete(save=False)
        raise


def _delete_file(upload: Upload) -> None:
    """After the commit: a row that is rolled back still has its file."""
    storage, name = upload.file.storage, upload.file.name
    if name:
        transaction.on_commit(lambda: storage.delete(name))


class _TurnLost(Exception):
    """Another worker has the upload now, or it was withdrawn: stop and change nothing."""


class _Turn:
    """One worker's right to work on a file. Its writes ask for the status and the lease that it knows."""

    def __init__(self, upload: Upload, *, now: datetime, leased_until: datetime) -> None:
        self.upload, self.clock, self.leased_until = upload, RunningClock(now), leased_until
        options = upload.report
        tester = Tester.objects.select_related("user").filter(pk=options["label_as"]).first()
        self.options: dict[str, Any] = {"label_as": tester, "split_pin": options["pin"]}
        self.by = OnTheWordOf(upload.uploaded_by)

    @classmethod
    def take(cls, upload: Upload, *, now: datetime) -> "_Turn | None":
        leased_until = now + LEASE
        if not _due(now).filter(pk=upload.pk).update(leased_until=leased_until, attempts=F("attempts") + 1):
            return None
        fresh = Upload.objects.select_related("organization", "persona__organization").get(pk=upload.pk)
        return cls(fresh, now=now, leased_until=leased_until)

    def check(self) -> None:
        loader = self._loader(is_rehearsal=True)
        for batch, done in self._batches():
            loader.load(batch)
            self._write(progress_done=done)
        report = {**self.upload.report, **_report(loader.result)}
        self._write(status=UploadStatus.CHECKED, report=report, leased_until=None)

    def store(self) -> None:
        """Each batch with how far it is in one transaction. Begun anew, what is stored already is a duplicate."""
        loader = self._loader(upload=self.upload, is_patient=True)
        rows = 0
        for batch, done in self._batches():
            rows += len(batch)
            with transaction.atomic():
                hold(self.upload.persona)
                before = loader.result.created
                loader.load(batch)
                self._write(progress_done=done, rows_imported=F("rows_imported") + loader.result.created - before)
        self._finish(loader.result, rows)

    @transaction.atomic
    def _finish(self, result: ImportResult, rows: int) -> None:
        stored = TrainingExample.objects.filter(upload=self.upload)
        result.created, result.accepted = stored.count(), stored.accepted().count()
        result.duplicates = rows - result.created - len(result.rejected)
        report = {**self.upload.report, **_report(result), "rows": []}  # they are examples now, and nowhere else
        self._end(UploadStatus.DONE, report=report)
        record_import(self.upload.persona, result, by=self.by)

    @transaction.atomic
    def fail(self, error: FlywheelError) -> None:
        self._end(UploadStatus.FAILED, error_code=error.code[:100], error_message=str(error))

    def _end(self, status: UploadStatus, **values: Any) -> None:
        _delete_file(self.upload)
        self._write(status=status, leased_until=None, file="", finished_at=self.clock.now(), **values)

    def _loader(self, **options: Any) -> Loader:
        return Loader(self.upload.persona, by=self.by, now=self.clock.now(), **self.options, **options)

    def _batches(self) -> Iterator[tuple[list[Any], int]]:
        """Rows, and how many bytes of the file have been read by then."""
        try:
            file = cast(BinaryIO, self.upload.file.open("rb"))
        except OSError:
            raise InvalidInput("The file is not there any more.", resolution="Import it again.") from None
        with file:
            for batch in in_batches(ROW_FORMATS.get(self.upload.report["shape"]).read(file), BATCH):
                yield batch, min(file.tell(), self.upload.size_bytes)

    def _write(self, **values: Any) -> None:
        leased_until = values.setdefault("leased_until", self.clock.now() + LEASE)
        mine = Upload.objects.filter(pk=self.upload.pk, status=self.upload.status, leased_until=self.leased_until)
        if not mine.update(updated_at=self.clock.now(), **values):
            raise _TurnLost
        self.leased_until = leased_until


def _report(result: ImportResult) -> dict[str, Any]:
    """What the page shows: numbers, and the first rows of each kind."""
    return {
        "created": result.created,
        "accepted": result.accepted,
        "duplicates": result.duplicates,
        "rejected": len(result.rejected),
        "rows": [
            {"line": line, "input": row.input, "label": row.accepted_label, "kind": row.get_kind_display()}
            for line, row in result.rows
        ],
        "twins": result.twins[:SHOWN],
        "faults": result.rejected[:SHOWN],
    }

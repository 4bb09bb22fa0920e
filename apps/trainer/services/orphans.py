"""What killed workers and requests left on the disk: contents and models that no row refers to."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.core.files.storage import default_storage

from apps.common.batches import in_batches
from apps.trainer.engines import ENGINES
from apps.trainer.models import FILES_FOLDER, TrainerFile, TrainerModel, artifact_path

ORPHANED_AFTER = timedelta(days=1)  # what is younger may be about to get its row
BATCH = 500


def delete_orphans(*, now: datetime) -> int:
    """Remove contents of files, and models, that have no row after a day; how many."""
    return _delete_models(oldest=now - ORPHANED_AFTER) + _delete_contents(oldest=now - ORPHANED_AFTER)


def _delete_models(*, oldest: datetime) -> int:
    root = artifact_path("")
    known = {root / artifact for artifact in TrainerModel.objects.values_list("artifact", flat=True)}
    orphans = [
        path
        for path in root.glob("*/*")
        if path.is_file() and path not in known and path.stat().st_mtime < oldest.timestamp()
    ]
    for path in orphans:
        for engine in ENGINES:
            engine.delete(path)
    return len(orphans)


def _delete_contents(*, oldest: datetime) -> int:
    """A kill between content and row, or between the commit of a deletion and the content's, leaves training data."""
    deleted = 0
    for names in in_batches(_stored_contents(), BATCH):
        known = set(TrainerFile.objects.filter(content__in=names).values_list("content", flat=True))
        for name in names:
            if name not in known and _is_older(name, oldest):
                default_storage.delete(name)
                deleted += 1
    return deleted


def _stored_contents() -> Iterator[str]:
    try:
        accounts, _ = default_storage.listdir(FILES_FOLDER)
    except FileNotFoundError:  # nothing was ever stored
        return
    for account in accounts:
        _, files = default_storage.listdir(f"{FILES_FOLDER}/{account}")
        yield from (f"{FILES_FOLDER}/{account}/{file}" for file in files)


def _is_older(name: str, oldest: datetime) -> bool:
    try:
        return default_storage.get_modified_time(name) < oldest
    except FileNotFoundError:  # its owner, or another worker's sweep, was faster
        return False

"""The files of a dataset: its stored lines one after the other, never more than a batch in memory."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

from apps.common.errors import Conflict, InvalidInput
from apps.common.ids import sha256
from apps.contributions.enums import ExampleStatus, Split
from apps.datasets.formats import FORMATS
from apps.datasets.models import DatasetItem, TrainingDataset

BATCH = 1000
FILE_SPLITS = (Split.TRAIN, Split.VALIDATION)


@dataclass(frozen=True)
class Download:
    """A frozen file on its way to somebody: also the headers that go with it over HTTP."""

    name: str
    sha256: str
    media_type: str
    chunks: Iterator[bytes]

    @property
    def headers(self) -> dict[str, str]:
        return {
            "Content-Type": self.media_type,
            "Content-Disposition": f'attachment; filename="{self.name}"',
            "ETag": f'"{self.sha256}"',
        }


def open_file(*, dataset: TrainingDataset, split: str) -> Download:
    """One of a published dataset's files with its name and hash; the errors of `file_chunks`."""
    return Download(
        chunks=file_chunks(dataset=dataset, split=split),
        name=file_name(dataset=dataset, split=split),
        sha256=frozen_sha256(dataset=dataset, split=split),
        media_type=FORMATS.get(dataset.format).media_type,
    )


@dataclass(frozen=True)
class FileEstimate:
    """How big a file is and how long reading it takes, by its first lines; exact in size if these are all."""

    size: int  # bytes
    seconds: float
    is_exact: bool


def estimate_file(*, dataset: TrainingDataset, split: str) -> FileEstimate:
    began = perf_counter()
    first = next(_batches(dataset, split), [])
    size = len(_as_file(first))
    rows = DatasetItem.objects.filter(dataset=dataset, split=split).count()
    times = rows / max(1, len(first))
    return FileEstimate(size=round(size * times), seconds=(perf_counter() - began) * times, is_exact=rows == len(first))


def file_chunks(*, dataset: TrainingDataset, split: str) -> Iterator[bytes]:
    """The frozen file of a published dataset, byte for byte, in chunks of whole lines.

    Checked before the first chunk. Conflict: not published, never approved (approval_missing), or rows were withdrawn
    since, so that the file can't be had any more and nothing new may be trained on it. Checked with each chunk, so that
    nothing else is ever handed out: every line has the SHA-256 that was published; Conflict (dataset_changed) if not.
    """
    if split not in FILE_SPLITS:
        raise InvalidInput(
            f"A dataset has no {split!r} file.", resolution=f"Choose one of: {', '.join(FILE_SPLITS)}.", param="split"
        )
    if not dataset.is_published:
        raise Conflict(
            f"{dataset} is not published yet, so it has no file.",
            resolution="Publish it first; then its files never change again.",
            code="not_published",
        )
    if dataset.approved_at is None:
        raise Conflict(
            f"{dataset} was published before anybody had to look at what leaves with it.",
            resolution="Build it again: personal data is replaced then, and somebody approves what leaves.",
            code="approval_missing",
        )
    withdrawn = DatasetItem.objects.filter(dataset=dataset, example__status=ExampleStatus.WITHDRAWN).count()
    if withdrawn:
        raise Conflict(
            f"{withdrawn} of its examples were withdrawn after {dataset} was published, so its files can no longer be "
            "made.",
            resolution="Build a new dataset: it will hold what may still be trained on.",
            code="examples_withdrawn",
        )
    return _proven_chunks(dataset, split)


def _proven_chunks(dataset: TrainingDataset, split: str) -> Iterator[bytes]:
    for batch in _batches(dataset, split):
        changed = [row.position + 1 for row in batch if row.is_changed]
        if changed:
            raise Conflict(
                f"Line {changed[0]} of the {split} file of {dataset} is not the one that was published.",
                resolution="Build and publish a new dataset, and have check_invariants say what else changed.",
                code="dataset_changed",
            )
        yield _as_file(batch)


def stored_chunks(*, dataset: TrainingDataset, split: str) -> Iterator[bytes]:
    """The lines as they are stored, published or not, changed or not."""
    return map(_as_file, _batches(dataset, split))


class _Row(NamedTuple):
    position: int
    line: str
    line_sha256: str

    @property
    def is_changed(self) -> bool:
        return sha256(self.line.encode()) != self.line_sha256


def _batches(dataset: TrainingDataset, split: str) -> Iterator[list[_Row]]:
    """In short queries: a slow download holds no cursor open."""
    rows = DatasetItem.objects.filter(dataset=dataset, split=split).order_by("position")
    after = -1
    while batch := [_Row(*row) for row in rows.filter(position__gt=after).values_list(*_Row._fields)[:BATCH]]:
        yield batch
        after = batch[-1].position


def _as_file(batch: list[_Row]) -> bytes:
    return "".join(f"{row.line}\n" for row in batch).encode()


def stored_lines(*, dataset: TrainingDataset, split: str) -> Iterator[bytes]:
    for chunk in stored_chunks(dataset=dataset, split=split):
        yield from chunk.removesuffix(b"\n").split(b"\n")


def file_sha256(*, dataset: TrainingDataset, split: str) -> str:
    """SHA-256 (hex) of the stored lines; of nothing for a split without rows."""
    digest = hashlib.sha256()
    for chunk in stored_chunks(dataset=dataset, split=split):
        digest.update(chunk)
    return digest.hexdigest()


def frozen_sha256(*, dataset: TrainingDataset, split: str) -> str:
    """The hash that was stored when the dataset was published."""
    return dataset.training_sha256 if split == Split.TRAIN else dataset.validation_sha256


def find_changed_files(*, dataset: TrainingDataset) -> list[str]:
    """The splits of a published dataset whose stored lines are not the ones that were published; [] if all is well."""
    return [
        split
        for split in FILE_SPLITS
        if file_sha256(dataset=dataset, split=split) != frozen_sha256(dataset=dataset, split=split)
    ]


def find_changed_lines(*, dataset: TrainingDataset, split: str) -> list[int]:
    """Numbers (from 1) of the lines that are neither the published ones nor emptied by a withdrawal."""
    rows = (row for batch in _batches(dataset, split) for row in batch)
    return [row.position + 1 for row in rows if row.line and row.is_changed]


def file_name(*, dataset: TrainingDataset, split: str) -> str:
    """``training-data-YYYY-MM-DD.jsonl`` (SC1), of the day it was published: the same file keeps its name."""
    day = (dataset.published_at or dataset.created_at).date()
    return FORMATS.get(dataset.format).file_name(day, split=split)

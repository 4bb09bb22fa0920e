import hashlib
import os
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError

from apps.common.errors import FlywheelError, InvalidInput
from apps.contributions.enums import Split
from apps.datasets import queries
from apps.datasets.formats import FORMATS
from apps.datasets.models import TrainingDataset

SPLITS = [Split.TRAIN.value, Split.VALIDATION.value]


class Command(BaseCommand):
    help = "Write the frozen file of a published dataset, byte for byte."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=int, help="of the dataset")
        parser.add_argument("--format", required=True, help=", ".join(item.name for item in FORMATS))
        parser.add_argument("--split", choices=SPLITS, default=SPLITS[0])
        parser.add_argument("-o", "--output", help="file to write; without it the lines go to standard output")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            download = _open(pk=options["id"], format_name=options["format"], split=options["split"])
            if options["output"]:
                size = write_whole(download, Path(options["output"]))
                self.stderr.write(f"{options['output']}: {size:,} bytes, SHA-256 {download.sha256}")
            else:
                for chunk in download.chunks:
                    self.stdout.write(chunk.decode(), ending="")
        except FlywheelError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.") from error


def _open(*, pk: int, format_name: str, split: str) -> queries.Download:
    FORMATS.get(format_name)
    dataset = TrainingDataset.objects.filter(pk=pk).first()
    if dataset is None:
        raise CommandError(f"There is no dataset {pk}.")
    if dataset.format != format_name:
        raise InvalidInput(
            f"Dataset {pk} was rendered as {dataset.format}, not as {format_name}.",
            resolution=f"Use --format {dataset.format}, or build the dataset in the other format.",
        )
    return queries.open_file(dataset=dataset, split=split)


def write_whole(download: queries.Download, path: Path) -> int:
    """Write the file beside its place and move it there when it is whole and its hash is right; returns its bytes.

    What is no file (a pipe, a device) is written to as it is, never replaced by one.
    """
    path = path.resolve()
    if path.exists() and not path.is_file() and not path.is_dir():
        with path.open("wb") as stream:
            return _write(download, stream)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            size = _write(download, file)
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp's 0600 would surprise whoever shares the folder
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return size


def _write(download: queries.Download, file: IO[bytes]) -> int:
    """All chunks, flushed; CommandError at the end if they are not what was published."""
    digest, size = hashlib.sha256(), 0
    for chunk in download.chunks:
        digest.update(chunk)
        size += file.write(chunk)
    file.flush()
    if digest.hexdigest() != download.sha256:
        raise CommandError("The stored lines are not the ones that were published. Run check_invariants.")
    return size

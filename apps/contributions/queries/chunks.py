from collections.abc import Collection, Iterator

from apps.common.batches import in_batches

CHUNK = 500  # ids in one statement: under SQLite's 999 parameters with room for the other columns


def chunked(ids: Collection[int]) -> Iterator[list[int]]:
    return in_batches(sorted(ids), CHUNK)

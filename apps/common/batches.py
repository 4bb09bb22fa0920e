from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one shorter. Nothing is taken from `items` before its batch is asked for."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch

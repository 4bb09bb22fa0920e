"""What a child process may use. Set by the child itself before it reads the first byte of the file."""

import resource
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    seconds: float = 300.0  # by the clock, recognising included; a worker's job is killed after 600
    cpu_seconds: int = 120  # of each process by itself
    memory_bytes: int = 2_000_000_000  # of address space, of each process by itself
    file_bytes: int = 200_000_000  # of one temporary file: what tesseract is given


LIMITS = Limits()


def limit_this_process(*, cpu_seconds: int, memory_bytes: int, file_bytes: int) -> None:
    """Bind this process and those that it starts. A system that lacks one of the limits keeps the others."""
    for what, soft, hard in (
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1),  # first the signal that says why, then the one that kills
        (resource.RLIMIT_AS, memory_bytes, memory_bytes),
        (resource.RLIMIT_FSIZE, file_bytes, file_bytes),
        (resource.RLIMIT_CORE, 0, 0),  # a core file would hold the document
    ):
        with suppress(ValueError, OSError):  # above what this process was given, or not known to this system
            resource.setrlimit(what, (soft, hard))

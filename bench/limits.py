"""What the project states about its speed, beside what was measured.

Whatever else the machine does counts too, so a limit may be missed; a time that is FAR times as long is a defect.
"""

import sys

FAR = 2
_far_over: list[str] = []


def compare(what: str, measured: float, limit: float, unit: str) -> None:
    """Print a time and its limit, both in `unit`, and remember it if it is far over."""
    if measured > FAR * limit:
        _far_over.append(what.strip())
    print(f"{what}: {measured:.1f} {unit}, {'over' if measured > limit else 'within'} its limit of {limit} {unit}")


def leave() -> None:
    """End the program; exit 1 if anything was far over its limit."""
    sys.exit(f"far over the limit: {', '.join(_far_over)}" if _far_over else 0)

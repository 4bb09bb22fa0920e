import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True)
class RunningClock:
    """The time while something long runs: the `now` that its caller passed in, and what has gone by since."""

    began_at: datetime
    _began: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        return self.began_at + timedelta(seconds=time.monotonic() - self._began)

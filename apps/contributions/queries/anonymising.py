"""How well personal data is found, and how much of it was: told before anything leaves (PB6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from apps.contributions.detectors import DETECTORS
from apps.contributions.detectors.measuring import read_figures

TITLES = {str(detector.kind): detector.title for detector in DETECTORS}


@dataclass(frozen=True)
class Measured:
    """Shares from 0 to 1 with their 95 % intervals (Wilson), on sentences nobody looked at while the rules were
    written; None where the set has none of the kind."""

    title: str
    spans: int
    recall: tuple[float, float, float] | None
    precision: tuple[float, float, float] | None

    @property
    def recall_words(self) -> str:
        return _percent(self.recall)

    @property
    def precision_words(self) -> str:
        return _percent(self.precision)


@cache
def measured_kinds() -> list[Measured]:
    """What was measured for each kind of personal data, and for all of them last."""
    figures = read_figures()["held_out"]
    names = [*(name for name in TITLES if name in figures["recall"]), "all"]
    return [
        Measured(
            title=TITLES.get(name, "All of them"),
            spans=figures["recall"][name]["n"],
            recall=_share(figures["recall"][name]),
            precision=_share(figures["precision"].get(name, {})),
        )
        for name in names
    ]


def _percent(figure: tuple[float, float, float] | None) -> str:
    if figure is None:
        return "not measured"
    share, low, high = (f"{100 * part:.0f}" for part in figure)
    return f"{share} % ({low}-{high})"


def _share(figure: Mapping[str, float | None]) -> tuple[float, float, float] | None:
    share, low, high = (figure.get(name) for name in ("share", "low", "high"))
    return None if share is None or low is None or high is None else (share, low, high)


def replaced_words(redactions: Mapping[str, int]) -> str:
    """What was replaced, by kind, the most frequent first: ``Names of people: 12; E-mail addresses: 3``."""
    most = sorted(redactions.items(), key=lambda pair: (-pair[1], pair[0]))
    return "; ".join(f"{TITLES.get(kind, kind)}: {count:,}" for kind, count in most) or "nothing"

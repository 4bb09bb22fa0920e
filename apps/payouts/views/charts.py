"""Where the bars of a chart go. The template draws them as SVG with presentation attributes: no script, no style."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 340, 180  # units; the stylesheet's 12px type stays 12px at about this width
TOP, BOTTOM = 20, 24  # room for values and labels
WIDEST_BAR = 44
VALUES_FIT = 6  # with more bars, only the highest and the last say their value


@dataclass(frozen=True)
class Point:
    label: str  # under the bar
    value: int
    text: str  # the value as people read it


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    middle: float
    label: str
    text: str  # empty where it would not fit
    value_y: float


@dataclass(frozen=True)
class BarChart:
    bars: list[Bar]
    width: int = WIDTH
    height: int = HEIGHT
    baseline: int = HEIGHT - BOTTOM
    label_y: int = HEIGHT - 6


def bar_chart(points: Sequence[Point]) -> BarChart:
    """Bars in proportion to their values; a value above zero is at least a line, a zero is nothing."""
    highest = max((point.value for point in points), default=0)
    slot = WIDTH / max(len(points), 1)
    return BarChart([_bar(index, point, points, highest=highest, slot=slot) for index, point in enumerate(points)])


def _bar(index: int, point: Point, points: Sequence[Point], *, highest: int, slot: float) -> Bar:
    room = HEIGHT - TOP - BOTTOM
    height = round(max(point.value * room / highest, 1), 1) if point.value > 0 else 0
    width = round(min(slot * 0.7, WIDEST_BAR), 1)
    middle = round(slot * (index + 0.5), 1)
    said = len(points) <= VALUES_FIT or point.value == highest or index == len(points) - 1
    return Bar(
        x=round(middle - width / 2, 1),
        y=round(HEIGHT - BOTTOM - height, 1),
        width=width,
        height=height,
        middle=middle,
        label=point.label,
        text=point.text if said and point.value else "",
        value_y=round(HEIGHT - BOTTOM - height - 5, 1),
    )

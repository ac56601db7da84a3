"""The year as a picture: three panels over the nights, drawn as SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor, log10

from benchmarks.year.measures import Measured

WIDTH, HEIGHT = 920, 210  # of a panel, with its axes
LEFT, RIGHT, TOP, BOTTOM = 70, 70, 42, 26
COLOURS = ("#1f5f8b", "#c4572b")  # of what the left and the right axis show
TICKS = 4


@dataclass(frozen=True)
class Side:
    """One curve and its axis, which begins at 0."""

    name: str
    values: Sequence[float]

    @property
    def step(self) -> float:
        """A round distance of ticks, about `TICKS` of which reach the highest value."""
        rough = max(*self.values, 1e-9) / TICKS
        unit = 10 ** floor(log10(rough))
        return next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough)

    @property
    def top(self) -> float:
        return self.step * ceil(max(self.values) / self.step)


def plot(year: Sequence[Measured]) -> str:
    """What a night takes and adds; the home's size beside the rows of its log; what the process holds."""
    nights = [night for night in year if night.number]
    panels = [
        ("A night", Side("seconds of work", [n.cpu_seconds for n in nights]),
         Side("new row versions", [n.new_rows for n in nights])),
        ("The home at the end of a night", Side("MB", [n.home_mb for n in nights]),
         Side("row versions in the log", [n.log_rows for n in nights])),
        ("The one process that loads them", Side("MB of memory", [n.resident_mb for n in nights]),
         Side("open descriptors", [n.descriptors for n in nights])),
    ]  # fmt: skip
    size = f"{WIDTH} {HEIGHT * len(panels)}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT * len(panels)}" fill="#ffffff"/>',
            *(
                line
                for row, (title, left, right) in enumerate(panels)
                for line in _panel(
                    row * HEIGHT, title, [date.fromisoformat(n.night) for n in nights], left, right
                )
            ),
            "</svg>\n",
        ]
    )


def _panel(top: int, title: str, nights: Sequence[date], left: Side, right: Side) -> Iterator[str]:
    begin, end = LEFT, WIDTH - RIGHT
    low, high = top + HEIGHT - BOTTOM, top + TOP
    yield _text(begin, top + 18, title, weight="bold")
    for side, colour, x, anchor in ((left, COLOURS[0], begin, "end"), (right, COLOURS[1], end, "start")):
        away = -8 if anchor == "end" else 8
        yield _text(x, top + 34, side.name, colour, anchor="start" if anchor == "end" else "end")
        for tick in range(round(side.top / side.step) + 1):
            y = low - (low - high) * tick * side.step / side.top
            yield _text(x + away, y + 4, f"{tick * side.step:,g}", colour, anchor=anchor)
            if side is left:
                yield f'<line x1="{begin}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e3e3e3"/>'
    across = [begin + (end - begin) * place / max(len(nights) - 1, 1) for place in range(len(nights))]
    for x, night in zip(across, nights, strict=True):
        if night.day == 1:
            yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low}" y2="{low + 4}" stroke="#555555"/>'
            yield _text(x + 3, low + 16, f"{night:%Y-%m}", "#555555")
    for side, colour in ((right, COLOURS[1]), (left, COLOURS[0])):
        points = " ".join(
            f"{x:.1f},{low - (low - high) * value / side.top:.1f}"
            for x, value in zip(across, side.values, strict=True)
        )
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.3"/>'


def _text(
    x: float, y: float, words: str, colour: str = "#222222", *, anchor: str = "start", weight: str = "normal"
) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" font-weight="{weight}">{words}</text>'

"""The year month by month, what a night costs per row of history, and both as a section of a document."""

from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console

from benchmarks.year.measures import MB, Measured
from benchmarks.year.plot import plot
from ckm.console import table

BEGIN, END = "<!-- python -m benchmarks.year -->", "<!-- until here: the year -->"
NIGHTS_OF_A_YEAR = 365
COLUMNS: dict[str, Callable[[Sequence[Measured]], str]] = {
    "month": lambda month: month[0].night[:7],
    "nights": lambda month: f"{len(month)}",
    "seconds": lambda month: f"{_median(month, 'seconds'):.1f}",
    "of work": lambda month: f"{_median(month, 'cpu_seconds'):.1f}",
    "new rows": lambda month: f"{_median(month, 'new_rows'):,.0f}",
    "rows in the log": lambda month: f"{month[-1].log_rows:,}",
    "audit rows": lambda month: f"{month[-1].audit_rows:,}",
    "warehouse MB": lambda month: f"{month[-1].sizes['warehouse.duckdb']:,.0f}",
    "a version's MB": lambda month: f"{month[-1].version_mb:,.0f}",
    "home MB": lambda month: f"{month[-1].home_mb:,.0f}",
    "bytes per row": lambda month: f"{month[-1].home_mb * MB / month[-1].log_rows:,.0f}",
    "files": lambda month: f"{month[-1].files:,}",
    "memory MB": lambda month: f"{_median(month, 'resident_mb'):,.0f}",
    "descriptors": lambda month: f"{_median(month, 'descriptors'):.0f}",
    "threads": lambda month: f"{_median(month, 'threads'):.0f}",
}


def show(year: Sequence[Measured], screen: Console) -> None:
    """Print the year month by month, and what it says."""
    screen.print(table("a year, night by night", tuple(COLUMNS), by_month(year)))
    for sentence in sentences(year):
        screen.print(sentence, highlight=False)


def write(year: Sequence[Measured], docs: Path) -> None:
    """Put table and sentences into `docs/reliability.md`, between two marks, and draw `docs/images/year.svg`."""
    document = docs / "reliability.md"
    lines = [tuple(COLUMNS), ("---", *["---:"] * (len(COLUMNS) - 1)), *by_month(year)]
    said = [*(f"| {' | '.join(line)} |" for line in lines), "", *(f"- {each}" for each in sentences(year))]
    before, rest = document.read_text("utf-8").split(BEGIN, 1)
    _, after = rest.split(END, 1)
    document.write_text(f"{before}{BEGIN}\n" + "\n".join(said) + f"\n{END}{after}", "utf-8")
    (docs / "images" / "year.svg").write_text(plot(year), "utf-8")


def by_month(year: Sequence[Measured]) -> list[tuple[str, ...]]:
    """A row per month: medians of its nights, and sizes at its end; the load of the history is left out."""
    months = groupby(year[1:], key=lambda night: night.night[:7])
    return [tuple(cell(nights) for cell in COLUMNS.values()) for _, each in months for nights in [list(each)]]


def warm(year: Sequence[Measured]) -> list[Measured]:
    """The nights that a process loaded after another one: its first has to load the libraries, too."""
    return [night for before, night in pairwise(year) if before.process == night.process]


def line_of(nights: Sequence[Measured], across: str, name: str) -> tuple[float, float, float]:
    """(a, b, standard error of b) of the least squares a + b · `across` for a figure of some nights."""
    x, y = ([float(getattr(night, each)) for night in nights] for each in (across, name))
    (b, a), covariance = np.polyfit(x, y, 1, cov=True)
    return float(a), float(b), float(np.sqrt(covariance[0, 0]))


def rise_of(nights: Sequence[Measured], name: str) -> tuple[float, float]:
    """(b, standard error of b): what a process holds more of after each night. Each began at a level of its own."""
    days, held = [], []
    for process in {night.process for night in nights}:
        lived = [night for night in nights if night.process == process]
        for values, each in ((days, "number"), (held, name)):
            own = np.array([float(getattr(night, each)) for night in lived])
            values.extend(own - own.mean())
    (b, _), covariance = np.polyfit(days, held, 1, cov=True)
    return float(b), float(np.sqrt(covariance[0, 0]))


def sentences(year: Sequence[Measured]) -> list[str]:
    """How far the year has come, and what its nights say of the work and of what the process holds."""
    nights = warm(year)
    so_far = (
        f"The first {len(year) - 1} nights of the year."
        if len(year) <= NIGHTS_OF_A_YEAR
        else "The whole year."
    )
    if len(nights) < 4:
        return [so_far]
    several = max(1, min(30, len(nights) // 3))
    first, last = nights[:several], nights[-several:]
    _, b, error = line_of(nights, "log_rows", "cpu_seconds")
    more = {
        step: median(n.step_cpu_seconds[step] for n in last) - median(n.step_cpu_seconds[step] for n in first)
        for step in nights[-1].step_cpu_seconds
    }
    grown = ", ".join(f"{step} {more[step]:+.1f}" for step in sorted(more, key=lambda step: -more[step]))
    held = [
        f"{what} {b:+.3f} ± {error:.3f} a night, {min(values):,.0f} to {max(values):,.0f}"
        for what, name in (("MB of memory", "resident_mb"), ("descriptors", "descriptors"),
                           ("sockets", "sockets"), ("threads", "threads"))
        for values in [[getattr(night, name) for night in nights]]
        for b, error in [rise_of(nights, name)]
    ]  # fmt: skip
    return [
        so_far,
        f"A night is {_median(nights, 'cpu_seconds'):.1f} s of work in the median, and {1000 * b:+.2f} ± "
        f"{1000 * error:.2f} s per 1,000 row versions more in the log, which grew from {nights[0].log_rows:,} to "
        f"{nights[-1].log_rows:,}.",
        f"From the first {several} nights to the last {several}, seconds of work: {grown}.",
        f"What a process holds, {len({night.process for night in nights})} of which lived these nights: "
        f"{'; '.join(held)}.",
    ]


def _median(nights: Sequence[Measured], name: str) -> float:
    return median(getattr(night, name) for night in nights)

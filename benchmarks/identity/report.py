"""What was measured, as a table on the screen, and as table and chart in docs/identity.md."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.identity.measure import ALL, rates

DOCS = Path(__file__).resolve().parents[2] / "docs"
HEADINGS = {
    "precision": "precision", "recall": "recall", "recall_bare": "recall, no shared identifier",
    "recall_tellable": "recall, tellable", "recall_tellable_bare": "recall, tellable, no shared identifier",
}  # fmt: skip
WIDTH, HEIGHT, EDGE = 640, 300, 50
LOWEST = 0.5  # of the chart's two axes
COLOURS = {"precision": "#1f5f8b", "recall_tellable": "#c4572b", "recall": "#7a7a7a"}


@dataclass(frozen=True)
class Measured:
    """One company: seconds that a whole night of the identity layer took, counts by stratum and by threshold."""

    seed: int
    records: int
    seconds: float
    counts: Mapping[str, Mapping[str, int]]
    curve: Mapping[float, Mapping[str, int]]


def added(measured: Sequence[Measured]) -> dict[str, dict[str, int]]:
    """Counts by stratum over all companies, all pairs last."""
    strata = sorted({name for one in measured for name in one.counts}, key=lambda name: (name == ALL, name))
    return {name: _sum(one.counts.get(name, {}) for one in measured) for name in strata}


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


def _cells(counted: Mapping[str, int]) -> list[str]:
    found = rates(counted)
    return [f"{counted['pairs']:,}", *(f"{found[n]:.3f}" if found[n] is not None else "–" for n in HEADINGS)]


def show(screen: Console, counts: Mapping[str, Mapping[str, int]]) -> None:
    table = Table("sources", "pairs", *HEADINGS.values())
    for stratum, counted in counts.items():
        table.add_row(stratum, *_cells(counted), end_section=stratum == ALL)
    screen.print(table)


def write(measured: Sequence[Measured], customers: int) -> None:
    """Put the table, and the chart if there is a curve, between the marks of docs/identity.md."""
    curve = {t: rates(_sum(one.curve[t] for one in measured)) for t in measured[0].curve}
    if curve:
        (DOCS / "images" / "identity.svg").write_text(_chart(curve), "utf-8")
    lines = [
        f"| {' | '.join(('sources', 'pairs', *HEADINGS.values()))} |",
        "|---" * (len(HEADINGS) + 2) + "|",
    ]
    lines += [f"| {' | '.join((name, *_cells(counted)))} |" for name, counted in added(measured).items()]
    seeds = ", ".join(str(one.seed) for one in measured)
    each = ", ".join(f"{rates(one.counts[ALL])['precision']:.4f}" for one in measured)
    says = (
        f"{len(measured)} {'companies' if len(measured) > 1 else 'company'} (seed {seeds}) of {customers:,} customers, "
        f"{sum(one.records for one in measured):,} records, {_bare(measured):.0%} of all pairs without a shared "
        f"identifier; precision {'of each: ' if len(measured) > 1 else ''}{each}; "
        f"{sum(one.seconds for one in measured) / len(measured):.0f} s for a company's first night."
    )
    chart = ("", "![Precision and recall by threshold](images/identity.svg)") if curve else ()
    put("companies" if curve else "large", "\n".join((says, "", *lines, *chart)))


def _bare(measured: Sequence[Measured]) -> float:
    counted = added(measured)[ALL]
    return counted["bare"] / counted["pairs"]


def put(name: str, body: str) -> None:
    """Put a text between the marks of its name in docs/identity.md."""
    page = (DOCS / "identity.md").read_text("utf-8")
    begin, end = f"<!-- measured: {name} -->", f"<!-- until here: {name} -->"
    before, rest = page.split(begin)
    _, after = rest.split(end)
    (DOCS / "identity.md").write_text(f"{before}{begin}\n{body}\n{end}{after}", "utf-8")


def _chart(curve: Mapping[float, Mapping[str, float]]) -> str:
    """Precision and recall by the threshold of links by weight, from a half up."""

    def x(value: float) -> float:
        return EDGE + (value - LOWEST) / (1 - LOWEST) * (WIDTH - 2 * EDGE)

    def y(value: float) -> float:
        return HEIGHT - EDGE - (value - LOWEST) / (1 - LOWEST) * (HEIGHT - 2 * EDGE)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for tick in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        parts.append(
            f'<line x1="{EDGE}" x2="{WIDTH - EDGE}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#dddddd"/>'
        )
        parts.append(f'<text x="{EDGE - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.1f}</text>')
        parts.append(
            f'<text x="{x(tick):.1f}" y="{HEIGHT - EDGE + 18}" text-anchor="middle">{tick:.1f}</text>'
        )
    for place, (name, colour) in enumerate(COLOURS.items()):
        points = " ".join(f"{x(t):.1f},{y(max(found[name], LOWEST)):.1f}" for t, found in curve.items())
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{EDGE + place * 180}" y="24" fill="{colour}">{HEADINGS[name]}</text>')
    parts.append(
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 10}" text-anchor="middle">threshold of links by weight</text>'
    )
    return "\n".join((*parts, "</svg>\n"))

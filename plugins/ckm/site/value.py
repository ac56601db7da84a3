"""The page of the value model in four pictures: tracking, calibration, gain and the distribution of value, as SVG."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any

import duckdb
from markupsafe import Markup, escape

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 40, 44
TICKS = 4
PREDICTED, ACTUAL = "#2f7ab5", "#c4572b"

Point = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """A named line, or marks where `marked`; the x of its points rise."""

    name: str
    colour: str
    points: Sequence[Point]
    marked: bool = False


@dataclass(frozen=True)
class Picture:
    """A titled chart with both axes from 0, and one sentence on how to read it; `split` is an x of a dashed line."""

    title: str
    reading: str
    x_name: str
    y_name: str
    curves: Sequence[Curve]
    x_word: Callable[[float], str]
    split: float | None = None

    @property
    def svg(self) -> Markup:
        return Markup("\n".join(_drawn(self)))


def facts(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """The values of `value.html`, from the marts of the night: pictures, and the metrics of the model in use."""
    metrics = connection.execute(
        """
        select model, cut_date, horizon_days, metric, metric_value, baseline, baseline_value
        from marts.model_backtest where is_chosen and not starts_with(model, 'churn: ') order by cut_date, metric
        """
    ).fetchall()
    names = ("model", "cut_date", "horizon_days", "metric", "metric_value", "baseline", "baseline_value")
    return {
        "pictures": pictures(connection),
        "metrics": [dict(zip(names, row, strict=True)) for row in metrics],
        "scored": connection.execute(
            "select count(clv_365d), sum(clv_365d)::double, any_value(value_basis), any_value(currency_code) "
            "from marts.clv"
        ).fetchone(),
    }


def pictures(connection: duckdb.DuckDBPyConnection) -> list[Picture]:
    """Those of the four for which the marts have something to show."""
    found = [_tracking(connection), _calibration(connection), _gain(connection), _distribution(connection)]
    return [picture for picture in found if picture is not None]


def _compared(connection: duckdb.DuckDBPyConnection, kind: str) -> list[tuple[Any, ...]]:
    return connection.execute(
        """select bin, bin_date, cut_date, predicted, actual from marts.model_calibration
        where kind = ? and predicted is not null and actual is not null order by bin""",
        [kind],
    ).fetchall()


def _tracking(connection: duckdb.DuckDBPyConnection) -> Picture | None:
    rows = _compared(connection, "tracking")
    if not rows:
        return None
    cut = rows[0][2]
    split = sum(1 for _, day, *_ in rows if day <= cut)
    return Picture(
        "Cumulative repeat purchases",
        "Right of the dashed line lie weeks that the model had not seen: the nearer the lines, the better.",
        "week", "repeat purchases", [
            Curve("expected", PREDICTED, [(week, expected) for week, _, _, expected, _ in rows]),
            Curve("actual", ACTUAL, [(week, actual) for week, _, _, _, actual in rows]),
        ], _plain, split,
    )  # fmt: skip


def _calibration(connection: duckdb.DuckDBPyConnection) -> Picture | None:
    rows = _compared(connection, "calibration")
    if not rows:
        return None
    most = max(max(expected, actual) for *_, expected, actual in rows)
    return Picture(
        "Calibration",
        "A mark for each tenth of the customers, by expected purchases: on the line, they bought as expected.",
        "expected purchases per customer", "actual", [
            Curve("as expected", PREDICTED, [(0, 0), (most, most)]),
            Curve("tenth of customers", ACTUAL, [(expected, actual) for *_, expected, actual in rows], marked=True),
        ], _plain,
    )  # fmt: skip


def _gain(connection: duckdb.DuckDBPyConnection) -> Picture | None:
    rows = _compared(connection, "gain")
    if not rows:
        return None
    parts = len(rows)
    return Picture(
        "Gain",
        "Customers from the most to the least expected spend, and the share of all spend that the first of them "
        "brought.",
        "share of customers", "share of spend", [
            Curve("by chance", "#8a949c", [(0, 0), (1, 1)]),
            Curve("expected", PREDICTED, [(0, 0), *((part / parts, e) for part, _, _, e, _ in rows)]),
            Curve("actual", ACTUAL, [(0, 0), *((part / parts, a) for part, _, _, _, a in rows)]),
        ], _share,
    )  # fmt: skip


def _distribution(connection: duckdb.DuckDBPyConnection) -> Picture | None:
    rows = connection.execute(
        """
        with parts as (select ntile(50) over (order by clv_365d, customer_key) as part, clv_365d from marts.clv
            where clv_365d is not null)
        select part, sum(sum(clv_365d)) over (order by part)::double / nullif(sum(sum(clv_365d)) over (), 0)::double
        from parts group by part order by part
        """
    ).fetchall()
    if not rows or rows[-1][1] is None:
        return None
    return Picture(
        "Distribution of value",
        "Customers from the least to the most valuable, and the share of all value of the next 365 days.",
        "share of customers", "share of value", [
            Curve("all alike", "#8a949c", [(0, 0), (1, 1)]),
            Curve("value of 365 days", PREDICTED, [(0, 0), *((part / len(rows), share) for part, share in rows)]),
        ], _share,
    )  # fmt: skip


def _plain(value: float) -> str:
    return f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"


def _share(value: float) -> str:
    return f"{value:.0%}"


def _step(most: float) -> float:
    """A round distance of ticks, about `TICKS` of which reach the most."""
    rough = max(most, 1e-9) / TICKS
    unit = 10 ** floor(log10(rough))
    return next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough * (1 - 1e-9))


def _drawn(picture: Picture) -> Iterator[str]:
    x_most = max(x for curve in picture.curves for x, _ in curve.points)
    y_most = max(y for curve in picture.curves for _, y in curve.points) or 1.0
    begin, end, low, high = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM, TOP

    def at(x: float, y: float) -> Point:
        return begin + (end - begin) * x / x_most, low - (low - high) * y / y_most

    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12" role="img" aria-label="{escape(picture.title)}">'
    )
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    yield _text(begin, 16, picture.title, weight="bold")
    x_step, y_step = _step(x_most), _step(y_most)
    for tick in range(floor(y_most / y_step + 1e-9) + 1):
        _, y = at(0, tick * y_step)
        yield f'<line x1="{begin}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e3e3e3"/>'
        word = _share if picture.x_word is _share else _plain
        yield _text(begin - 6, y + 4, word(tick * y_step), "#555555", anchor="end")
    for tick in range(floor(x_most / x_step + 1e-9) + 1):
        x, _ = at(tick * x_step, 0)
        yield _text(x, low + 16, picture.x_word(tick * x_step), "#555555", anchor="middle")
    yield _text((begin + end) / 2, HEIGHT - 8, picture.x_name, "#555555", anchor="middle")
    yield _text(begin, high - 8, picture.y_name, "#555555")
    if picture.split is not None:
        x, _ = at(picture.split, 0)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{high}" y2="{low}" stroke="#555555" stroke-dasharray="4 3"/>'
    place = end
    for curve in reversed(picture.curves):
        yield _text(place, 16, curve.name, curve.colour, anchor="end")
        place -= 7 * len(curve.name) + 16
    for curve in picture.curves:
        points = [at(*point) for point in curve.points]
        if curve.marked:
            for x, y in points:
                yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{curve.colour}"/>'
        else:
            line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            yield f'<polyline points="{line}" fill="none" stroke="{curve.colour}" stroke-width="1.6"/>'
    yield "</svg>"


def _text(
    x: float, y: float, words: str, colour: str = "#222222", *, anchor: str = "start", weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(words)}</text>"
    )

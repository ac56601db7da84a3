"""The page on churn risk: the model's card, whether it comes true, what drives it, and whom to save."""

import math
from typing import Any

import duckdb
from markupsafe import Markup

from ckm.churn.blend import hyperparameters
from ckm.site.front import table

WIDTH, HEIGHT, EDGE = 420, 300, 44
SHOWN = 15
WORDS = 420  # pixels for the words of a waterfall
TICKS = (0, 0.25, 0.5, 0.75, 1)
STYLE = """
.picture text { font-size: 12px; fill: currentColor } .picture .small { font-size: 10px; text-anchor: start }
.picture .count { font-size: 10px; text-anchor: middle } .picture .tick { font-size: 10px; text-anchor: end }
.picture .axis { stroke: currentColor } .picture .grid { stroke: currentColor; opacity: .3; stroke-dasharray: 4 3 }
.picture .range { stroke: #2a6f97; stroke-width: 2 } .picture .bar { stroke: currentColor; stroke-width: 1.5 }
.picture circle, .picture rect { fill: #2a6f97 } .picture .line { fill: none; stroke: #2a6f97; stroke-width: 2 }
.picture .up { fill: #b5483a } .picture .down { fill: #3a7d44 }
.picture .bound { fill: none; stroke: #2a6f97; stroke-dasharray: 3 3 } .picture { max-width: 100%; height: auto }
"""
LEVEL = 1.96  # of an interval of 95 %


def facts(connection: duckdb.DuckDBPyConnection) -> dict[str, Any] | None:
    """The values of `churn.html`; None where no model has scored the night."""
    scored = table(
        connection,
        """
        select model.* exclude (model, spreads) from scores.churn_model as model
        semi join (
            from marts.churn_risk semi join marts.churn_driver using (customer_key)
        ) using (model_run_id)
        """,
        [],
    )
    if not scored:
        return None
    (model,) = scored
    at = [model["model_run_id"]]
    bins = table(
        connection,
        "select bin, rows, said, happened from scores.churn_calibration where model_run_id = ? order by bin",
        at,
    )
    drivers = table(
        connection,
        f"""
        select driver, any_value(described.description) as description, any_value(mart.dimension) as dimension,
            avg(abs(contribution)) as size, corr(driver_value, contribution) as direction,
            count(*) filter (driver_rank = 1) as first_for
        from marts.churn_driver as mart join seeds.churn_feature as described using (driver)
        where driver <> 'base' group by driver order by size desc, driver limit {SHOWN}
        """,
        [],
    )
    to_save = table(
        connection,
        f"""
        select left(customer_key, 12) as customer, customer_key, churn_probability_90d, worth_saving_from,
            value_at_stake, expected_loss, loss_band, saving_is_worth, driver_1, driver_2, driver_3
        from marts.churn_risk semi join marts.churn_driver using (customer_key)
        where saving_is_worth > 0 order by saving_is_worth desc, customer_key limit {SHOWN}
        """,
        [],
    )
    return {
        "model": model,
        "tried": table(
            connection,
            """
            select model, is_calibrated, count(*) as cuts, min(cut_date) as first_cut, max(cut_date) as last_cut,
                avg(metric_value) filter (metric = 'auc') as auc,
                avg(metric_value) filter (metric = 'brier') as brier,
                avg(metric_value) filter (metric = 'calibration_error') as calibration_error,
                avg(metric_value) filter (metric = 'log_loss') as log_loss
            from (
                select *, count(*) over (partition by model, is_calibrated, metric) from scores.churn_backtest
                where model_run_id = ?
            )
            group by model, is_calibrated order by log_loss
            """,
            at,
        ),
        "features": table(
            connection,
            """select driver, dimension, description from seeds.churn_feature
            where driver in (select driver from scores.churn_driver) and driver <> 'base' order by driver""",
            [],
        ),
        "advice": table(
            connection,
            """
            select count(*) as customers, count(*) filter (saving_is_worth > 0) as worth_saving,
                sum(saving_is_worth) filter (saving_is_worth > 0) as bring,
                median(worth_saving_from) as pays_from, count(*) filter (loss_band = 'high') as half_of_the_loss,
                count(*) filter (churn_probability_90d is not null and worth_saving_from is null) as never
            from marts.churn_risk
            """,
            [],
        )[0],
        "settings": [
            (name.replace("_", " "), value) for name, value in hyperparameters(model["kind"]).items()
        ],
        "learned_from": table(
            connection,
            """select remark from audit.model_runs where model_run_id = ? and parameter = 'features'""",
            at,
        ),
        "calibration": calibration_picture(bins),
        "gain": gain_picture(bins),
        "lift": lift_picture(bins),
        "style": Markup(STYLE),
        "drivers": drivers,
        "driver_bars": driver_picture(drivers),
        "to_save": to_save,
        "waterfall": _waterfall(connection, to_save[0]["customer_key"]) if to_save else None,
        "drift": table(
            connection,
            """select subject, name, measure, measure_value, alarm_above, is_alarm, customers from marts.model_drift
            order by subject = 'input', is_alarm desc, measure_value desc""",
            [],
        ),
    }


def calibration_picture(bins: list[dict[str, Any]]) -> Markup:
    """What was said against what came about, each bin with its number of rows and an interval of 95 %."""
    parts = [_axes("probability said", "share that stayed away")]
    parts.append(f'<line class="grid" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>')
    for number, part in enumerate(bins):
        low, high = wilson(part["happened"], part["rows"])
        x = _x(part["said"])
        parts.append(
            f'<line class="range" x1="{x:.1f}" y1="{_y(low):.1f}" x2="{x:.1f}" y2="{_y(high):.1f}"/>'
        )
        parts.append(
            f'<circle cx="{x:.1f}" cy="{_y(part["happened"]):.1f}" r="4">'
            f"<title>{part['rows']:,} rows: said {part['said']:.3f}, happened {part['happened']:.3f}</title></circle>"
        )
        y = _y(low) + 12 if number % 2 else _y(high) - 4  # in turn below and above, so that they do not meet
        parts.append(f'<text class="count" x="{x:.1f}" y="{y:.1f}">{part["rows"]:,}</text>')
    return _svg(
        parts, "Calibration: what was said against what came about, with the number of rows of each bin"
    )


def gain_picture(bins: list[dict[str, Any]]) -> Markup:
    """Share of those who stayed away that is found among the share most at risk; the interval of 95 % dashed."""
    parts = [_axes("share of customers, most at risk first", "share found of who stayed away")]
    parts.append(f'<line class="grid" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>')
    rows = sum(part["rows"] for part in bins)
    gone = sum(part["rows"] * part["happened"] for part in bins)
    if not gone:
        return _svg(parts, "Gain: nobody stayed away")
    lines: dict[str, list[tuple[float, float]]] = {name: [(0.0, 0.0)] for name in ("found", "low", "high")}
    seen, found = 0, 0.0
    for part in reversed(bins):
        seen += part["rows"]
        found += part["rows"] * part["happened"]
        low, high = wilson(found / gone, gone)
        for name, value in (("found", found / gone), ("low", low), ("high", high)):
            lines[name].append((seen / rows, value))
    for name, points in lines.items():
        places = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in points)
        parts.append(f'<polyline class="{"line" if name == "found" else "bound"}" points="{places}"/>')
    return _svg(parts, "Gain: who is found by going from the most to the least at risk")


def lift_picture(bins: list[dict[str, Any]]) -> Markup:
    """How many times as often as all each bin stayed away, the most at risk first, with intervals of 95 %."""
    rows = sum(part["rows"] for part in bins)
    share = sum(part["rows"] * part["happened"] for part in bins) / rows if rows else 0.0
    if not share:
        return _svg([], "Lift: nobody stayed away")
    bars = [
        (part["happened"] / share, *(bound / share for bound in wilson(part["happened"], part["rows"])))
        for part in reversed(bins)
    ]
    top = max(1.0, *(high for _, _, high in bars))
    parts = [_axes("part of the customers, most at risk first", "times as often as all", top, ())]
    parts.append(f'<line class="grid" x1="{_x(0)}" y1="{_y(1 / top)}" x2="{_x(1)}" y2="{_y(1 / top)}"/>')
    width = 1 / len(bars)
    for number, (lift, low, high) in enumerate(bars):
        x, middle = _x(width * (number + 0.15)), _x(width * (number + 0.5))
        parts.append(
            f'<rect x="{x:.1f}" y="{_y(lift / top):.1f}" width="{(_x(1) - _x(0)) * width * 0.7:.1f}" '
            f'height="{_y(0) - _y(lift / top):.1f}"><title>{lift:.2f}, {low:.2f} to {high:.2f}</title></rect>'
            f'<line class="bar" x1="{middle:.1f}" y1="{_y(low / top):.1f}" x2="{middle:.1f}" '
            f'y2="{_y(high / top):.1f}"/><text class="count" x="{middle:.1f}" y="{_y(0) + 15}">{number + 1}</text>'
        )
    return _svg(parts, "Lift: how many times as often as all each part stayed away")


def driver_picture(drivers: list[dict[str, Any]]) -> Markup:
    """A bar per driver, as long as its mean absolute contribution."""
    if not drivers:
        return Markup("")
    longest = max(item["size"] for item in drivers) or 1.0
    height = 22 * len(drivers) + 8
    parts = []
    for number, item in enumerate(drivers):
        y = 4 + 22 * number
        length = 300 * item["size"] / longest
        sign = (
            ""
            if item["direction"] is None or math.isnan(item["direction"])
            else "+"
            if item["direction"] > 0
            else "−"
        )
        parts.append(
            f'<text x="210" y="{y + 14}" text-anchor="end">{item["driver"].replace("_", " ")}</text>'
        )
        parts.append(f'<rect x="216" y="{y + 3}" width="{length:.1f}" height="14"/>')
        parts.append(
            f'<text class="small" x="{220 + length:.1f}" y="{y + 14}">{item["size"]:.2f} {sign}</text>'
        )
    return _svg(parts, "Mean absolute contribution of each driver to the log-odds", 600, height)


def _waterfall(connection: duckdb.DuckDBPyConnection, customer_key: str) -> dict[str, Any]:
    """From the base to the log-odds of one customer, the strongest contributions one by one."""
    rows = table(
        connection,
        """select driver, contribution, reading from marts.churn_driver where customer_key = ?
        order by driver <> 'base', abs(contribution) desc, driver""",
        [customer_key],
    )
    shown, rest = rows[:9], rows[9:]
    if rest:
        total = math.fsum(row["contribution"] for row in rest)
        shown = [
            *shown,
            {"driver": "all others", "contribution": total, "reading": f"{len(rest)} more drivers"},
        ]
    at, steps = 0.0, []
    for row in shown:
        steps.append(row | {"start": at, "end": at + row["contribution"]})
        at += row["contribution"]
    low = min(0.0, *(min(step["start"], step["end"]) for step in steps))
    high = max(0.0, *(max(step["start"], step["end"]) for step in steps))
    scale = 320 / ((high - low) or 1)
    parts = []
    for number, step in enumerate(steps):
        y, left = 4 + 24 * number, min(step["start"], step["end"])
        side = "up" if step["contribution"] > 0 else "down"
        reading = Markup.escape(step["reading"])
        parts.append(f'<text x="{WORDS}" y="{y + 14}" text-anchor="end">{reading}</text>')
        parts.append(
            f'<rect class="{side}" x="{WORDS + 10 + (left - low) * scale:.1f}" y="{y + 3}" '
            f'width="{max(1.0, abs(step["contribution"]) * scale):.1f}" height="15"/>'
        )
        parts.append(f'<text class="small" x="{WORDS + 342}" y="{y + 14}">{step["contribution"]:+.2f}</text>')
    picture = _svg(parts, "From the base to one customer's log-odds", WORDS + 390, 24 * len(steps) + 8)
    return {"customer": customer_key[:12], "picture": picture, "log_odds": at}


def wilson(share: float, rows: float) -> tuple[float, float]:
    """Interval of 95 % of a share of so many rows."""
    if rows <= 0:
        return 0.0, 1.0
    middle = share + LEVEL**2 / (2 * rows)
    half = LEVEL * math.sqrt(max(0.0, share * (1 - share)) / rows + LEVEL**2 / (4 * rows**2))
    whole = 1 + LEVEL**2 / rows
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def _x(share: float) -> float:
    return EDGE + share * (WIDTH - EDGE - 12)


def _y(share: float) -> float:
    return HEIGHT - EDGE - share * (HEIGHT - EDGE - 16)


def _axes(across: str, up: str, top: float = 1.0, along: tuple[float, ...] = TICKS) -> str:
    """Both axes; the upright one goes from 0 to `top`."""
    step = 0.25 if top <= 1 else 0.5
    ticks = "".join(f'<text class="count" x="{_x(t):.1f}" y="{_y(0) + 15}">{t:g}</text>' for t in along)
    ticks += "".join(
        f'<text class="tick" x="{_x(0) - 5}" y="{_y(k * step / top) + 4:.1f}">{k * step:g}</text>'
        for k in range(int(top / step + 1e-9) + 1)
    )
    return (
        f'<line class="axis" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(0)}"/>'
        f'<line class="axis" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(0)}" y2="{_y(1)}"/>{ticks}'
        f'<text x="{_x(0.5)}" y="{HEIGHT - 8}" text-anchor="middle">{across}</text>'
        f'<text x="12" y="{_y(0.5)}" text-anchor="middle" transform="rotate(-90 12 {_y(0.5)})">{up}</text>'
    )


def _svg(parts: list[str], says: str, width: int = WIDTH, height: int = HEIGHT) -> Markup:
    return Markup(
        f'<svg class="picture" role="img" aria-label="{says}" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">{"".join(parts)}</svg>'
    )

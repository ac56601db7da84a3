"""What is usual: a night's rows in a few figures, and the ranges that the last accepted nights give for them.

A suite asks by the names of its parameters, `{"$PARAMETER": "mean_of_unit_price_low"}`:

    rows_<bound>                  number of rows
    mean_of_<column>_<bound>      mean of a number
    filled_of_<column>_<bound>    share of cells that are not null
    partition_of_<column>         share of each value, as GX's partition object
    divergence_of_<column>        the largest usual Kullback-Leibler divergence from that partition

`<bound>` is low or high, beyond which a figure is unusual, or lowest or highest, thrice as far away, beyond
which it can hardly be right. The figures of each night stay in `audit.gate_profiles`, so a night is compared
with a few dozen numbers however long the history is.
"""

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb
from scipy.stats import chi2

from ckm.warehouse import quoted

NIGHTS_COMPARED = 28
NIGHTS_NEEDED = 7
ROWS_NEEDED = 30  # of fewer, a mean or a share says little
STANDARD_ERRORS = 6.0  # prices and amounts have long tails: a wider berth than a normal mean would need
COUNT_STANDARD_ERRORS = 3.0  # beyond the smallest and largest night, which are far out themselves
FARTHER = 3.0  # the bounds of the possible lie this much farther out than those of the usual
RARE = 1e-6  # how rarely a partition like the usual one may diverge more
TOLERATED_DIVERGENCE = 0.02
TOLERATED_SHARE = 0.02
CATEGORIES_KEPT = 50
LEVEL_SHARE = 0.2  # what a mart may change from one accepted night to the next
LEVEL_ROWS = 10
LEVEL_FILLED = 0.1
FIRST_LOAD = "the first load is not like a night"

_ASKED = re.compile(
    r"(?P<metric>rows)_(?P<bound>low|high|lowest|highest)"
    r"|(?P<of>mean|filled)_of_(?P<column>\w+?)_(?P<side>low|high|lowest|highest)"
    r"|(?P<shape>partition|divergence)_of_(?P<codes>\w+)"
)
Partition = dict[str, list[Any]]


@dataclass
class Profile:
    """A night's rows over one table in figures; `days` is how many the rows stand for, null for a first load.

    Attributes:
        means: per column (mean, standard deviation, cells).
        filled: per column the number of cells that are not null.
        counts: per column and value the number of rows.
    """

    rows: int = 0
    days: int | None = None
    means: dict[str, tuple[float, float, int]] = field(default_factory=dict)
    filled: dict[str, int] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Usual:
    """Parameters for a suite by name, and for those that cannot be given yet, why."""

    parameters: dict[str, Any]
    missing: dict[str, str]


def is_asked(parameter: str) -> bool:
    """Whether a parameter is one of those that this module gives."""
    return _ASKED.fullmatch(parameter) is not None


def example(parameter: str) -> Any:
    """A value that a parameter might have, to try a suite with."""
    if parameter.startswith("partition_of_"):
        return {"values": ["a"], "weights": [1.0]}
    return 0 if "low" in parameter else 1


def columns_asked(parameters: Iterable[str], kind: str) -> list[str]:
    """The columns of which a suite asks a kind of figure: mean, filled or codes."""
    found = set()
    for match in filter(None, map(_ASKED.fullmatch, parameters)):
        if kind == "codes" and match["shape"]:
            found.add(match["codes"])
        elif match["of"] == kind:
            found.add(match["column"])
    return sorted(found)


def profile(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    parameters: Collection[str],
    cells_of: Collection[str] = (),
    days: int | None = None,
) -> Profile:
    """The figures of a table that a suite's parameters ask for, in one scan and one more per code column.

    Args:
        cells_of: further columns whose filled cells are counted.
    """
    means = columns_asked(parameters, "mean")
    filled = sorted({*means, *columns_asked(parameters, "filled"), *cells_of})
    asked = ["count(*)", *(f"count({quoted(c)})" for c in filled)]
    for column in means:
        number = f"cast({quoted(column)} as double)"
        asked += [f"avg({number})", f"coalesce(stddev_samp({number}), 0)"]
    rows, *figures = connection.execute(f"select {', '.join(asked)} from {table}").fetchone()
    cells = dict(zip(filled, figures, strict=False))
    moments = figures[len(filled) :]
    pairs = zip(means, moments[::2], moments[1::2], strict=True)
    return Profile(
        rows=rows,
        days=days,
        means={c: (m, sd, cells[c]) for c, m, sd in pairs if m is not None},
        filled=cells,
        counts={c: _counts(connection, table, c) for c in columns_asked(parameters, "codes")},
    )


def _counts(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> dict[str, int]:
    return dict(
        connection.execute(
            f"""select cast({quoted(column)} as varchar) as code, count(*) from {table}
            where {quoted(column)} is not null group by code order by 2 desc, 1 limit {CATEGORIES_KEPT}"""
        ).fetchall()
    )


def usual_flow(asked: Collection[str], nights: list[Profile], tonight: Profile, taken_in: int = 0) -> Usual:
    """The parameters for rows that flow in night by night.

    A count may lie three standard errors of a count below the smallest or above the largest accepted night,
    per day; a mean or a share six standard errors from the pooled one, between-night scatter included.

    Args:
        nights: the last accepted nights in their order.
        taken_in: rows that an earlier run of the same night has taken in, which are no longer expected.
    """
    nights = [night for night in nights if night.days is not None][-NIGHTS_COMPARED:]
    if len(nights) < NIGHTS_NEEDED:
        why = f"only {len(nights)} of the {NIGHTS_NEEDED} accepted nights that are needed to compare with"
        return Usual({}, dict.fromkeys(filter(is_asked, asked), why))
    given: dict[str, Any] = {}
    if tonight.days is not None:
        given |= _rows(nights, tonight.days, taken_in)
    if tonight.rows >= ROWS_NEEDED:
        for column in columns_asked(asked, "mean"):
            given |= _mean(column, nights, tonight)
        for column in columns_asked(asked, "filled"):
            given |= _filled(column, nights, tonight)
        for column in columns_asked(asked, "codes"):
            given |= _codes(column, nights, tonight)
    why = f"fewer than {ROWS_NEEDED} rows, or none before, to compare"
    if tonight.days is None:
        why = FIRST_LOAD
    return Usual(given, {name: why for name in asked if is_asked(name) and name not in given})


def usual_level(asked: Collection[str], last: Profile | None, tonight: Profile) -> Usual:
    """The parameters for a table that is made anew each night: near what it was on the last accepted one.

    A fifth more or less is usual for rows and means, a tenth of the cells for what is filled.
    """
    if last is None:
        return Usual({}, dict.fromkeys(filter(is_asked, asked), "no accepted night yet to compare with"))
    given: dict[str, Any] = _bounds("rows", last.rows, LEVEL_SHARE * last.rows + LEVEL_ROWS, whole=True)
    for column in columns_asked(asked, "mean"):
        if column in last.means and column in tonight.means:
            mean, deviation, cells = last.means[column]
            noise = STANDARD_ERRORS * deviation / math.sqrt(min(cells, tonight.filled[column]))
            given |= _bounds(f"mean_of_{column}", mean, LEVEL_SHARE * abs(mean) + noise)
    if last.rows >= ROWS_NEEDED and tonight.rows >= ROWS_NEEDED:
        for column in columns_asked(asked, "filled"):
            share = last.filled.get(column, 0) / last.rows
            given |= _bounds(f"filled_of_{column}", share, LEVEL_FILLED, largest=1.0)
        for column in columns_asked(asked, "codes"):
            given |= _codes(column, [last], tonight)
    why = f"fewer than {ROWS_NEEDED} rows, or none before, to compare"
    return Usual(given, {name: why for name in asked if is_asked(name) and name not in given})


def _bounds(
    name: str, centre: float, width: float, *, whole: bool = False, largest: float = math.inf
) -> dict[str, float]:
    """Both pairs of bounds around a figure; counts and shares do not go below zero."""
    floor = 0.0 if whole or largest < math.inf else -math.inf
    bounds = {
        f"{name}_low": max(floor, centre - width),
        f"{name}_high": min(largest, centre + width),
        f"{name}_lowest": max(floor, centre - FARTHER * width),
        f"{name}_highest": min(largest, centre + FARTHER * width),
    }
    if whole:
        return {key: math.floor(v) if "low" in key else math.ceil(v) for key, v in bounds.items()}
    return {key: float(f"{value:.6g}") for key, value in bounds.items()}


def _rows(nights: list[Profile], days: int, taken_in: int) -> dict[str, int]:
    rates = [night.rows / max(1, night.days or 1) for night in nights]
    least, most = min(rates) * days, max(rates) * days
    low = math.floor(least - COUNT_STANDARD_ERRORS * math.sqrt(least))
    high = math.ceil(most + COUNT_STANDARD_ERRORS * math.sqrt(most) + COUNT_STANDARD_ERRORS)
    low = max(low, 1 if _silent_for_too_long(nights, days) else 0)
    return {
        "rows_low": max(0, low - taken_in),
        "rows_high": high,
        "rows_lowest": max(0, math.floor(low / FARTHER) - taken_in),
        "rows_highest": math.ceil(high * FARTHER),
    }


def _silent_for_too_long(nights: list[Profile], days: int) -> bool:
    """Whether rows have stayed out for more than thrice the longest pause that there was between two nights."""
    pauses, silence = [1], 0
    for night in nights:
        silence += night.days or 0
        if night.rows:
            pauses.append(silence)
            silence = 0
    return any(night.rows for night in nights) and silence + days > FARTHER * max(pauses)


def _mean(column: str, nights: list[Profile], tonight: Profile) -> dict[str, float]:
    known = [night.means[column] for night in nights if column in night.means]
    before, now = sum(cells for *_, cells in known), tonight.filled.get(column, 0)
    if before < ROWS_NEEDED or now < ROWS_NEEDED:
        return {}
    mean = sum(m * cells for m, _, cells in known) / before
    variance = sum(sd * sd * cells for _, sd, cells in known) / before
    scatter = sum((m - mean) ** 2 * cells for m, _, cells in known) / before
    between = max(0.0, scatter - variance * len(known) / before)
    error = math.sqrt(variance / now + variance / before + between)
    # Where no value ever differed, a mean may still differ in its last digits.
    return _bounds(f"mean_of_{column}", mean, STANDARD_ERRORS * error + 1e-6 * abs(mean))


def _filled(column: str, nights: list[Profile], tonight: Profile) -> dict[str, float]:
    shares = [(night.filled.get(column, 0), night.rows) for night in nights if night.rows]
    filled, rows = sum(f for f, _ in shares), sum(n for _, n in shares)
    if rows < ROWS_NEEDED:
        return {}
    share = (filled + 1) / (rows + 2)
    variance = share * (1 - share)
    scatter = sum((f / n - filled / rows) ** 2 * n for f, n in shares) / rows
    between = max(0.0, scatter - variance * len(shares) / rows)
    error = math.sqrt(variance / tonight.rows + variance / rows + between)
    return _bounds(
        f"filled_of_{column}", filled / rows, STANDARD_ERRORS * error + TOLERATED_SHARE, largest=1.0
    )


def _codes(column: str, nights: list[Profile], tonight: Profile) -> dict[str, Any]:
    """The pooled partition, and how far one of tonight's size may diverge from it.

    2·n·KL is about chi-square distributed with one degree of freedom less than there are values, times what
    rows of one night have in common, which is estimated from the nights themselves.
    """
    known = [night.counts[column] for night in nights if night.counts.get(column)]
    pooled: dict[str, float] = defaultdict(float)
    for counts in known:
        for code, count in counts.items():
            pooled[code] += count
    before, now = sum(pooled.values()), sum(tonight.counts.get(column, {}).values())
    if before < ROWS_NEEDED or now < ROWS_NEEDED:
        return {}
    codes = sorted(pooled, key=lambda code: (-pooled[code], code))[:CATEGORIES_KEPT]
    total = sum(pooled[code] + 0.5 for code in codes)
    weights = {code: (pooled[code] + 0.5) / total for code in codes}
    freedom = max(1, len(codes) - 1)
    statistics = [2 * sum(counts.values()) * divergence(counts, weights) for counts in known]
    in_common = max(1.0, sum(statistics) / len(statistics) / freedom) if len(statistics) > 1 else 1.0
    allowed = in_common * float(chi2.ppf(1 - RARE, freedom)) * (1 / now + 1 / before) / 2
    partition: Partition = {"values": codes, "weights": [weights[code] for code in codes]}
    return {
        f"partition_of_{column}": partition,
        f"divergence_of_{column}": float(f"{allowed + TOLERATED_DIVERGENCE:.6g}"),
    }


def divergence(counts: dict[str, int], weights: dict[str, float]) -> float:
    """Kullback-Leibler divergence in nats of a night's counts from a partition; values outside it left out."""
    total = sum(counts.values())
    known = [(count / total, weights[code]) for code, count in counts.items() if count and code in weights]
    return max(0.0, sum(share * math.log(share / weight) for share, weight in known))


def record(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    night: date,
    boundary: str,
    source: str,
    name: str,
    figures: Profile,
) -> None:
    """Put a table's figures on record."""
    rows: list[tuple[str, str | None, str | None, float | None]] = [
        ("rows", None, None, figures.rows),
        ("days", None, None, figures.days),
    ]
    for column, (mean, deviation, _) in figures.means.items():
        rows += [("mean", column, None, mean), ("standard_deviation", column, None, deviation)]
    rows += [("filled", column, None, cells) for column, cells in figures.filled.items()]
    rows += [
        ("count", column, code, count)
        for column, counts in figures.counts.items()
        for code, count in counts.items()
    ]
    connection.executemany(
        """insert into audit.gate_profiles
        (run_id, as_of_date, boundary, source, object, metric, column_name, category, value)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [[run_id, night, boundary, source, name, *row] for row in rows],
    )


def taken_in(connection: duckdb.DuckDBPyConnection, source: str, name: str, night: date) -> int:
    """The rows that earlier runs of a night had, and took in."""
    return connection.execute(
        """
        select coalesce(sum(value), 0)::bigint from audit.gate_profiles
        join audit.load_ledger using (run_id, source, object)
        where boundary = 'raw' and metric = 'rows' and status = 'loaded'
            and source = ? and object = ? and gate_profiles.as_of_date = ?
        """,
        [source, name, night],
    ).fetchone()[0]


def nights_before(
    connection: duckdb.DuckDBPyConnection, boundary: str, source: str, name: str, night: date
) -> list[Profile]:
    """The profiles of a table over its accepted nights before one, in their order.

    A night of raw data is accepted when the object was loaded, one of the marts when it was published. Of
    several runs of a night the last accepted one counts; what it took in of its rows the earlier ones had.
    """
    accepted = (
        "select run_id from audit.load_ledger where status = 'loaded' and source = ? and object = ?"
        if boundary == "raw"
        else "select run_id from audit.runs where status like 'published%' and ? is not null and ? is not null"
    )
    rows = connection.execute(
        f"""
        with mine as (
            select as_of_date, run_id, metric, column_name, category, value from audit.gate_profiles
            where boundary = ? and source = ? and object = ? and as_of_date < ?
                and run_id in ({accepted})
        ),
        fullest as (
            select as_of_date, arg_max(run_id, value) as run_id from mine where metric = 'rows'
            group by as_of_date order by as_of_date desc limit {NIGHTS_COMPARED + 1}
        )
        select as_of_date, metric, column_name, category, value from mine join fullest using (as_of_date, run_id)
        order by all
        """,
        [boundary, source, name, night, source, name],
    ).fetchall()
    nights: dict[date, Profile] = {}
    spreads: dict[tuple[date, str], float] = {}
    for day, metric, column, category, value in rows:
        figures = nights.setdefault(day, Profile())
        match metric:
            case "rows":
                figures.rows = int(value)
            case "days":
                figures.days = None if value is None else int(value)
            case "mean":
                figures.means[column] = (value, 0.0, 0)
            case "standard_deviation":
                spreads[day, column] = value
            case "filled":
                figures.filled[column] = int(value)
            case "count":
                figures.counts.setdefault(column, {})[category] = int(value)
    for day, figures in nights.items():
        for column, (mean, *_) in figures.means.items():
            figures.means[column] = (mean, spreads.get((day, column), 0.0), figures.filled.get(column, 0))
    return list(nights.values())

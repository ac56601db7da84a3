"""A night's rows over one table in a few figures, which stay on record in `audit.gate_profiles`.

So a night is compared with a few dozen numbers, however long the history is.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

import duckdb

from ckm.bulk import insert_rows
from ckm.warehouse import quoted

NIGHTS_COMPARED = 28
CATEGORIES_KEPT = 50


@dataclass(frozen=True)
class Figures:
    """Which columns' means, filled cells and codes are wanted."""

    means: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


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


def profile(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    figures: Figures,
    cells_of: Collection[str] = (),
    days: int | None = None,
) -> Profile:
    """The figures of a table, in one scan and one more per code column.

    Args:
        cells_of: further columns whose filled cells are counted.
    """
    filled = sorted({*figures.means, *figures.filled, *cells_of})
    asked = ["count(*)", *(f"count({quoted(c)})" for c in filled)]
    for column in figures.means:
        number = f"cast({quoted(column)} as double)"
        asked += [f"avg({number})", f"coalesce(stddev_samp({number}), 0)"]
    rows, *found = connection.execute(f"select {', '.join(asked)} from {table}").fetchone()
    cells = dict(zip(filled, found, strict=False))
    moments = found[len(filled) :]
    pairs = zip(figures.means, moments[::2], moments[1::2], strict=True)
    return Profile(
        rows=rows,
        days=days,
        means={c: (m, sd, cells[c]) for c, m, sd in pairs if m is not None},
        filled=cells,
        counts={c: _counts(connection, table, c) for c in figures.codes},
    )


def _counts(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> dict[str, int]:
    return dict(
        connection.execute(
            f"""select cast({quoted(column)} as varchar) as code, count(*) from {table}
            where {quoted(column)} is not null group by code order by 2 desc, 1 limit {CATEGORIES_KEPT}"""
        ).fetchall()
    )


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
    told: list[tuple[str, str | None, str | None, float | None]] = [
        ("rows", None, None, figures.rows),
        ("days", None, None, figures.days),
    ]
    for column, (mean, deviation, _) in figures.means.items():
        told += [("mean", column, None, mean), ("standard_deviation", column, None, deviation)]
    told += [("filled", column, None, cells) for column, cells in figures.filled.items()]
    told += [
        ("count", column, code, count)
        for column, counts in figures.counts.items()
        for code, count in counts.items()
    ]
    insert_rows(
        connection,
        "audit.gate_profiles",
        (
            "run_id",
            "as_of_date",
            "boundary",
            "source",
            "object",
            "metric",
            "column_name",
            "category",
            "value",
        ),
        [[run_id, night, boundary, source, name, *figure] for figure in told],
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

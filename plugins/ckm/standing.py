"""How a home stands: its last nights, and what the newest of them found stale, new or not as it should be."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from ckm import audit, retention
from ckm.retention import Removed

# One row per run, newest first. A rule that sets rows aside holds as far as the night goes; the rows are counted.
RUNS = """
    with taken_in as (
        select run_id, sum(loaded)::bigint as loaded, sum(quarantined)::bigint as quarantined
        from audit.load_ledger group by run_id
    ),
    rules as (
        select run_id, count(*) filter (outcome in ('warned', 'object_failed', 'failed')) as rules_not_held
        from audit.gate_results group by run_id
    ),
    tests as (
        select run_id, count(*) filter (status in ('warn', 'fail')) as tests_not_held
        from audit.test_results group by run_id
    )
    select runs.*, date_diff('second', started_at, finished_at) as seconds, loaded, quarantined,
        coalesce(rules_not_held, 0) + coalesce(tests_not_held, 0) as rules_not_held
    from audit.runs
    left join taken_in using (run_id)
    left join rules using (run_id)
    left join tests using (run_id)
    order by started_at desc, run_id desc
    limit ?
"""


@dataclass(frozen=True)
class Stale:
    """An object that a run could not load: the night of its last good load, days since, and why."""

    object: str
    since: date | None
    days: int | None
    why: str | None


@dataclass(frozen=True)
class NewColumn:
    """A column that an object's source did not have before."""

    object: str
    column: str
    is_mapped: bool


@dataclass(frozen=True)
class Broken:
    """A rule or dbt test that warns or stops, the rows that break it, and what it says."""

    object: str
    rule: str
    outcome: str
    failing_rows: int | None
    sentence: str | None


@dataclass(frozen=True)
class Standing:
    """How a home stands: its newest runs, each as it is on record, and what did not hold in the newest of them.

    Stale objects, new columns and what retention removed are those of `run_id`, the newest run that read the sources:
    one that computes an older night reads none.
    """

    runs: list[dict[str, Any]]
    warnings: list[Broken]
    run_id: str | None
    stale: list[Stale]
    new_columns: list[NewColumn]
    removed: list[Removed]


def standing(connection: duckdb.DuckDBPyConnection, limit: int = 14) -> Standing:
    """How a home stands, with its `limit` newest runs."""
    runs = last_runs(connection, limit)
    newest = connection.execute(
        """
        select run_id from audit.runs where run_id in (select run_id from audit.source_freshness)
        order by started_at desc, run_id desc limit 1
        """
    ).fetchone()
    run_id = newest[0] if newest else None
    return Standing(
        runs=runs,
        warnings=not_held(connection, runs[0]["run_id"]) if runs else [],
        run_id=run_id,
        stale=[Stale(*row) for row in audit.stale_objects(connection, run_id)] if run_id else [],
        new_columns=[NewColumn(*row) for row in audit.new_columns(connection, run_id)] if run_id else [],
        removed=retention.removed_by(connection, run_id) if run_id else [],
    )


def last_runs(connection: duckdb.DuckDBPyConnection, limit: int) -> list[dict[str, Any]]:
    """The newest runs, each with its row of `audit.runs`, its length, rows loaded and set aside, rules not held."""
    result = connection.execute(RUNS, [limit])
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def not_held(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[Broken]:
    """The rules and dbt tests of a run that warn or stop."""
    rows = connection.execute(
        """
        select source || '.' || object, rule, outcome, failing_rows, coalesce(message, description)
        from audit.gate_results where run_id = ? and outcome in ('warned', 'object_failed', 'failed')
        union all
        select 'dbt ' || layer, node, status, failures, message
        from audit.test_results where run_id = ? and status in ('warn', 'fail')
        order by all
        """,
        [run_id, run_id],
    ).fetchall()
    return [Broken(*row) for row in rows]

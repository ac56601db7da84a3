"""What the first page says: how the night ended, how fresh the sources are, what held, and what is published."""

import json
from itertools import groupby
from operator import itemgetter
from typing import Any

import duckdb

from ckm import runs
from ckm.site.pages import MEANING, VERDICTS
from ckm.standing import standing

NIGHTS = 14


def facts(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    status: str,
    version: str,
    nodes: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """The values of `index.html`.

    Args:
        status, version: how the run ends and as what, which its row does not say yet.
        nodes: dbt's nodes by name, for the descriptions of the marts.
    """
    seen = standing(connection, NIGHTS)
    nights = [_ended(run, status, version) if run["run_id"] == run_id else run for run in seen.runs]
    run = next(night for night in nights if night["run_id"] == run_id)
    before = next((n for n in nights if n["run_id"] != run_id and n["status"].startswith("published")), None)
    return {
        "run": run,
        "nights": nights,
        "status": status,
        "stale": seen.stale,
        "broken": seen.warnings,
        "sources": _sources(connection, seen.run_id),
        "new_columns": seen.new_columns,
        "gates": _gates(connection, run_id),
        "ledger": table(
            connection,
            """select source || '.' || object as object, extracted, loaded, unchanged, duplicate, quarantined,
                deleted, status from audit.load_ledger where run_id = ? order by 1""",
            [run_id],
        ),
        "marts": _marts(connection, run_id, nodes),
        "models": table(
            connection,
            """select model, parameter, parameter_value, standard_error, is_identified, remark
            from audit.model_runs where run_id = ? order by all""",
            [run_id],
        ),
        "steps": table(
            connection,
            """select step, source, seconds, result from audit.run_steps where run_id = ?
            order by started_at, step = 'extract', rowid""",
            [run_id],
        ),
        "versions": json.loads(run["versions"] or "{}"),
        "rules_changed_since": before["run_id"]
        if before and before["rules_hash"] not in (None, run["rules_hash"])
        else None,
    }


def table(connection: duckdb.DuckDBPyConnection, sql: str, arguments: list[Any]) -> list[dict[str, Any]]:
    """The rows of a query by the names of its columns."""
    result = connection.execute(sql, arguments)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _ended(run: dict[str, Any], status: str, version: str) -> dict[str, Any]:
    """The run as it stands when this page is read."""
    seconds = (runs.now() - run["started_at"]).total_seconds()
    return run | {"status": status, "seconds": seconds, "published_version": version}


def _sources(connection: duckdb.DuckDBPyConnection, run_id: str | None) -> list[dict[str, Any]]:
    """Per source how fresh it is, and of each of the last nights the rows loaded and whether any object was stale."""
    rows = table(
        connection,
        """
        with nights as (
            select run_id, as_of_date from audit.runs semi join audit.load_ledger using (run_id)
            qualify row_number() over (partition by as_of_date order by started_at desc, run_id desc) = 1
            order by as_of_date desc limit ?
        )
        select ledger.source, nights.as_of_date, count(*) as objects, sum(ledger.loaded)::bigint as loaded,
            count(*) filter (fresh.status = 'stale') as stale, min(fresh.last_loaded_on) as oldest,
            nights.run_id = ? as is_now
        from nights
        join audit.load_ledger as ledger using (run_id)
        left join audit.source_freshness as fresh using (run_id, source, object)
        group by all
        order by ledger.source, nights.as_of_date
        """,
        [NIGHTS, run_id],
    )
    found = []
    for source, of_source in groupby(rows, key=itemgetter("source")):
        seen = list(of_source)
        trend = [(row["as_of_date"], row["loaded"], row["stale"] > 0) for row in seen]
        found += [row | {"source": source, "trend": trend} for row in seen if row["is_now"]]
    return found


def _gates(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[dict[str, Any]]:
    """Per boundary and aspect, and for dbt's tests per layer, how many rules have which verdict."""
    rows = connection.execute(
        """
        select boundary, coalesce(nullif(aspect, ''), 'other') as aspect, outcome, count(*)
        from audit.gate_results where run_id = ? group by all
        union all
        select 'dbt tests', layer, status, count(*)
        from audit.test_results where run_id = ? and resource_type = 'test' group by all
        order by 1 desc, 2, 3
        """,
        [run_id, run_id],
    ).fetchall()
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for boundary, aspect, outcome, count in rows:
        none = {"boundary": boundary, "aspect": aspect} | dict.fromkeys(VERDICTS, 0)
        row = found.setdefault((boundary, aspect), none)
        row[MEANING.get(outcome, "open")] += count
    return list(found.values())


def _marts(
    connection: duckdb.DuckDBPyConnection, run_id: str, nodes: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """Per mart its rows on each of the last nights that were published and not taken back, and in this run."""
    rows = table(
        connection,
        """
        with nights as (
            select run_id, as_of_date from audit.runs semi join audit.published_tables using (run_id)
            where status like 'published%' or run_id = ?
            qualify row_number() over (partition by as_of_date order by started_at desc, run_id desc) = 1
            order by as_of_date desc limit ?
        )
        select counted.table_name, nights.as_of_date, counted.row_count
        from nights join audit.published_tables as counted using (run_id)
        where counted.schema_name = 'marts'
        order by counted.table_name, nights.as_of_date
        """,
        [run_id, NIGHTS],
    )
    found = []
    for name, of_mart in groupby(rows, key=itemgetter("table_name")):
        trend = [(row["as_of_date"], row["row_count"]) for row in of_mart]
        count = trend[-1][1]
        found.append(
            {
                "name": name,
                "description": nodes.get(name, {}).get("description", "").split("\n\n")[0],
                "rows": count,
                "change": count - trend[-2][1] if len(trend) > 1 else None,
                "trend": trend,
            }
        )
    return found

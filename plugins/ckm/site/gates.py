"""What the gate page says: every rule of a run with its verdict, by the object it looks at, and dbt's tests beside."""

from collections import Counter
from datetime import date
from itertools import groupby
from typing import Any

import duckdb

from ckm.gate.outcome import ASPECTS
from ckm.site.front import NIGHTS, table
from ckm.site.pages import MEANING, WORST_FIRST


def facts(
    connection: duckdb.DuckDBPyConnection, run_id: str, nodes: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The values of `gates.html`.

    Args:
        nodes: dbt's nodes by name, for what a test looks at and says.
    """
    (run,) = table(connection, "select * from audit.runs where run_id = ?", [run_id])
    rules = _rules(connection, run_id)
    objects = [
        {"place": place, "rules": list(of_object)}
        for place, of_object in groupby(rules, key=lambda r: r["place"])
    ]
    for item in objects:
        item["rules"].sort(key=lambda rule: WORST_FIRST.index(rule["verdict"]))
        item["verdicts"] = Counter(rule["verdict"] for rule in item["rules"])
        item["aspects"] = {
            aspect: Counter(rule["verdict"] for rule in item["rules"] if rule["aspect"] == aspect)
            for aspect in (*ASPECTS, "other")
        }
    tests = [
        test
        | {
            "verdict": MEANING.get(test["status"], "open"),
            "model": (nodes.get(test["node"], {}).get("attached_node") or "").rsplit(".", 1)[-1],
            "description": nodes.get(test["node"], {}).get("description", ""),
        }
        for test in table(
            connection,
            """select layer, node, status, failures, duration_seconds, message from audit.test_results
            where run_id = ? and resource_type = 'test' order by layer, node""",
            [run_id],
        )
    ]
    nights, history = _history(connection, run_id)
    return {
        "run": run,
        "objects": objects,
        "aspects": [a for a in (*ASPECTS, "other") if any(item["aspects"][a] for item in objects)],
        "total": Counter(rule["verdict"] for rule in rules),
        "tests": sorted(tests, key=lambda t: WORST_FIRST.index(t["verdict"])),
        "nights": nights,
        "history": history,
    }


def _rules(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[dict[str, Any]]:
    """Every rule of a run, raw objects first, with how many rows it holds in quarantine; of these only the number."""
    rows = table(
        connection,
        """
        with held as (
            select source, object, rule, count(*) as in_quarantine, count(*) filter (first_run_id = $1) as new_tonight
            from quarantine.rows where status = 'open' group by all
        )
        select results.*, coalesce(held.in_quarantine, 0) as in_quarantine,
            coalesce(held.new_tonight, 0) as new_tonight
        from audit.gate_results as results
        left join held on results.boundary = 'raw' and results.source = held.source
            and results.object = held.object and results.rule = held.rule
        where results.run_id = $1
        order by results.boundary desc, results.source, results.object, results.rule
        """,
        [run_id],
    )
    return [
        row
        | {
            "place": f"{row['source']}.{row['object']}",
            "aspect": row["aspect"] or "other",
            "verdict": MEANING[row["outcome"]],
        }
        for row in rows
    ]


def _history(
    connection: duckdb.DuckDBPyConnection, run_id: str
) -> tuple[list[date], list[tuple[str, str, list[str | None]]]]:
    """The nights up to a run's own and, of each rule that did not always hold in them, its verdict on each."""
    rows = connection.execute(
        """
        with nights as (
            select runs.run_id, runs.as_of_date
            from audit.runs semi join audit.gate_results using (run_id)
            where started_at <= (select started_at from audit.runs where run_id = $1)
            qualify row_number() over (partition by as_of_date order by started_at desc, run_id desc) = 1
            order by as_of_date desc limit $2
        )
        select source || '.' || object, rule, nights.as_of_date, outcome
        from nights join audit.gate_results using (run_id)
        order by all
        """,
        [run_id, NIGHTS],
    ).fetchall()
    nights = sorted({night for _, _, night, _ in rows})
    verdicts: dict[tuple[str, str], dict[date, str]] = {}
    for place, rule, night, outcome in rows:
        verdicts.setdefault((place, rule), {})[night] = MEANING[outcome]
    return nights, [
        (place, rule, [by_night.get(night) for night in nights])
        for (place, rule), by_night in verdicts.items()
        if set(by_night.values()) - {"hold", "open"}
    ]

"""The ledger's gate: what the night counted is compared with what it kept, before anything is published."""

from collections.abc import Collection
from datetime import date
from pathlib import Path

import duckdb

from ckm import audit
from ckm.errors import GateFailed
from ckm.gate.check import gate_session
from ckm.gate.outcome import RuleResult, accepted, sentence
from ckm.gate.suite_files import read_rules
from ckm.gate.suites import suite_of
from ckm.sources import Sources
from ckm.warehouse import literal

PLACE = "audit.load_ledger"


def judge_ledger(
    connection: duckdb.DuckDBPyConnection,
    sources: Sources,
    *,
    suites: Path,
    gx_store: Path,
    night: date,
    run_id: str,
    accept: Collection[str] = (),
) -> list[RuleResult]:
    """Run the suite `expectations/audit/load_ledger.json` over the run's ledger and put the verdicts on record.

    Args:
        accept: rules, as `audit.load_ledger.<rule>`, that may fail tonight.

    Raises:
        GateFailed: rows are not accounted for, or not where the ledger says.
    """
    connection.execute("delete from audit.gate_results where run_id = ? and boundary = 'audit'", [run_id])
    _lay_out(connection, sources, night, run_id)
    suite = suite_of(suites, "audit/load_ledger", read_rules(suites, "audit/load_ledger"), {})
    with gate_session(connection, gx_store) as session:
        results = [accepted(r, PLACE, accept) for r in session.run(suite.expectations, "gate", "ledger")]
    for table in ("ledger", "broken"):
        connection.execute(f"drop table gate.{table}")
    audit.record_gate_results(connection, run_id, night, "audit", "audit", "load_ledger", results)
    stops = [sentence(result, PLACE) for result in results if result.outcome == "failed"]
    if stops:
        raise GateFailed(" ".join(stops))
    return results


def _lay_out(connection: duckdb.DuckDBPyConnection, sources: Sources, night: date, run_id: str) -> None:
    """Make `gate.ledger`: one row per object of `sources.yml`, with its account and what is found of it: `logged`
    versions, `kept` rows of the quarantine."""
    objects = [(source, name) for source, spec in sources.sources.items() for name in spec.objects]
    logged = " union all ".join(
        f"select {literal(source)} as source, {literal(name)} as object, count(*) as logged "
        f"from raw_{source}.{name} where known_on = $night and run_id = $run"
        for source, name in objects
    )
    connection.execute(
        f"""
        create or replace table gate.ledger as
        with logged as ({logged}),
        kept as (
            select source, object, count(*) as kept from quarantine.rows
            where last_run_id = $run and status in ('open', 'replaced') group by source, object
        )
        select logged.source, logged.object, ledger.* exclude (source, object), logged.logged,
            coalesce(kept.kept, 0) as kept
        from logged
        left join kept using (source, object)
        left join (from audit.load_ledger where run_id = $run) as ledger using (source, object)
        """,
        {"night": night, "run": run_id},
    )

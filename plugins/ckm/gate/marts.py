"""The mart gate: every mart that has a suite is judged before anything is published."""

from datetime import date
from pathlib import Path

import duckdb

from ckm import audit
from ckm.errors import GateFailed
from ckm.gate.check import gate_session
from ckm.gate.outcome import RuleResult, sentence
from ckm.gate.suites import load_suite, night_parameters
from ckm.sources import Company


def judge_marts(
    connection: duckdb.DuckDBPyConnection,
    *,
    suites: Path,
    gx_store: Path,
    night: date,
    company: Company,
    run_id: str,
) -> list[tuple[str, RuleResult]]:
    """Run each suite under `expectations/marts/` over its mart and put the verdicts on record.

    Returns:
        (mart, verdict) of every rule.

    Raises:
        GateFailed: a critical rule does not hold, after all marts were judged and recorded.
    """
    verdicts: list[tuple[str, RuleResult]] = []
    connection.execute("delete from audit.gate_results where run_id = ? and boundary = 'marts'", [run_id])
    with gate_session(connection, gx_store) as session:
        for file in sorted((suites / "marts").glob("*.json")):
            suite = load_suite(suites, f"marts/{file.stem}", night_parameters(night, company))
            results = session.run(suite, "marts", file.stem)
            audit.record_gate_results(connection, run_id, night, "marts", "marts", file.stem, results)
            verdicts += [(file.stem, result) for result in results]
    stops = [sentence(r, f"marts.{mart}") for mart, r in verdicts if r.outcome == "failed"]
    if stops:
        raise GateFailed(" ".join(stops))
    return verdicts

"""The mart gate: every mart that has a suite is judged before anything is published."""

from collections.abc import Collection
from datetime import date
from pathlib import Path

import duckdb

from ckm import audit
from ckm.errors import GateFailed
from ckm.gate import profiles, usual
from ckm.gate.check import gate_session
from ckm.gate.outcome import RuleResult, accepted, sentence
from ckm.gate.suite_files import parameters_asked, read_rules
from ckm.gate.suites import (
    Suite,
    aggregated_columns,
    night_parameters,
    suite_of,
)
from ckm.sources import Company


def judge_marts(
    connection: duckdb.DuckDBPyConnection,
    *,
    suites: Path,
    gx_store: Path,
    night: date,
    company: Company,
    run_id: str,
    accept: Collection[str] = (),
) -> list[tuple[str, RuleResult]]:
    """Run each suite under `expectations/marts/` over its mart and put the verdicts on record.

    Args:
        accept: rules, as `marts.<mart>.<rule>`, that may fail tonight.

    Returns:
        (mart, verdict) of every rule.

    Raises:
        GateFailed: a critical rule does not hold, after all marts were judged and recorded.
    """
    verdicts: list[tuple[str, RuleResult]] = []
    for table in ("gate_results", "gate_profiles"):  # of a first try
        connection.execute(f"delete from audit.{table} where run_id = ? and boundary = 'marts'", [run_id])
    with gate_session(connection, gx_store) as session:
        for file in sorted((suites / "marts").glob("*.json")):
            suite = _suite(connection, suites, file.stem, night, company, run_id)
            results = [
                accepted(result, f"marts.{file.stem}", accept)
                for result in [*session.run(suite.expectations, "marts", file.stem), *suite.settled]
            ]
            audit.record_gate_results(connection, run_id, night, "marts", "marts", file.stem, results)
            verdicts += [(file.stem, result) for result in results]
    connection.execute("drop table if exists gate.broken")
    stops = [sentence(r, f"marts.{mart}") for mart, r in verdicts if r.outcome == "failed"]
    if stops:
        raise GateFailed(" ".join(stops))
    return verdicts


def _suite(
    connection: duckdb.DuckDBPyConnection,
    suites: Path,
    mart: str,
    night: date,
    company: Company,
    run_id: str,
) -> Suite:
    """A mart's suite, filled with what is usual after the last accepted night; tonight's figures go on record."""
    rules = read_rules(suites, f"marts/{mart}")
    asked = parameters_asked(rules)
    tonight = profiles.profile(
        connection, f"marts.{mart}", usual.figures_asked(asked), aggregated_columns(rules)
    )
    before = profiles.nights_before(connection, "marts", "marts", mart, night)
    level = usual.usual_level(asked, before[-1] if before else None, tonight)
    profiles.record(connection, run_id, night, "marts", "marts", mart, tonight)
    parameters = night_parameters(asked, night, company) | level.parameters
    return suite_of(suites, f"marts/{mart}", rules, parameters, level.missing, tonight.filled, tonight.rows)

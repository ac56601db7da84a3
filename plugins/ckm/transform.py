"""Run dbt on the warehouse: layers in, one row of `audit.test_results` per node out."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from ckm.bulk import insert_rows
from ckm.errors import CkmError, GateFailed, safe_reason
from ckm.home import Home
from ckm.sources import Company
from ckm.warehouse import connect

LAYERS_BEFORE_MATCH = ("path:seeds", "staging", "identity.records")
LAYERS_BEFORE_SCORES = ("identity.customers", "star", "scores")
LAYERS_AFTER_SCORES = ("marts",)
_ANY_NIGHT = "2000-01-01"
_PARSED: dict[Path, Any] = {}


@dataclass(frozen=True)
class NodeResult:
    """What dbt says of one model or test."""

    node: str
    resource_type: str
    layer: str
    status: str
    duration_seconds: float
    failures: int | None
    message: str | None


def dbt_vars(company: Company, night: date) -> dict[str, Any]:
    """What the models must be told: the as-of date and the company's conventions."""
    return {
        "as_of_date": night.isoformat(),
        "time_zone": company.time_zone,
        "reporting_currency": company.reporting_currency,
        "week_start": company.week_start,
        "fiscal_year_start_month": company.fiscal_year_start_month,
        "default_customer_type": company.customer_type,
        "zero_value_orders": company.zero_value_orders,
        "churn_save_cost": company.churn_save_cost,
        "churn_save_rate": company.churn_save_rate,
    }


def build(
    home: Home,
    project: Path,
    variables: dict[str, Any],
    layers: tuple[str, ...],
    run_id: str,
    *,
    full_refresh: bool = False,
) -> list[NodeResult]:
    """`dbt build` some layers.

    The variables are also left in `dbt_vars.yml`, for whoever runs dbt's own command on the home.

    Returns:
        The result of each node that ran.

    Raises:
        GateFailed: a test of severity error failed.
        CkmError: a model could not be built.
    """
    home.dbt_vars.write_text(yaml.safe_dump(variables, sort_keys=False))
    command = [
        "build",
        "--exclude-resource-type", "unit_test",  # they test the code, not the night: `make test` runs them
        "--select", *layers,
    ]  # fmt: skip
    if full_refresh:
        command.append("--full-refresh")
    outcome = _invoke(home, project, variables, command)
    if outcome.exception is not None or outcome.result is None:
        raise CkmError(f"dbt could not start: {' '.join(str(outcome.exception).split())[:600]}")
    results = [_node_result(item) for item in outcome.result]
    with connect(home.warehouse) as connection:
        connection.execute(  # a task that is tried again replaces what it said before
            "delete from audit.test_results where run_id = ? and list_contains(?, node)",
            [run_id, [r.node for r in results]],
        )
        insert_rows(
            connection,
            "audit.test_results",
            ("run_id", "as_of_date", *NodeResult.__dataclass_fields__),
            [[run_id, variables["as_of_date"], *astuple(result)] for result in results],
        )
    _raise_for(results, home)
    return results


def write_docs(home: Home, project: Path, variables: dict[str, Any]) -> None:
    """Write dbt's own page on models, columns and lineage to `home.dbt_docs`.

    Nothing is compiled for it: what was parsed and built in this process, and the columns' types, say enough.

    Raises:
        CkmError: dbt could not.
    """
    outcome = _invoke(home, project, variables, ["docs", "generate", "--static", "--no-compile"])
    if not outcome.success:
        raise CkmError(f"dbt could not write its docs: {safe_reason(str(outcome.exception))}.")


def parse(home: Home, project: Path, variables: dict[str, Any]) -> None:
    """Read the dbt project ahead of the first night, for processes that are made of this one.

    Raises:
        CkmError: dbt could not.
    """
    outcome = _parsed(home, project, variables)
    if not outcome.success:
        raise CkmError(f"dbt could not read {project}: {safe_reason(str(outcome.exception))}.")


def _common(home: Home, project: Path, variables: dict[str, Any]) -> list[str]:
    """What every dbt command is told."""
    return [
        "--no-use-colors", "--log-path", str(home.logs), "--log-level-file", "info", "--project-dir", str(project),
        "--profiles-dir", str(project), "--target-path", str(home.dbt / "target"),
        "--vars", yaml.safe_dump(variables),
    ]  # fmt: skip


def _invoke(home: Home, project: Path, variables: dict[str, Any], command: list[str]) -> Any:
    """Run one dbt command with its own options."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    try:
        parsed = _parsed(home, project, variables)
        if not parsed.success:
            return parsed
        # dbt waits for nobody, and lets go of the file between two models
        with connect(home.warehouse), _told_to_profile(home):
            return dbtRunner(manifest=parsed.result).invoke(
                ["--quiet", *command, *_common(home, project, variables)]
            )
    finally:
        DuckDBConnectionManager.close_all_connections()


def _parsed(home: Home, project: Path, variables: dict[str, Any]) -> Any:
    """The dbt project as dbt read it: once per process, and from the home's last reading where nothing has changed.

    dbt reads everything anew when a variable has changed. The date is asked for when a model is compiled, not here, so
    that nights can share what was read.
    """
    from dbt.cli.main import dbtRunner

    if project not in _PARSED:
        common = _common(home, project, variables | {"as_of_date": _ANY_NIGHT})
        with _told_to_profile(home):
            parsed = dbtRunner().invoke(["--quiet", "parse", *common])
        if not parsed.success:
            return parsed
        _PARSED[project] = parsed
    return _PARSED[project]


@contextmanager
def _told_to_profile(home: Home) -> Iterator[None]:
    """The home where profiles.yml looks for it."""
    before = os.environ.get("CKM_HOME")
    os.environ["CKM_HOME"] = str(home.folder.resolve())
    try:
        yield
    finally:
        if before is None:
            del os.environ["CKM_HOME"]
        else:
            os.environ["CKM_HOME"] = before


def _raise_for(results: list[NodeResult], home: Home) -> None:
    broken = [r for r in results if r.status in ("error", "runtime error")]
    failed = [r for r in results if r.status == "fail"]
    log = home.logs / "dbt.log"
    if broken:
        raise CkmError(f"dbt could not build {broken[0].node}: {broken[0].message} (see {log})")
    if failed:
        others = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        raise GateFailed(
            f"dbt test {failed[0].node} fails with {failed[0].failures} rows{others} (see {log})."
        )


def _node_result(item: Any) -> NodeResult:
    node = item.node
    path = node.fqn[1] if len(node.fqn) > 2 else "tests"  # a singular test belongs to no layer
    return NodeResult(
        node=node.name,
        resource_type=str(node.resource_type),
        layer=path,
        status=str(item.status),
        duration_seconds=round(item.execution_time, 3),
        failures=item.failures,
        message=_message(item.message) if str(item.status) not in ("success", "pass") else None,
    )


def _message(text: str | None) -> str | None:
    """dbt's message without its heading, which only names the node once more."""
    lines = [line for line in (text or "").splitlines() if line.strip()]
    return safe_reason(lines[1] if len(lines) > 1 else lines[0]) if lines else None

"""Tables in a task's log, and dbt's results where Airflow's page shows them."""

import io
from collections.abc import Iterable
from typing import Any

import structlog
from airflow.sdk import get_current_context
from rich.console import Console

from ckm.console import WIDTH, table
from ckm.night import Night
from ckm.warehouse import connect

log = structlog.get_logger("ckm.nightly")  # the one kind whose level can be set apart from Airflow's own


def show(shown: Any) -> None:
    """Log a table, line by line, so that it stands in the order of the log and within a page's width."""
    if shown is not None:
        page = Console(file=io.StringIO(), width=WIDTH, highlight=False, no_color=True)
        page.print(shown)
        for line in page.file.getvalue().splitlines():
            log.info(line.rstrip())


def show_failures(night: Night) -> None:
    """Print the nodes and rules of a run that did not hold; they are on record before the step fails."""
    with connect(night.home.warehouse, read_only=True) as connection:
        nodes = connection.execute(
            """select layer, node, status, failures, message from audit.test_results
            where run_id = ? and status not in ('success', 'pass', 'skipped') order by all""",
            [night.run_id],
        ).fetchall()
        rules = connection.execute(
            """select source || '.' || object, rule, outcome, failing_rows, evaluated_rows,
                coalesce(message, description)
            from audit.gate_results
            where run_id = ? and outcome in ('failed', 'object_failed') order by all""",
            [night.run_id],
        ).fetchall()
    if nodes:
        push_models((node, status, None, failures) for _, node, status, failures, _ in nodes)
        columns = ("layer", "node", "status", "failures", "message")
        show(table("what dbt could not pass", columns, nodes))
    if rules:
        columns = ("object", "rule", "outcome", "failing", "rows", "what it says")
        show(table("rules that do not hold", columns, rules))


def push_models(nodes: Iterable[tuple[str, str, float | None, int | None]]) -> None:
    """Leave (name, status, seconds, rows failing) of dbt's nodes where Airflow's page shows them, as XCom `models`."""
    columns = ("name", "status", "seconds", "rows_failing")
    get_current_context()["ti"].xcom_push("models", [dict(zip(columns, node, strict=True)) for node in nodes])

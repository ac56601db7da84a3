"""What a person sees on the terminal and in the task log: tables of results, never raw logs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import duckdb
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table

from ckm.audit import LedgerRow
from ckm.extract import Landed
from ckm.gate.admit import Admitted
from ckm.gate.outcome import RuleResult
from ckm.home import Home
from ckm.publish import Published
from ckm.score import Scored
from ckm.transform import NodeResult

WIDTH = 120


def console(*, stderr: bool = False) -> Console:
    """A console that is as wide in a log as on a screen."""
    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, width=WIDTH, highlight=False, no_color=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A table with numbers to the right; a name that ends in `…` may be folded."""
    rows = list(rows)
    made = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for index, name in enumerate(columns):
        numeric = any(isinstance(row[index], int | float | Decimal) for row in rows)
        made.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*(_text(value) for value in row))
    return made


def step_table(result: Any) -> RenderableType | None:
    """The result of a step of the night as tables, or nothing where there is nothing to show."""
    match result:
        case Published():
            row = (result.version, result.tables, result.status)
            return table("published", ("version", "tables", "status"), [row])
        case Scored():
            return _scored(result)
        case Admitted():
            return Group(ledger_table(result.ledger), _verdicts("raw gates", result.verdicts))
        case [Landed(), *_]:
            rows = [(f"{r.source}.{r.object}", r.rows, r.failure) for r in result]
            return table("landed", ("object", "rows", "failure"), rows)
        case [NodeResult(), *_]:
            return _nodes(result)
        case [(str(), RuleResult()), *_]:
            return _verdicts("mart gates", result)
    return None


def brief(result: Any) -> str:
    """One line on a step's result."""
    match result:
        case Published():
            return result.message or f"version {result.version}, {result.tables} tables"
        case Scored():
            return result.note or f"{result.customers:,} customers in {result.states:,} distinct states"
        case Admitted():
            parts = ("extracted", "loaded", "unchanged", "duplicate", "quarantined")
            return ", ".join(f"{sum(getattr(r, part) for r in result.ledger):,} {part}" for part in parts)
        case [Landed(), *_]:
            failed = sum(r.failure is not None for r in result)
            return f"{sum(r.rows for r in result):,} rows landed" + (
                f", {failed} objects failed" if failed else ""
            )
        case [NodeResult(), *_]:
            return _nodes_title(result)
        case [(str(), RuleResult()), *_]:
            return f"{sum(r.outcome == 'passed' for _, r in result)} of {len(result)} rules hold"
    return ""


def ledger_table(rows: Iterable[LedgerRow]) -> Table:
    """Rows in and out per object."""
    return table(
        "rows in and out",
        ("object", "extracted", "loaded", "unchanged", "duplicate", "quarantined", "status"),
        [
            (
                f"{r.source}.{r.object}",
                r.extracted,
                r.loaded,
                r.unchanged,
                r.duplicate,
                r.quarantined,
                r.status,
            )
            for r in rows
        ],
    )


def summary(home: Home, run_id: str, connection: duckdb.DuckDBPyConnection) -> list[Any]:
    """The end of a run: rows, gates, marts, whom to save, and where everything is.

    Args:
        connection: the published version, open read-only.
    """
    rows = connection.execute(
        """select source || '.' || object, extracted, loaded, unchanged, duplicate, quarantined, status
        from audit.load_ledger where run_id = ? order by 1""",
        [run_id],
    ).fetchall()
    gates = connection.execute(
        """select boundary, count(*), count(*) filter (outcome = 'passed'),
            count(*) filter (outcome = 'quarantined'), count(*) filter (outcome = 'warned'),
            count(*) filter (outcome in ('failed', 'object_failed'))
        from audit.gate_results where run_id = ? group by 1 order by 1 desc""",
        [run_id],
    ).fetchall()
    marts = [
        (mart, connection.execute(f"select count(*) from marts.{mart}").fetchone()[0])
        for (mart,) in connection.execute(
            "select table_name from information_schema.tables where table_schema = 'marts' order by 1"
        ).fetchall()
    ]
    save = connection.execute(
        """
        select left(risk.customer_key, 12) as customer, clv.clv_segment,
            round(risk.churn_probability_90d, 2), round(clv.clv_365d, 2), clv.currency_code,
            round(risk.churn_probability_90d * clv.clv_365d, 2) as at_stake,
            coalesce(risk.driver_1, 'within the usual rhythm')
        from marts.churn_risk as risk
        join marts.clv as clv using (customer_key)
        where risk.churn_probability_90d is not null
        order by at_stake desc nulls last, risk.customer_key
        limit 10
        """
    ).fetchall()
    return [
        table(
            "Rows in and out",
            ("object", "extracted", "loaded", "unchanged", "duplicate", "quarantined", "status"),
            rows,
        ),
        table("Gates", ("boundary", "rules", "passed", "rows set aside", "warned", "failed"), gates),
        table("Marts", ("mart", "rows"), marts),
        table(
            "Ten customers most worth saving (chance of no order in 90 days × value of the next 365 days)",
            ("customer_key", "segment", "churn 90d", "CLV 365d", "", "at stake", "why"),
            save,
        ),
        f"Published: {home.current / 'ckm.duckdb'}",
        f"Parquet:   {home.current / 'parquet'}",
        f"Site:      {home.current / 'site' / 'index.html'}",
    ]


def _scored(result: Scored) -> Table:
    rows = [
        (model, name, getattr(fit.parameters, name), fit.identified, fit.note)
        for model, fit in (("bg_nbd", result.bg), ("gamma_gamma", result.gg))
        if fit
        for name in fit.parameters.__dataclass_fields__
    ]
    title = f"scored {result.customers:,} customers in {result.states:,} distinct states"
    return table(result.note or title, ("model", "parameter", "value", "identified", "note"), rows)


def _verdicts(title: str, verdicts: list[tuple[str, RuleResult]]) -> Table:
    """Rules that did not hold one by one, and per object how many did."""
    passed = Counter(name for name, r in verdicts if r.outcome == "passed")
    held = [
        (name, f"{passed[name]} rules hold", "", "passed", None, None)
        for name in dict(verdicts)
        if passed[name]
    ]
    broken = [
        (name, r.rule, r.severity, r.outcome, r.failing_rows, r.evaluated_rows)
        for name, r in verdicts
        if r.outcome != "passed"
    ]
    return table(
        title,
        ("object", "rule", "severity", "outcome", "failing", "of rows"),
        sorted(held + broken, key=lambda row: row[:2]),
    )


def _nodes_title(results: list[NodeResult]) -> str:
    tests = [r for r in results if r.resource_type in ("test", "unit_test")]
    passed = sum(r.status == "pass" for r in tests)
    return f"dbt: {len(results) - len(tests)} models, {passed} of {len(tests)} tests passed"


def _nodes(results: list[NodeResult]) -> Table:
    """Models one by one; of tests only what did not pass, under their number."""
    shown = [r for r in results if r.resource_type not in ("test", "unit_test") or r.status != "pass"]
    return table(
        _nodes_title(results),
        ("layer", "node", "status", "seconds", "failures"),
        [(r.layer, r.node, r.status, r.duration_seconds, r.failures) for r in shown],
    )


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case Decimal():
            return f"{value:,.2f}"
        case float():
            return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}"
        case _:
            return str(value)

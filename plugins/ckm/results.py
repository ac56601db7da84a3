"""The result of each step of the night, as tables and as one line."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from ckm.audit import LedgerRow
from ckm.churn.scoring import ChurnScored
from ckm.console import table
from ckm.extract import Landed
from ckm.gate.admit import Admitted
from ckm.gate.outcome import RuleResult
from ckm.identity import Matched
from ckm.publish import Published
from ckm.score import Scored
from ckm.standing import Broken, Stale, Standing
from ckm.transform import NodeResult
from ckm.value_model import parameters_of


def step_table(result: Any) -> RenderableType | None:
    """The result of a step of the night as tables, or nothing where there is nothing to show."""
    match result:
        case Published():
            row = (result.version, result.tables, result.status)
            return table("published", ("version", "tables", "status"), [row])
        case (Scored() as valued, ChurnScored() as risks):
            return Group(_scored(valued), _churn_scored(risks))
        case Matched():
            return table(
                "records matched",
                ("records", "compared", "links", "doubtful", "of a customer"),
                [(result.records, result.compared, result.links, result.doubtful, result.with_customer)],
            )
        case Admitted():
            tables = [ledger_table(result.ledger), _verdicts("raw gates", result.verdicts)]
            if result.new_columns:
                tables.append(new_columns_table(result.new_columns))
            return Group(*tables)
        case [Landed(), *_]:
            rows = [(f"{r.source}.{r.object}", r.rows, r.failure) for r in result]
            return table("landed", ("object", "rows", "failure"), rows)
        case [NodeResult(), *_]:
            return _nodes(result)
        case [(str(), RuleResult()), *_]:
            return _verdicts("ledger and mart gates", result)
    return None


def brief(result: Any) -> str:
    """One line on a step's result."""
    match result:
        case Published():
            return result.message or f"version {result.version}, {result.tables} tables"
        case (Scored() as valued, ChurnScored() as risks):
            value = valued.note or f"{valued.customers:,} customers in {valued.states:,} distinct states"
            return f"{value}; {_churn_brief(risks)}"
        case Matched():
            return (
                f"{result.records:,} records, {result.compared:,} compared, {result.links:,} links, "
                f"{result.doubtful:,} doubtful, {result.with_customer:,} of a customer"
            )
        case Admitted():
            parts = ("extracted", "loaded", "unchanged", "duplicate", "quarantined")
            counts = [f"{sum(getattr(r, part) for r in result.ledger):,} {part}" for part in parts]
            if result.new_columns:
                counts.append(f"new columns: {len(result.new_columns)}")
            return ", ".join(counts)
        case [Landed(), *_]:
            failed = sum(r.failure is not None for r in result)
            return f"{sum(r.rows for r in result):,} rows landed" + (
                f", {failed} objects failed" if failed else ""
            )
        case [NodeResult(), *_]:
            return _nodes_title(result)
        case [(str(), RuleResult()), *_]:
            outcomes = Counter(r.outcome for _, r in result)
            waiting = f", {outcomes['skipped']} not yet judged" if outcomes["skipped"] else ""
            return f"{outcomes['passed']} of {len(result)} rules hold{waiting}"
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


def new_columns_table(rows: Iterable[tuple[str, str, bool]]) -> Table:
    """Columns that a source did not have before, and whether anything reads them."""
    return table("new columns of the sources", ("object", "column", "mapped"), rows)


def standing_tables(seen: Standing, published: str | None, note: str) -> list[RenderableType]:
    """How a home stands: its last nights a line each, then what the newest one has to say.

    Args:
        published: the version that readers see.
        note: what else is to be said of it.
    """
    tables: list[RenderableType] = [_nights(seen.runs, published), *([note] if note else [])]
    newest = seen.runs[0] if seen.runs else None
    if newest and newest["message"]:
        tables.append(f"Run {newest['run_id']}: {newest['message']}")
    if seen.warnings:
        tables.append(_broken(f"not held in run {newest['run_id']}", seen.warnings))
    if seen.new_columns:
        tables.append(new_columns_table((c.object, c.column, c.is_mapped) for c in seen.new_columns))
    if seen.run_id:
        tables.append(_stale(f"stale in run {seen.run_id}", seen.stale) if seen.stale else "all fresh")
    if seen.removed:
        rows = [(r.what, r.cutoff, r.rows) for r in seen.removed]
        tables.append(
            table(f"too old to keep, removed by run {seen.run_id}", ("what", "before", "rows"), rows)
        )
    return tables


def _nights(runs: Iterable[dict[str, Any]], published: str | None) -> Table:
    """The last runs: what became of the night and of its rows; an arrow points at the one that readers see."""
    columns = ("run", "", "status", "began (UTC)", "took", "loaded", "quarantined", "not held")
    return table(
        f"last nights; readers see {published or 'nothing'}",
        columns,
        [
            (
                run["run_id"], "←" if published and run["published_version"] == published else "", run["status"],
                f"{run['started_at']:%Y-%m-%d %H:%M}", _length(run["seconds"]), run["loaded"], run["quarantined"],
                run["rules_not_held"],
            )
            for run in runs
        ],
    )  # fmt: skip


def _broken(title: str, rows: Iterable[Broken]) -> Table:
    """Rules and dbt tests that warn or stop."""
    return table(
        title,
        ("object", "rule", "outcome", "failing", "what it says"),
        [(r.object, r.rule, r.outcome, r.failing_rows, r.sentence) for r in rows],
    )


def _stale(title: str, rows: Iterable[Stale]) -> Table:
    """The objects of which the marts show an older state: the night of that state, and why."""
    return table(
        title, ("object", "since", "days", "why"), [(r.object, r.since, r.days, r.why) for r in rows]
    )


def _length(seconds: int | None) -> str:
    """A length as a person says it."""
    if seconds is None:
        return ""
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min {seconds % 60:02} s"


def _scored(result: Scored) -> Table:
    rows = []
    if result.model:
        rows = [
            (name, parameter, number, fit.identified, fit.note)
            for name, parameter, number, _, fit in parameters_of(result.model)
        ]
    title = f"scored {result.customers:,} customers in {result.states:,} distinct states"
    return table(result.note or title, ("model", "parameter", "value", "identified", "note"), rows)


def _churn_brief(result: ChurnScored) -> str:
    if result.kind is None:
        return result.note or ""
    learned = "learned tonight" if result.is_new else result.model_run_id
    return f"churn risk of {result.customers:,} by {result.kind} ({learned})"


def _churn_scored(result: ChurnScored) -> Table:
    rows = [(alarm,) for alarm in (*result.alarms, *([result.note] if result.note else []))]
    rows = rows or [("nothing has moved far",)]
    return table(_churn_brief(result), ("drift",), rows)


def _verdicts(title: str, verdicts: list[tuple[str, RuleResult]]) -> Table:
    """Rules that did not hold one by one, and per object how many did or had nothing to be judged by."""
    counts = Counter((name, r.outcome) for name, r in verdicts)
    said = {"passed": "rules hold", "skipped": "rules not yet judged"}
    held = [
        (name, f"{count} {said[outcome]}", "", outcome, None, None)
        for (name, outcome), count in counts.items()
        if outcome in said
    ]
    broken = [
        (name, r.rule, r.severity, r.outcome, r.failing_rows, r.evaluated_rows)
        for name, r in verdicts
        if r.outcome not in said
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

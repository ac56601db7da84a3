"""Run a suite over one table inside DuckDB, and turn GX's verdicts into rows of `audit.gate_results`.

Which rows break a rule is asked of GX's own condition for that rule, so the reported count and the set of
rows that are set aside can never differ.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import duckdb_engine
import great_expectations as gx
import sqlalchemy as sa
from great_expectations import ExpectationSuite
from great_expectations.core.batch import Batch
from great_expectations.data_context.types.base import (
    DataContextConfig,
    FilesystemStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.expectations.registry import get_metric_kwargs
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import Validator

import ckm.gate.duckdb_gx  # noqa: F401 - registers the data source type `duckdb`
from ckm.gate.outcome import RuleResult, outcome_of


@contextmanager
def gate_session(connection: duckdb.DuckDBPyConnection, store: Path) -> Iterator["GateSession"]:
    """GX at work through a cursor of an open warehouse connection.

    Args:
        store: folder for suites and validation results, from which `build_data_docs` makes its pages.
    """
    _remove_half_written(store)
    context = _context(store)
    datasource = context.data_sources.add_or_update_duckdb(
        name="warehouse",
        connection_string="duckdb:///:memory:",
        kwargs={"creator": lambda: duckdb_engine.ConnectionWrapper(connection.cursor())},
    )
    try:
        yield GateSession(context, datasource)
    finally:
        datasource.get_execution_engine().close()
        datasource.get_engine().dispose()


def build_data_docs(store: Path) -> Path:
    """GX's own pages of the night's results, without samples of values; returns their folder."""
    _context(store).build_data_docs()
    return store / "uncommitted" / "data_docs" / "local_site"


def _remove_half_written(store: Path) -> None:
    """Remove what a process was killed in writing: GX writes it anew, but would read it first."""
    for file in store.rglob("*.json"):
        try:
            json.loads(file.read_bytes())
        except ValueError:
            file.unlink()


def _context(store: Path) -> Any:
    store.mkdir(parents=True, exist_ok=True)
    context = gx.get_context(
        project_config=DataContextConfig(
            store_backend_defaults=FilesystemStoreBackendDefaults(root_directory=str(store)),
            progress_bars=ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        ),
        mode="ephemeral",
    )
    return context


class GateSession:
    """Runs suites over tables of one warehouse."""

    def __init__(self, context: Any, datasource: Any) -> None:
        self.context = context
        self.datasource = datasource

    def run(self, suite: ExpectationSuite, schema: str, table: str) -> list[RuleResult]:
        """Validate one table.

        Returns:
            The results in the order of the suite. The table `gate.broken` (landed_row, rule_number) then
            names each row that breaks a quarantining rule.
        """
        asset_name = suite.name
        asset = self.datasource.add_table_asset(name=asset_name, table_name=table, schema_name=schema)
        definition = asset.add_batch_definition_whole_table("all")
        batch = definition.get_batch()
        validation = gx.ValidationDefinition(name=asset_name, data=definition, suite=suite)
        outcome = self.context.validation_definitions.add_or_update(validation).run(
            result_format={"result_format": "BASIC", "partial_unexpected_count": 0}
        )
        verdicts = {_identity(item.expectation_config): item for item in outcome.results}
        results = [
            _rule_result(expectation, verdicts[_identity(expectation.configuration)])
            for expectation in suite.expectations
        ]
        self._mark_broken_rows(batch, suite, results, schema, table)
        return [
            _with_figures(result, expectation, batch, schema, table)
            for expectation, result in zip(suite.expectations, results, strict=True)
        ]

    def _mark_broken_rows(
        self, batch: Batch, suite: ExpectationSuite, results: list[RuleResult], schema: str, table: str
    ) -> None:
        conditions = {
            number: _condition(batch, expectation)
            for number, (expectation, result) in enumerate(zip(suite.expectations, results, strict=True))
            if (expectation.meta or {}).get("quarantine") and result.failing_rows
        }
        broken = sa.table("broken", sa.column("landed_row"), sa.column("rule_number"), schema="gate")
        judged = sa.table(table, sa.column("landed_row"), schema=schema)
        with batch.data.execution_engine.get_connection() as connection:
            connection.execute(
                sa.text("create or replace table gate.broken (landed_row bigint, rule_number integer)")
            )
            for number, condition in conditions.items():
                rows = sa.select(judged.c.landed_row, sa.literal(number)).where(condition)
                connection.execute(broken.insert().from_select(["landed_row", "rule_number"], rows))
            per_rule = sa.select(broken.c.rule_number, sa.func.count()).group_by(broken.c.rule_number)
            counts = dict(tuple(row) for row in connection.execute(per_rule))
            connection.commit()
        for number in conditions:
            if counts.get(number, 0) != results[number].failing_rows:
                raise RuntimeError(
                    f"rule {results[number].rule} of {suite.name}: GX counts "
                    f"{results[number].failing_rows} rows, its condition finds {counts.get(number, 0)}."
                )


def _with_figures(result: RuleResult, expectation: Any, batch: Batch, schema: str, table: str) -> RuleResult:
    """Of a query that found something, what it found; GX itself says only how many rows.

    Such queries return figures, never values of a row: see `expectations/`.
    """
    query = getattr(expectation, "unexpected_rows_query", None)
    if not isinstance(query, str) or result.message or result.outcome == "passed":
        return result
    with batch.data.execution_engine.get_connection() as connection:
        found = connection.execute(sa.text(query.format(batch=f"(select * from {schema}.{table})")))
        first = found.mappings().first() or {}
        connection.commit()  # what stays open would see the next object's table as it was before
    return replace(result, observed_value=", ".join(f"{name} {value}" for name, value in first.items()))


def _condition(batch: Batch, expectation: Any) -> sa.ColumnElement[bool]:
    """GX's own SQL condition that is true of the rows which break a row rule."""
    configuration = expectation.configuration
    metric = f"{expectation.map_metric}.condition"
    kwargs = get_metric_kwargs(metric, configuration=configuration)
    domain = kwargs["metric_domain_kwargs"] | {"batch_id": batch.id}
    validator = Validator(
        execution_engine=batch.data.execution_engine,
        batches=[batch],
        data_context=batch.datasource.data_context,
    )
    condition, *_ = validator.get_metric(
        MetricConfiguration(
            metric, metric_domain_kwargs=domain, metric_value_kwargs=kwargs["metric_value_kwargs"]
        )
    )
    pair = [domain[key] for key in ("column_A", "column_B") if domain.get(key)]
    for (
        column
    ) in pair:  # a pair rule leaves out rows where either is missing, but its condition does not say so
        condition = sa.and_(condition, sa.column(column).is_not(None))
    return condition


def _rule_result(expectation: Any, verdict: Any) -> RuleResult:
    meta = expectation.meta or {}
    severity = str(getattr(expectation.severity, "value", expectation.severity))
    raised = _exception(verdict)
    values = verdict.result or {}
    observed = values.get("observed_value")
    failing_rows = values.get("unexpected_count")
    return RuleResult(
        rule=meta["rule"],
        aspect=meta.get("aspect", ""),
        description=expectation.description or "",
        severity=severity,
        outcome=outcome_of(
            success=bool(verdict.success),
            raised=raised is not None,
            severity=severity,
            quarantines=bool(meta.get("quarantine")),
            fails_object=bool(meta.get("fails_object")),
            failing_rows=failing_rows,
        ),
        evaluated_rows=values.get("element_count"),
        failing_rows=failing_rows,
        observed_value=None if observed is None else str(observed),
        expected=_expected(expectation.configuration.kwargs),
        message=raised,
        quarantines=bool(meta.get("quarantine")),
    )


def _expected(kwargs: dict[str, Any]) -> str | None:
    """The range that a rule about a whole table allows, as a person would write it."""
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is None and high is None:
        return None
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"{low} or more" if high is None else f"{high} or less"


def _exception(verdict: Any) -> str | None:
    for value in (verdict.exception_info or {}).values():
        if isinstance(value, dict) and value.get("raised_exception"):
            return " ".join(str(value.get("exception_message")).split())[:500]
    if (verdict.exception_info or {}).get("raised_exception") is True:
        return " ".join(str(verdict.exception_info.get("exception_message")).split())[:500]
    return None


def _identity(configuration: Any) -> str:
    """What tells one rule of a suite from another; GX returns results in an order of its own."""
    return str((configuration.meta or {}).get("rule"))

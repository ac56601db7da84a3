"""Great Expectations on DuckDB: the data source that GX lacks.

GX closes its connection before it fetches, which DuckDB's SQLAlchemy driver does not survive; the engine
here holds one connection from first use until `close`. GX also knows no regular expressions for this
dialect; they are registered below. Import this module before loading a context that names `duckdb`.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Literal

import sqlalchemy as sa
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial

# GX warns before every check of a type that it takes SQLAlchemy's own types for a dialect like this one.
logging.getLogger("great_expectations.expectations.type_comparison").setLevel(logging.ERROR)

EngineClass = type[SqlAlchemyExecutionEngine]  # inside the data source, `type` is its name in GX


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
    """GX's SQL engine with one DuckDB connection, held open until `close`."""

    _held: sa.Connection | None = None

    @contextmanager
    def get_connection(self) -> Generator[sa.Connection, None, None]:
        if self._held is None or self._held.closed:
            self._held = self.engine.connect()
        yield self._held

    def close(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None
        super().close()


class DuckDBDatasource(SQLDatasource):
    """`context.data_sources.add_duckdb(name=…, connection_string="duckdb:///file")`."""

    type: Literal["duckdb"] = "duckdb"  # type: ignore[assignment]

    @property
    def execution_engine_type(self) -> EngineClass:
        return DuckDBExecutionEngine


class _MatchRegex(ColumnMapMetricProvider):
    condition_metric_name = "column_values.match_regex"
    condition_value_keys = ("regex",)

    @column_condition_partial(engine=DuckDBExecutionEngine)
    def _condition(cls, column: sa.ColumnElement, regex: str, **_: Any) -> sa.ColumnElement:
        return sa.func.regexp_matches(column, sa.literal(regex))


class _NotMatchRegex(ColumnMapMetricProvider):
    condition_metric_name = "column_values.not_match_regex"
    condition_value_keys = ("regex",)

    @column_condition_partial(engine=DuckDBExecutionEngine)
    def _condition(cls, column: sa.ColumnElement, regex: str, **_: Any) -> sa.ColumnElement:
        return sa.not_(sa.func.regexp_matches(column, sa.literal(regex)))

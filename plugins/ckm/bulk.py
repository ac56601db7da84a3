"""Rows that Python has made, into a table of the warehouse."""

from collections.abc import Collection, Sequence
from typing import Any

import duckdb
import pyarrow as pa


def insert_rows(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], rows: Collection[Sequence[Any]]
) -> None:
    """Insert rows in one statement: `executemany` runs, and outside a transaction commits, one for each of them.

    Args:
        columns: the columns of the table that each row gives, in their order.
    """
    if not rows:
        return
    values = [pa.array(values) for values in zip(*rows, strict=True)]
    connection.register("given_rows", pa.table(values, names=list(columns)))
    try:
        connection.execute(f"insert into {table} by name from given_rows")
    finally:
        connection.unregister("given_rows")

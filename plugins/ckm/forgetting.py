"""Forget what was computed about customers: whoever refuses profiling, is deleted or erased leaves every score."""

from __future__ import annotations

import duckdb

REFUSED = "select customer_key from core.dim_customer_current where not is_profiling_allowed or is_deleted"
"""Of whom nothing may be computed any more, as of the night of the star."""


def forget_scores(connection: duckdb.DuckDBPyConnection, customers: str = REFUSED) -> dict[str, int]:
    """Delete every row about some customers from the tables of the schema `scores`, kept predictions included.

    Tables are found by their column `customer_key`, so that one that is added later is not forgotten.

    Args:
        customers: a query of the keys.

    Returns:
        Table → rows deleted, of the tables that held any.
    """
    tables = connection.execute(
        """select t.table_name from duckdb_tables() as t join duckdb_columns() as c
            on c.table_oid = t.table_oid and c.database_oid = t.database_oid
        where t.schema_name = 'scores' and t.database_name = current_database() and c.column_name = 'customer_key'
        order by t.table_name"""
    ).fetchall()
    deleted = {}
    for (table,) in tables:
        (count,) = connection.execute(
            f"delete from scores.{table} where customer_key in ({customers})"
        ).fetchone()
        if count:
            deleted[table] = count
    return deleted

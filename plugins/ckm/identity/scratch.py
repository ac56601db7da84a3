"""A database in memory in which Splink may make its tables, so that they never reach the home's file."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb


@contextmanager
def scratch(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """(a cursor whose tables are made in memory and go at the end, the quoted name of the home's own database)."""
    (home,) = connection.execute("select current_database()").fetchone()
    cursor = connection.cursor()
    cursor.execute("attach ':memory:' as matching")
    cursor.execute("use matching")
    logging.getLogger("splink").setLevel(logging.ERROR)
    try:
        yield cursor, f'"{home}"'
    finally:
        cursor.execute(f'use "{home}"')
        cursor.execute("detach matching")
        cursor.close()

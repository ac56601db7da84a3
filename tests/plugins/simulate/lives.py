"""Lives of the simulated company, and databases that hold their rows and their truth."""

from datetime import date
from functools import cache

import duckdb
import pyarrow as pa

from ckm.simulate.company import COMPANY
from ckm.simulate.draws import Draws
from ckm.simulate.life import Life, live
from ckm.simulate.truth import hidden_tables

SEED, UNTIL = 7, date(2025, 12, 31)


@cache
def lived(customers: int, until: date = UNTIL, seed: int = SEED) -> Life:
    """The company's life up to the end of `until`."""
    return live(COMPANY, Draws(seed), customers=customers, until=until)


def table(columns: dict) -> pa.Table:
    """An object's rows, `_uid` included."""
    return pa.table(columns)


@cache
def database(customers: int, until: date = UNTIL, seed: int = SEED) -> duckdb.DuckDBPyConnection:
    """The rows of every object as table `<object>`, the truth as tables `truth_<name>`."""
    life, connection = lived(customers, until, seed), duckdb.connect()
    for objects in life.objects.values():
        for name, columns in objects.items():
            connection.register(name, table(columns))
    for name, hidden in hidden_tables(Draws(seed), life).items():
        connection.register(f"truth_{name}", hidden)
    return connection


def one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple:
    """The one row of a query."""
    (row,) = connection.execute(sql).fetchall()
    return row

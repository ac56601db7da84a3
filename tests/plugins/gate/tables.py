"""Empty and small tables to judge: an object's candidates, and the star, scores and marts of a warehouse."""

from pathlib import Path
from typing import Any

import duckdb
import yaml
from tests.conftest import PROJECT

from ckm import warehouse
from ckm.contracts import source_contracts
from ckm.gate.candidates import LINE_UNREADABLE, UNREADABLE, cast_columns

SUITES = PROJECT / "expectations"
MODELS = {
    model["name"]: (file, model)
    for file in (PROJECT / "dbt_project" / "models").rglob("*__models.yml")
    for model in yaml.safe_load(file.read_text("utf-8")).get("models", [])
}
OBJECTS = {
    f"raw/{source}/{name}": contract
    for source, contracts in source_contracts().items()
    for name, contract in contracts.objects.items()
}
MARTS = sorted(f"marts/{file.stem}" for file in (PROJECT / "dbt_project" / "models" / "marts").glob("*.sql"))


def prepare_empty(file: Path) -> duckdb.DuckDBPyConnection:
    """A warehouse whose star, scores and marts are there and empty."""
    connection = duckdb.connect(str(file))
    warehouse.prepare(connection)
    for name, (yml, model) in MODELS.items():
        layer = yml.parent.name
        typed = [f'"{c["name"]}" {c["data_type"]}' for c in model["columns"] if "data_type" in c]
        if typed and layer not in ("staging", "base", "identity"):
            connection.execute(f"create schema if not exists {layer}")
            connection.execute(f"create table {layer}.{name} ({', '.join(typed)})")
    return connection


def table_of(name: str) -> tuple[str, str]:
    """Schema and table that a suite judges."""
    return ("marts", name.split("/")[1]) if name in MARTS else ("gate", "candidates")


def empty_candidates(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """The table `gate.candidates` as it is for an object, without rows."""
    contract = OBJECTS[name]
    columns = {column: spec.duckdb_type for column, spec in contract.columns.items()}
    columns |= {column + UNREADABLE: "varchar" for column in cast_columns(contract)}
    columns |= {"landed_row": "bigint", "contents_per_key": "integer", LINE_UNREADABLE: "varchar"}
    cells = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
    connection.execute(f"create or replace table gate.candidates ({cells})")


def fill(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    """Replace a table's rows; columns that a row does not name are null."""
    connection.execute(f"delete from {table}")
    for row in rows:
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        connection.execute(f"insert into {table} ({names}) values ({marks})", list(row.values()))

"""The tables of a version: star, marts and audit, as a DuckDB file and as Parquet."""

import json
from dataclasses import replace
from pathlib import Path

import duckdb

from ckm import runs
from ckm.contracts import source_contracts
from ckm.errors import CkmError
from ckm.home import Home
from ckm.publish import record
from ckm.publish.version import Version
from ckm.warehouse import literal, quoted

PUBLISHED_SCHEMAS = (
    "core", "about_customers", "for_customers", "from_customers", "co_created", "marts", "audit",
)  # fmt: skip
NEVER_PUBLISHED = ("direct_identifier", "free_text")


def published_tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """(schema, table) of everything that is published, in the order of the schemas; what dbt was killed over is not."""
    rows = connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where not contains(table_name, '__dbt_') order by all"
    ).fetchall()
    return [(s, t) for schema in PUBLISHED_SCHEMAS for s, t in rows if s == schema]


def copy_tables(connection: duckdb.DuckDBPyConnection, home: Home, folder: Path, version: Version) -> Version:
    """Copy tables and views into a new DuckDB file and Parquet folders, with their descriptions.

    How many rows each has goes on record before the audit, which comes last, is copied. The copy's audit says how
    the run ends and that readers were switched to it; the warehouse says so once they have been.

    Returns:
        The version with the rows of each of its tables.

    Raises:
        CkmError: a column that names a person would be published.
    """
    forbidden = _forbidden_columns()
    tables = published_tables(connection)
    comments = _descriptions(home)
    counts: dict[tuple[str, str], int] = {}
    connection.execute(f"attach {literal(str(folder / 'ckm.duckdb'))} as version")
    try:
        for schema, table in tables:
            names = [row[0] for row in connection.execute(f"describe {schema}.{table}").fetchall()]
            leaks = sorted(forbidden & set(names))
            if leaks:
                raise CkmError(
                    f"{schema}.{table}.{leaks[0]} names a person and must not be published: remove it from the model."
                )
            connection.execute(f"create schema if not exists version.{schema}")
            target = f"version.{schema}.{table}"
            if (schema, table) == ("audit", "published_tables"):
                outside = {place: rows for place, rows in counts.items() if place[0] != "audit"}
                runs.record_published_tables(connection, version.run_id, version.as_of_date, outside)
            connection.execute(f"create table {target} as select * from {schema}.{table}")
            if (schema, table) == ("audit", "runs"):
                runs.finish_run(
                    connection, version.run_id, version.status, None, version.version, table=target
                )
            if (schema, table) == ("audit", "publications"):
                record.add(connection, version, "published", table=target)
            (counts[schema, table],) = connection.execute(f"select count(*) from {target}").fetchone()
            for name, text in comments.get(f"{schema}.{table}", {}).items():
                on = f"table {target}" if name == "" else f"column {target}.{quoted(name)}"
                connection.execute(f"comment on {on} is {literal(text)}")
            parquet = folder / "parquet" / schema / table
            parquet.mkdir(parents=True)
            connection.execute(
                f"copy {target} to {literal(str(parquet / f'{table}.parquet'))} (format parquet, compression zstd)"
            )
    finally:
        connection.execute("detach version")
    return replace(version, tables={f"{schema}.{table}": rows for (schema, table), rows in counts.items()})


def _forbidden_columns() -> set[str]:
    return {
        name
        for contract in source_contracts().values()
        for spec in contract.objects.values()
        for name, column in spec.columns.items()
        if column.privacy in NEVER_PUBLISHED
    }


def _descriptions(home: Home) -> dict[str, dict[str, str]]:
    """Descriptions by `schema.table`, then by column ('' for the table), from dbt's manifest."""
    file = home.dbt / "target" / "manifest.json"
    if not file.exists():
        return {}
    nodes = json.loads(file.read_text())["nodes"].values()
    return {
        f"{node['schema']}.{node['name']}": {
            "": " ".join(node["description"].split()),
            **{name: " ".join(c["description"].split()) for name, c in node["columns"].items()},
        }
        for node in nodes
        if node["resource_type"] == "model"
    }

"""Publish: star, marts and audit go into a new version that readers switch to in one rename.

    warehouse.duckdb → published/versions/<id>.new/{ckm.duckdb, parquet/, site/} → <id>/ → published/current

A reader that has the old version open keeps it whole; a reader that opens `current` gets the new one whole.
"""

import json
import os
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from ckm import runs, site
from ckm.contracts import source_contracts
from ckm.errors import CkmError
from ckm.home import Home
from ckm.warehouse import connect, literal, quoted

PUBLISHED_SCHEMAS = (
    "core", "about_customers", "for_customers", "from_customers", "co_created", "marts", "audit",
)  # fmt: skip
KEPT_VERSIONS = 5
NEVER_PUBLISHED = ("direct_identifier", "free_text")


@dataclass(frozen=True)
class Published:
    """What publishing did: `version` is None where an older night must not take the newer one's place."""

    version: str | None
    status: str
    tables: int
    stale: tuple[str, ...]
    message: str | None = None


def publish(home: Home, night: date, run_id: str, company: str) -> Published:
    """Make the version of a run and switch `published/current` to it.

    Raises:
        CkmError: a column that names a person would be published.
    """
    newest = published_night(home)
    with connect(home.warehouse) as connection:
        stale = _stale_objects(connection, run_id)
        if newest is not None and night < newest:
            message = f"{night} is computed; {newest} stays published, because publication never moves back."
            runs.finish_run(connection, run_id, "computed", message, None)
            return Published(None, "computed", 0, stale, message)
        status = "published with stale objects" if stale else "published"
        version = _unused_version(home, run_id)
        folder = home.versions / f"{version}.new"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        tables = _copy_tables(connection, home, folder, night, run_id, status, version)
        (folder / "version.json").write_text(
            json.dumps({"version": version, "run_id": run_id, "as_of_date": night.isoformat()})
        )
        site.write(
            connection, home, folder / "site",
            company=company, night=night, run_id=run_id, status=status, version=version,
        )  # fmt: skip
    _sync(folder)
    folder.rename(home.versions / version)
    _switch(home, version)
    with connect(home.warehouse) as connection:
        runs.finish_run(connection, run_id, status, None, version)
    _prune(home, keep=version)
    return Published(version, status, tables, stale)


def _unused_version(home: Home, run_id: str) -> str:
    """The run's id, with a number where the run has been published before: readers may be in that folder."""
    names = (run_id, *(f"{run_id}-{n}" for n in range(2, 1000)))
    return next(name for name in names if not (home.versions / name).exists())


def published_night(home: Home) -> date | None:
    """The logical date of the version that readers see now."""
    file = home.current / "version.json"
    return date.fromisoformat(json.loads(file.read_text())["as_of_date"]) if file.exists() else None


def published_tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """(schema, table) of everything that is published, in the order of the schemas."""
    rows = connection.execute(
        "select table_schema, table_name from information_schema.tables order by all"
    ).fetchall()
    return [(s, t) for schema in PUBLISHED_SCHEMAS for s, t in rows if s == schema]


def _copy_tables(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    folder: Path,
    night: date,
    run_id: str,
    status: str,
    version: str,
) -> int:
    """Copy tables and views into a new DuckDB file and Parquet folders, with their descriptions.

    How many rows each has goes on record before the audit, which comes last, is copied. The run's own row says in
    the copy how it ends; the warehouse says so once readers have been switched.
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
                runs.record_published_tables(connection, run_id, night, counts)
            connection.execute(f"create table {target} as select * from {schema}.{table}")
            if (schema, table) == ("audit", "runs"):
                runs.finish_run(connection, run_id, status, None, version, table=target)
            if schema != "audit":
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
    return len(tables)


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


def _stale_objects(connection: duckdb.DuckDBPyConnection, run_id: str) -> tuple[str, ...]:
    rows = connection.execute(
        "select source || '.' || object from audit.source_freshness where run_id = ? and status = 'stale' order by 1",
        [run_id],
    ).fetchall()
    return tuple(row[0] for row in rows)


def _sync(folder: Path) -> None:
    """Make sure that the version is on disk before anybody is sent to it."""
    for path in [*(p for p in folder.rglob("*") if p.is_file()), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _switch(home: Home, version: str) -> None:
    link = home.current.with_name("current.new")
    link.unlink(missing_ok=True)
    link.symlink_to(Path("versions") / version)
    link.replace(home.current)


def _prune(home: Home, keep: str) -> None:
    """Remove all but the newest versions, and what a crash left half-made."""
    for half in home.versions.glob("*.new"):
        shutil.rmtree(half, ignore_errors=True)
    by_age = sorted((p for p in home.versions.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)
    for old in [p for p in by_age if p.name != keep][: -KEPT_VERSIONS + 1]:
        shutil.rmtree(old, ignore_errors=True)

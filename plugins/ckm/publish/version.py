"""A published version on disk: what `version.json` says of it, and whether it is whole.

published/versions/<id>/{version.json, ckm.duckdb, parquet/<schema>/<table>/, site/}
"""

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from ckm.errors import safe_reason
from ckm.home import Home
from ckm.warehouse import connect, literal, quoted

FILE = "version.json"


@dataclass(frozen=True)
class Version:
    """What a version says of itself; versions of earlier releases say neither status, nor time, nor tables.

    `status` is how its run ended, `made_at` in UTC, `tables` the rows of each `schema.table`.
    """

    version: str
    run_id: str
    as_of_date: date
    status: str = "published"
    made_at: datetime | None = None
    tables: dict[str, int] | None = None

    def write(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(asdict(self), default=str), "utf-8")


def read(folder: Path) -> Version | None:
    """The version in a folder, or nothing where none is, or only half of one."""
    try:
        said = json.loads((folder / FILE).read_text("utf-8"))
        made_at = said.get("made_at")
        return Version(
            said["version"],
            said["run_id"],
            date.fromisoformat(said["as_of_date"]),
            said.get("status", "published"),
            datetime.fromisoformat(made_at) if made_at else None,
            said.get("tables"),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def current(home: Home) -> Version | None:
    """The version that readers see now."""
    return read(home.current.resolve()) if home.current.exists() else None


def bytes_of(folder: Path) -> int:
    """What a version takes on disk."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def fault_of(folder: Path) -> str | None:
    """What is wrong with a version's files, as the end of a sentence: none where readers can be sent to it.

    Database, Parquet and site must each name the version, and both copies of every table have as many rows as
    `version.json` says.

    Raises:
        LoadRunning: another program has the version's database open for writing.
    """
    said = read(folder)
    if said is None or said.version != folder.name:
        return f"{FILE} is missing or says something else"
    page = folder / "site" / "index.html"
    if not page.is_file() or said.version not in page.read_text("utf-8"):
        return "its site is missing or is another version's"
    database = folder / "ckm.duckdb"
    if not database.is_file():
        return "its ckm.duckdb is missing"
    try:
        with connect(database, read_only=True) as connection:
            return _fault_of_tables(connection, folder, said)
    except duckdb.Error as error:
        return f"its tables cannot be read ({safe_reason(error)})"


def _fault_of_tables(connection: duckdb.DuckDBPyConnection, folder: Path, said: Version) -> str | None:
    tables = connection.execute("select schema_name, table_name from duckdb_tables() order by all").fetchall()
    names = [f"{schema}.{table}" for schema, table in tables]
    if said.tables is not None and set(names) != set(said.tables):
        return "its ckm.duckdb does not hold the tables that it should"
    for schema, table in tables:
        file = folder / "parquet" / schema / table / f"{table}.parquet"
        if not file.is_file():
            return f"{schema}.{table} is missing in its Parquet"
        in_database, in_parquet = connection.execute(
            f"select (select count(*) from {quoted(schema)}.{quoted(table)}), "
            f"(select num_rows from parquet_file_metadata({literal(str(file))}))"
        ).fetchone()
        stated = in_database if said.tables is None else said.tables[f"{schema}.{table}"]
        if not in_database == in_parquet == stated:
            return f"{schema}.{table} has not the same rows in its database and its Parquet"
    named = connection.execute(
        "select 1 from audit.runs where run_id = ? and published_version = ?", [said.run_id, said.version]
    ).fetchone()
    return None if named else "its ckm.duckdb is another version's"

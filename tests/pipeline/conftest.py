"""A company that has lived through three nights, loaded while somebody reads what is published."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from tests.conftest import Finished
from tests.pipeline.faults import dying, night_pages, slow, spoil
from tests.plugins.extract.api import Api, serving

from ckm.home import Home
from ckm.publish import PUBLISHED_SCHEMAS
from ckm.simulate.serve import ComplaintServer

CUSTOMERS, SEED = 400, 1
NIGHTS = ("2025-12-29", "2025-12-30", "2025-12-31")
STAR_AND_MARTS = tuple(schema for schema in PUBLISHED_SCHEMAS if schema != "audit")

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
HOLDER = """
import json, sys, time
from pathlib import Path
import duckdb
database, stop = Path(sys.argv[1]) / "ckm.duckdb", Path(sys.argv[2])
while not database.exists() and not stop.exists():
    time.sleep(0.1)
asked = "select min(as_of_date)::varchar, max(as_of_date)::varchar, count(*), sum(order_count) from marts.customer_360"
with duckdb.connect(str(database), read_only=True) as connection:
    first = connection.execute(asked).fetchone()
    while not stop.exists():
        time.sleep(0.1)
    print(json.dumps([first, connection.execute(asked).fetchone()], default=str))
"""


@dataclass(frozen=True)
class Company:
    """A simulated company, its home, the address of its complaint API, and `ckm` to load it with."""

    folder: Path
    home: Path
    api: str
    ckm: Callable[..., Finished]

    @property
    def sources(self) -> Path:
        return self.folder / "sources.yml"

    def simulate(self, until: str, *options: Any) -> None:
        """Make its systems as they stand at the end of a day; its API has many small pages and is soon given up."""
        made = self.ckm(
            "simulate", self.folder, "--customers", CUSTOMERS, "--seed", SEED, "--until", until, *options
        )
        assert made.code == 0, made.err
        document = yaml.safe_load(self.sources.read_text("utf-8"))
        complaints = document["sources"]["complaints"] | {"attempts": 2, "backoff_seconds": 0.01}
        complaints["full_comparison_days"] = 0  # so that each night asks for what has changed
        for mapping in complaints["objects"].values():
            mapping["page"]["size"] = 5
        document["sources"]["complaints"] = complaints
        self.sources.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), "utf-8")

    def run(self, *options: Any, **environment: str) -> Finished:
        """`ckm run` on its sources and home."""
        return self.ckm(
            "run", "--sources", self.sources, "--home", self.home, *options,
            CKM_COMPLAINTS_URL=self.api, **environment,
        )  # fmt: skip

    def copied(self, folder: Path) -> "Company":
        """The same with its home, in another folder."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return replace(self, folder=folder, home=folder / "home")

    def in_new_home(self, home: Path, night: str) -> "Company":
        """The same, one night of it loaded into another home under this home's secret, which that one does not keep."""
        there = replace(self, home=home)
        secret = Home(self.home).secret(None).decode()
        done = there.run("--date", night, CKM_SECRET=secret)
        assert done.code == 0, done.err
        return there


@contextmanager
def served(folder: Path, **options: Any) -> Iterator[str]:
    """The address of the company's complaint API, served in a thread on a free port."""
    with ComplaintServer(folder, port=0, requests_per_second=1000, **options) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server.url
        server.shutdown()
        thread.join()


@contextmanager
def published(home: Path, version: str = "current") -> Iterator[duckdb.DuckDBPyConnection]:
    """The version that readers see, or one before it, open read-only."""
    folder = home / "published" / (version if version == "current" else f"versions/{version}")
    with duckdb.connect(str(folder / "ckm.duckdb"), read_only=True) as connection:
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


@dataclass(frozen=True)
class Watched:
    """The company after its three nights, what somebody saw who read what was published all the while, and what
    somebody saw first and last who opened the first version and kept it open."""

    company: Company
    reads: int
    seen: list[list[Any]]
    held: list[list[Any]]


def onlooker(program: str, home: Path, stop: Path) -> subprocess.Popen[str]:
    """A process that looks at what a home publishes until a file says stop."""
    return subprocess.Popen(
        [sys.executable, "-c", program, str(home / "published" / "current"), str(stop)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory, ckm: Callable[..., Finished]) -> Iterator[Watched]:
    """400 customers, two years, three nights; read and held open all the while by other processes."""
    folder = tmp_path_factory.mktemp("company")
    home, stop = folder / "home", folder / "stop"
    made = Company(folder, home, "", ckm)
    made.simulate(NIGHTS[-1])
    with served(folder) as api:
        company = replace(made, api=api)
        with onlooker(READER, home, stop) as reader, onlooker(HOLDER, home, stop) as holder:
            try:
                done = company.run("--from", NIGHTS[0], "--to", NIGHTS[-1])
            finally:
                stop.touch()  # or the two, and who waits for them, would go on for ever
            (out, err), (held, complaint) = reader.communicate(timeout=60), holder.communicate(timeout=60)
        assert done.code == 0, done.err
        assert (reader.returncode, holder.returncode) == (0, 0), err + complaint
        yield Watched(company, **json.loads(out), held=json.loads(held))


@pytest.fixture(scope="session")
def company(watched: Watched) -> Company:
    """The company after its three nights, for tests that only look."""
    return watched.company


@pytest.fixture
def copy_of(tmp_path: Path, company: Company) -> Company:
    """The company with its home, to do with as a test likes."""
    return company.copied(tmp_path / "company")


@pytest.fixture(scope="session")
def caught_up(tmp_path_factory: pytest.TempPathFactory, company: Company) -> Company:
    """The company without its truth, loaded by one night, the last, into a home of its own."""
    folder = tmp_path_factory.mktemp("caught_up")
    shutil.copytree(company.folder, folder / "company", ignore=shutil.ignore_patterns("truth", "home"))
    return replace(company, folder=folder / "company").in_new_home(folder / "home", NIGHTS[-1])


BROKEN, HEALED = "2026-01-09", "2026-01-20"


@dataclass(frozen=True)
class Later:
    """The company in January: a night on which its systems break, and one on which they are whole again."""

    company: Company
    broken: Finished
    status: dict[str, Any]
    checked: Finished
    spoilt_line: str
    tokens: list[str]
    """Of the second night's pages of complaint events, the tokens with which they were asked for."""


@pytest.fixture(scope="session")
def later(tmp_path_factory: pytest.TempPathFactory, company: Company) -> Later:
    """On the first night an API that gives a web page and then dies half-way through a body, a table without a
    column, a column of numbers become words, and one word for a number; on the second a token that expires."""
    copy = company.copied(tmp_path_factory.mktemp("later") / "company")
    copy.simulate(BROKEN)
    line = spoil(copy.folder / "crm.db")
    with served(copy.folder) as real, serving(Api([])) as api:
        api.reply = partial(dying, api, real)
        broken = replace(copy, api=api.url).run("--date", BROKEN)
    status = json.loads(copy.ckm("status", "--home", copy.home, "--json").out)
    checked = copy.ckm("check", "--sources", copy.sources, CKM_COMPLAINTS_URL=copy.api)
    copy.simulate(HEALED)
    with served(copy.folder, token_seconds=1) as real, serving(Api([])) as api:
        api.reply = partial(slow, api, real)
        done = replace(copy, api=api.url).run("--date", HEALED)
        pages = night_pages(api)
    assert done.code == 0, done.err
    return Later(copy, broken, status, checked, line, [page.headers["Authorization"] for page in pages])

"""What retention lets go of, and what it must not: whatever a later night still needs."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from tests.conftest import Finished
from tests.plugins.gate.loading import Gate
from tests.plugins.records import NIGHTS, recorded

from ckm import nightly, quarantine, retention, warehouse
from ckm.fields import Retention
from ckm.gate import profiles
from ckm.gate.profiles import NIGHTS_COMPARED
from ckm.home import Home
from ckm.night import Night
from ckm.quarantine import Choice
from ckm.retention import Removed
from ckm.sources import load_sources
from ckm.warehouse import connect

NIGHT = date(2025, 6, 30)
LOG = """
    insert into raw_{} (row_key, version_number, content_hash, known_on, is_deleted, run_id)
    values (?, ?, ?, ?, ?, 'r')
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    with connect(made.warehouse) as connection:
        warehouse.prepare(connection)
    return made


def fill(home: Home, sql: str, values: list[list[Any]]) -> None:
    with connect(home.warehouse) as connection:
        connection.begin()  # a commit for each row would take a minute
        connection.executemany(sql, values)
        connection.commit()


def rows(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with connect(home.warehouse, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def apply(home: Home, night: date = NIGHT, **keep: Any) -> list[Removed]:
    return retention.apply(home, Retention(**keep), night, f"{night}.1")


class TestAudit:
    @pytest.fixture
    def nights(self, home: Home) -> list[date]:
        """Ten nights, each on record in every table that ages and in those that do not."""
        nights = [NIGHT - timedelta(days=days) for days in range(10)]
        for table in (*retention.AUDIT, "runs", "load_ledger"):
            if table not in ("retention", "gate_profiles"):
                fill(
                    home,
                    f"insert into audit.{table} (run_id, as_of_date) values (?, ?)",
                    [[f"{n}.1", n] for n in nights],
                )
        return nights

    def test_what_is_older_goes_but_runs_and_ledger_stay(self, home: Home, nights: list[date]) -> None:
        removed = apply(home, audit_days=4)
        cutoff = NIGHT - timedelta(days=4)
        assert removed == [
            Removed(f"audit.{table}", cutoff, 5)
            for table in retention.AUDIT
            if table not in ("retention", "gate_profiles")
        ]
        for table in ("gate_results", "column_lineage", "source_freshness"):
            assert rows(home, f"select min(as_of_date), count(*) from audit.{table}") == [(cutoff, 5)]
        assert (
            rows(home, "select count(*) from audit.runs union all select count(*) from audit.load_ledger")
            == [(10,)] * 2
        )

    def test_it_is_on_record_and_the_same_night_removes_nothing_more(
        self, home: Home, nights: list[date]
    ) -> None:
        removed = apply(home, audit_days=4)
        assert apply(home, audit_days=4) == []
        with connect(home.warehouse, read_only=True) as connection:
            assert retention.removed_by(connection, f"{NIGHT}.1") == removed
            assert retention.removed_by(connection, "another") == []

    def test_older_night_that_runs_again_removes_nothing(self, home: Home, nights: list[date]) -> None:
        apply(home, audit_days=4)
        assert apply(home, NIGHT - timedelta(days=3), audit_days=4) == []

    def test_nights_that_rules_compare_with_stay_however_old(self, home: Home) -> None:
        nights = [NIGHT - timedelta(days=days) for days in range(60)]
        with connect(home.warehouse) as connection:
            connection.begin()
            for number, night in enumerate(nights):
                accepted = number % 3 > 0  # every third failed
                for boundary, source, name in (("raw", "crm", "orders"), ("marts", "marts", "clv")):
                    figures = profiles.Profile(
                        rows=number, days=1, means={"a": (1.0, 0.5, 9)}, filled={"a": 9}
                    )
                    profiles.record(connection, f"{night}.1", night, boundary, source, name, figures)
                connection.execute(
                    "insert into audit.load_ledger (run_id, as_of_date, source, object, status) values (?, ?, ?, ?, ?)",
                    [f"{night}.1", night, "crm", "orders", "loaded" if accepted else "failed"],
                )
                connection.execute(
                    "insert into audit.runs (run_id, as_of_date, status) values (?, ?, ?)",
                    [f"{night}.1", night, "published" if accepted else "failed"],
                )
            connection.commit()

        def compared() -> list[Any]:
            with connect(home.warehouse, read_only=True) as connection:
                tomorrow = NIGHT + timedelta(days=1)
                return [
                    profiles.nights_before(connection, *table, tomorrow)
                    for table in (("raw", "crm", "orders"), ("marts", "marts", "clv"))
                ]

        before = compared()
        (removed,) = apply(home, audit_days=1)
        assert removed.what == "audit.gate_profiles" and compared() == before
        assert [len(nights) for nights in before] == [NIGHTS_COMPARED + 1] * 2
        assert rows(home, "select distinct as_of_date from audit.gate_profiles order by 1")[0][0] > nights[-1]


class TestQuarantine:
    """A shop that is read whole each night, with a customer whose date cannot be read."""

    HEAD, SOUND = "No,Name,Born\n", "1,Meyer,1980-01-31\n"
    BROKEN = "2,Schulze,31.01.1980\n"
    RULE = "crm.customers.birth_date_is_readable"
    CUSTOMERS = {  # noqa: RUF012 - not changed
        "file": "customers.csv", "columns": {"customer_id": "No", "last_name": "Name", "birth_date": "Born"},
    }  # fmt: skip

    @pytest.fixture
    def gate(self, home: Home, tmp_path: Path) -> Any:
        connection = duckdb.connect(str(home.warehouse))
        yield Gate(tmp_path, connection)
        connection.close()

    @pytest.fixture
    def file(self, gate: Gate, write_sources: Any) -> Path:
        made = write_sources({"customers": self.CUSTOMERS}, full_comparison_days=1)
        gate.load(made, "2025-01-01", {"customers.csv": self.HEAD + self.SOUND + self.BROKEN})
        return made

    def keep(self, gate: Gate, home: Home, night: str) -> list[Removed]:
        return apply(home, date.fromisoformat(night), audit_days=9999, quarantine_days=10)

    def test_row_that_waits_is_never_forgotten(self, gate: Gate, home: Home, file: Path) -> None:
        assert self.keep(gate, home, "2035-01-01") == []
        quarantine.queue(gate.connection, load_sources(file), Choice(self.RULE))
        assert self.keep(gate, home, "2035-01-01") == []

    def test_decision_stands_as_long_as_the_system_sends_the_row(
        self, gate: Gate, home: Home, file: Path
    ) -> None:
        quarantine.discard(gate.connection, Choice(self.RULE), "a test")
        for night in ("2025-01-20", "2025-02-20"):
            assert gate.load(file, night, {})["customers"].suppressed == 1
            assert self.keep(gate, home, night) == []
        # The system is silent for a while: nobody has seen that the row is gone.
        assert self.keep(gate, home, "2025-03-20") == []
        gate.load(file, "2025-03-21", {"customers.csv": self.HEAD + self.SOUND})
        assert self.keep(gate, home, "2025-03-02") == []  # not yet ten days
        assert self.keep(gate, home, "2025-03-21") == [Removed("quarantine.rows", date(2025, 3, 11), 1)]
        assert gate.rows("select count(*) from quarantine.rows") == [(0,)]

    def test_mended_row_is_forgotten_once_the_system_has_it_right(
        self, gate: Gate, home: Home, file: Path
    ) -> None:
        quarantine.queue(gate.connection, load_sources(file), Choice(self.RULE), mend={"Born": "1980-01-31"})
        gate.load(file, "2025-01-02", {})
        gate.load(file, "2025-02-02", {})
        assert self.keep(gate, home, "2025-02-02") == []
        assert gate.load(file, "2025-02-03", {})["customers"].unchanged == 2
        right = self.BROKEN.replace("31.01.1980", "1980-01-31")
        gate.load(file, "2025-02-04", {"customers.csv": self.HEAD + self.SOUND + right})
        assert [r.rows for r in self.keep(gate, home, "2025-02-20")] == [1]
        row = gate.load(file, "2025-02-21", {})["customers"]
        assert (row.unchanged, row.quarantined) == (2, 0)

    def test_replaced_row_goes_after_its_days(self, gate: Gate, home: Home, file: Path) -> None:
        right = self.BROKEN.replace("31.01.1980", "1980-01-31")
        gate.load(file, "2025-02-04", {"customers.csv": self.HEAD + self.SOUND + right})
        assert gate.rows("select status, settled_on from quarantine.rows") == [("replaced", date(2025, 2, 4))]
        assert self.keep(gate, home, "2025-02-14") == []
        assert [r.rows for r in self.keep(gate, home, "2025-02-15")] == [1]


def known(home: Home, log: str, night: date) -> list[tuple[Any, ...]]:
    """What the raw log says of a night."""
    return rows(
        home,
        f"""
        select row_key, version_number, content_hash, known_on from raw_{log} where known_on <= date '{night}'
        qualify version_number = max(version_number) over (partition by row_key) and not is_deleted order by all
        """,
    )


class TestRaw:
    CUTOFF = NIGHT - timedelta(days=10)

    @pytest.fixture
    def history(self, home: Home) -> Home:
        """200 keys of two objects over a month: versions, several on a day, deletions, keys that come back."""
        draw = random.Random(1)
        for log in ("crm.orders", "crm.customers"):
            versions = []
            for key in range(200):
                day, deleted = NIGHT - timedelta(days=draw.randint(0, 30)), False
                for number in range(1, draw.randint(2, 6)):
                    deleted = number > 1 and not deleted and draw.random() < 0.4
                    versions.append([str(key), number, f"{key}.{number}", day, deleted])
                    day = min(NIGHT, day + timedelta(days=draw.choice((0, 1, 5, 12))))
            fill(home, LOG.format(log), versions)
        return home

    def test_each_night_from_the_cutoff_on_is_known_as_before(self, history: Home) -> None:
        nights = [self.CUTOFF + timedelta(days=days) for days in range(11)]
        before = [known(history, log, night) for log in ("crm.orders", "crm.customers") for night in nights]
        removed = apply(history, raw_days=10)
        assert [one.what for one in removed] == ["raw_crm.customers", "raw_crm.orders"] or [
            one.what for one in removed
        ] == ["raw_crm.orders", "raw_crm.customers"]
        assert [
            known(history, log, night) for log in ("crm.orders", "crm.customers") for night in nights
        ] == before
        assert apply(history, raw_days=10) == []

    def test_nothing_stays_that_no_such_night_knows(self, history: Home) -> None:
        apply(history, raw_days=10)
        superseded = f"""
            select count(*) from raw_{{}} as old where exists (
                from raw_{{}} as newer where newer.row_key = old.row_key and newer.known_on <= '{self.CUTOFF}'
                    and newer.version_number > old.version_number)
        """
        gone = f"""
            select count(*) from (
                select row_key, max(known_on) as last, arg_max(is_deleted, version_number) as is_deleted
                from raw_{{}} group by row_key
            ) where is_deleted and last <= '{self.CUTOFF}'
        """
        for log in ("crm.orders", "crm.customers"):
            assert rows(history, superseded.format(log, log)) == [(0,)]
        assert rows(history, gone.format("crm.orders")) == [(0,)]
        # Facts of a deleted customer still have his key, which comes from his last version.
        assert rows(history, gone.format("crm.customers"))[0][0] > 10

    def test_earlier_night_is_refused_before_anything_changes(
        self, history: Home, tmp_path: Path, ckm: Callable[..., Finished], write_sources: Callable[..., Path]
    ) -> None:
        apply(history, raw_days=10)
        sources = write_sources({"products": {"file": "p.csv", "columns": {"product_id": "sku"}}})
        (tmp_path / "p.csv").write_text("sku\n1\n")
        night = self.CUTOFF - timedelta(days=1)
        done = ckm("run", "--sources", sources, "--home", history.folder, "--date", night)
        assert done.code == 2 and "Traceback" not in done.err
        assert (
            f"{night} cannot be computed any more" in done.err
            and f"give {self.CUTOFF} or a later date" in done.err
        )
        assert rows(history, "select count(*) from audit.runs") == [(0,)]

    def test_without_raw_days_all_stays(self, history: Home) -> None:
        assert apply(history) == []

    def test_history_that_a_system_still_shows_does_not_come_back(
        self, home: Home, tmp_path: Path, write_sources: Any
    ) -> None:
        """An export of each year stays in the folder: the price of last year's stands beside this year's."""
        products = {
            "file": "items_*.csv",
            "columns": {"product_id": "No", "list_price": "Price", "updated_at": "At"},
        }
        file = write_sources({"products": products}, full_comparison_days=1)
        exports = {
            "items_2024.csv": "No,Price,At\n1,10,2024-03-01\n2,20,2024-03-01\n",
            "items_2025.csv": "No,Price,At\n1,11,2025-03-01\n",
        }
        with connect(home.warehouse) as connection:
            Gate(tmp_path, connection).load(file, "2025-04-01", exports)
        versions = (
            "select product_id, version_number, list_price, known_on from raw_crm.products order by all"
        )
        assert len(rows(home, versions)) == 3
        assert [r.rows for r in apply(home, date(2025, 6, 1), raw_days=30)] == [1]
        standing = rows(home, versions)
        with connect(home.warehouse) as connection:
            gate = Gate(tmp_path, connection)
            gate.runs = 1
            row = gate.load(file, "2025-06-02", {})["products"]
            assert (row.extracted, row.unchanged, row.loaded, row.renewed) == (3, 3, 0, 0)
            # What the system says now is taken in, be it as old as it may.
            row = gate.load(file, "2025-06-03", {"items_2025.csv": "No,Price,At\n"})["products"]
            assert row.loaded == 1
        assert rows(home, versions)[:1] == standing[:1]


def test_old_logs_go_and_what_a_killed_process_left_on_disk(home: Home) -> None:
    home.logs.mkdir()
    spilled = Path(f"{home.warehouse}.tmp")
    spilled.mkdir()
    (spilled / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(bytes(9))
    for name, days in (("dbt.log", 0), ("dbt.log.1", 30), ("dbt.log.2", 31)):
        (home.logs / name).write_text("x")
        moment = (NIGHT - date(1970, 1, 1)).total_seconds() - days * 86400 + 3600
        os.utime(home.logs / name, (moment, moment))
    assert apply(home) == [Removed("logs", NIGHT - timedelta(days=30), 1)]
    assert sorted(path.name for path in home.logs.iterdir()) == ["dbt.log", "dbt.log.1"]
    assert not spilled.exists()


KILLED = """
import os, signal, sys
from datetime import date
from pathlib import Path
from ckm import retention
from ckm.fields import Retention
from ckm.home import Home
retention._raw = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
retention.apply(Home(Path(sys.argv[1])), Retention(audit_days=4, raw_days=4), date.fromisoformat(sys.argv[2]), "r")
"""


def test_killed_while_removing_it_has_removed_nothing_and_the_next_time_all(home: Home) -> None:
    fill(home, "insert into audit.run_steps (run_id, as_of_date) values ('r', ?)", [["2025-01-01"]])
    killed = subprocess.run([sys.executable, "-c", KILLED, str(home.folder), str(NIGHT)])
    assert killed.returncode == -signal.SIGKILL
    assert rows(home, "select count(*) from audit.run_steps") == [(1,)]
    assert [one.what for one in apply(home, audit_days=4)] == ["audit.run_steps"]


class TestNight:
    @pytest.fixture
    def night(self, tmp_path: Path) -> Night:
        """Three nights on record, the last about to be published."""
        made = recorded(tmp_path)
        with (tmp_path / "sources.yml").open("a") as sources:
            sources.write("retention: {audit_days: 1}\n")
        with connect(made.home.warehouse) as connection:
            connection.execute("create schema marts")
            connection.execute("create table marts.clv as select 1 as frequency")
        return made.night

    def test_published_night_lets_go_of_what_its_sources_yml_says(self, night: Night) -> None:
        published = nightly.publish(night)
        assert published.version and published.message is None
        assert rows(night.home, "select min(as_of_date) from audit.gate_results") == [(NIGHTS[1],)]
        assert ("audit.gate_results", 3) in rows(night.home, "select what, rows from audit.retention")

    def test_night_is_published_even_if_it_cannot(
        self, night: Night, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(*_: Any) -> None:
            raise duckdb.IOException("no room")

        monkeypatch.setattr(retention, "apply", fails)
        published = nightly.publish(night)
        assert published.version and "what is too old stays for a night" in str(published.message)
        assert rows(night.home, "select status from audit.runs where as_of_date = '2025-01-03'") == [
            ("published",)
        ]


def test_status_says_what_the_newest_night_removed(home: Home, ckm: Callable[..., Finished]) -> None:
    run = f"insert into audit.runs (run_id, as_of_date, status, started_at) values (?, ?, 'published', '{NIGHT}')"
    fill(home, run, [[f"{NIGHT}.1", NIGHT]])
    fill(
        home,
        "insert into audit.source_freshness (run_id, as_of_date, status) values (?, ?, 'fresh')",
        [[f"{NIGHT}.1", NIGHT]],
    )
    fill(home, "insert into audit.run_steps (run_id, as_of_date) values ('r', ?)", [["2020-01-01"]] * 1234)
    apply(home)
    said = " ".join(ckm("status", "--home", home.folder).out.split())
    assert f"too old to keep, removed by run {NIGHT}.1" in said and "audit.run_steps 2024-05-26 1,234" in said
    shown = yaml.safe_load(ckm("status", "--home", home.folder, "--json").out)["removed"]
    assert shown == [{"what": "audit.run_steps", "cutoff": "2024-05-26", "rows": 1234}]

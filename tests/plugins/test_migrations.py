"""`ckm migrate`: a home of an earlier release becomes what a new one is, wholly, whenever it is killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.conftest import Finished

from ckm import __version__, migrations, nightly, warehouse
from ckm.errors import ConfigurationError
from ckm.home import Home, hmac_pads
from ckm.migrations import MIGRATIONS, Migration
from ckm.settings import load_settings
from ckm.warehouse import SCHEMA_VERSION, connect

FIRST_RELEASE = (Path(__file__).parent / "schema_1.sql").read_text()
HELD = """
    insert into quarantine.rows (quarantine_id, status, last_seen_on, decided_at) values
        ('1', 'open', '2025-01-02', null), ('2', 'replaced', '2025-01-03', null),
        ('3', 'discarded', '2025-01-04', '2025-02-01 23:00:00')
"""
RUN = """
    insert into audit.runs (run_id, as_of_date, status, started_at)
    values ('r', '2025-01-04', 'published', '2025-01-05 03:00:00')
"""
COLUMNS = """
    select schema_name, table_name, column_name, data_type, is_nullable, column_index
    from duckdb_columns() where database_name = current_database() and not internal order by all
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home as the first release left it."""
    made = Home(tmp_path / "home")
    made.make()
    key = b"the key that this home was built with"
    (made.folder / "secret.key").write_bytes(key)
    with connect(made.warehouse) as connection:
        connection.execute(FIRST_RELEASE)
        connection.execute("delete from secrets.customer_key_pads")
        connection.execute("insert into secrets.customer_key_pads values (?, ?)", list(hmac_pads(key)))
        connection.execute(RUN)
        connection.execute(HELD)
    return made


def rows(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with connect(home.warehouse, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_migrated_home_has_the_tables_of_a_new_one(home: Home, ckm: Callable[..., Finished]) -> None:
    assert ckm("migrate", "--home", home.folder).code == 0
    with connect(home.folder / "new.duckdb") as connection:
        warehouse.prepare(connection)
        made_new = connection.execute(COLUMNS).fetchall()
    assert rows(home, COLUMNS) == made_new


def test_home_from_before_the_first_release_gets_the_columns_that_nights_used_to_add(home: Home) -> None:
    with connect(home.warehouse) as connection:
        lacking = ["alter table raw_crm.products drop column unmapped", "drop table audit.gate_profiles"]
        lacking += [
            "alter table audit.runs drop column rules_hash",
            "alter table audit.load_ledger drop column renewed",
        ]
        for statement in lacking:
            connection.execute(statement)
        for migration in migrations.outstanding(connection):
            migrations.migrate(connection, migration)
        warehouse.prepare(connection)
        columns = {row[:3] for row in connection.execute(COLUMNS).fetchall()}
    assert {
        ("raw_crm", "products", "unmapped"), ("audit", "gate_profiles", "metric"), ("audit", "runs", "rules_hash"),
        ("audit", "load_ledger", "renewed"),
    } <= columns  # fmt: skip


def test_rows_stay_and_settled_ones_get_the_day_on_which_they_were(
    home: Home, ckm: Callable[..., Finished]
) -> None:
    ckm("migrate", "--home", home.folder)
    assert rows(home, "select quarantine_id, settled_on from quarantine.rows order by 1") == [
        ("1", None), ("2", date(2025, 1, 3)), ("3", date(2025, 2, 1)),
    ]  # fmt: skip
    assert rows(home, "select run_id, status from audit.runs") == [("r", "published")]


def test_command_says_what_it_will_do_did_and_has_done(home: Home, ckm: Callable[..., Finished]) -> None:
    planned = ckm("migrate", "--home", home.folder, "--dry-run", "--json")
    assert [(row["schema"], row["state"]) for row in json.loads(planned.out)] == [
        (migration.number, "to do") for migration in MIGRATIONS
    ]
    assert "Nothing has changed" in ckm("migrate", "--home", home.folder, "--dry-run").out
    with connect(home.warehouse, read_only=True) as connection:
        assert warehouse.schema_version(connection) == 1
    done = ckm("migrate", "--home", home.folder)
    assert done.code == 0 and MIGRATIONS[0].says.split(",")[0] in " ".join(done.out.split())
    before = home.warehouse.read_bytes()
    again = ckm("migrate", "--home", home.folder)
    assert again.code == 0 and "nothing to do" in " ".join(again.out.split())
    assert home.warehouse.read_bytes() == before
    assert rows(home, "select version, ckm_version from audit.schema_versions order by version") == [
        (migration.number, __version__) for migration in MIGRATIONS
    ]


def test_night_on_a_home_of_an_earlier_release_is_refused_before_anything_changes(
    home: Home, tmp_path: Path, ckm: Callable[..., Finished], write_sources: Callable[..., Path]
) -> None:
    sources = write_sources({"products": {"file": "p.csv", "columns": {"product_id": "sku"}}})
    (tmp_path / "p.csv").write_text("sku\n1\n")
    for command in (
        ("run", "--sources", sources, "--home", home.folder, "--date", "2025-01-05"),
        ("check", "--sources", sources, "--home", home.folder),
        ("quarantine", "list", "--home", home.folder),
    ):
        done = ckm(*command)
        assert done.code == 2 and "Traceback" not in done.err, done
        assert (
            f"this home was made by an earlier release (schema 1, this one needs {SCHEMA_VERSION}): back it up with "
            "ckm backup and run ckm migrate." in done.err
        )
    assert rows(home, "select count(*) from audit.runs") == [(1,)]
    assert ckm("status", "--home", home.folder).code == 0


def test_home_of_a_newer_release_is_refused(home: Home, ckm: Callable[..., Finished]) -> None:
    ckm("migrate", "--home", home.folder)
    with connect(home.warehouse) as connection:
        connection.execute(
            "insert into audit.schema_versions values (99, '9.1.0', '2030-01-01', 'Fly.', false)"
        )
    for command in (("migrate",), ("migrate", "--dry-run"), ("quarantine", "list")):
        done = ckm(*command, "--home", home.folder)
        assert done.code == 2 and "made by a newer release (schema 99" in done.err, done
        assert "install ckm 9.1.0 or a later one" in done.err


def test_home_that_is_none_or_held_says_so(home: Home, tmp_path: Path, ckm: Callable[..., Finished]) -> None:
    assert "holds no warehouse yet" in ckm("migrate", "--home", tmp_path / "none").err
    assert not (tmp_path / "none").exists()
    with home.lock():
        assert ckm("migrate", "--home", home.folder).code == 3


KILLED = """
import os, signal, sys
from pathlib import Path
import duckdb
from ckm import migrations
from ckm.migrations import Migration
from ckm.warehouse import connect

def dies(connection):
    connection.execute("create table audit.half (a integer)")
    os.kill(os.getpid(), signal.SIGKILL)

steps = (*migrations.MIGRATIONS, Migration(migrations.MIGRATIONS[-1].number + 1, "One more.", dies))
with connect(Path(sys.argv[1])) as connection:
    for step in migrations.outstanding(connection, steps):
        migrations.migrate(connection, step)
"""


def test_killed_migration_leaves_the_home_at_one_version_or_the_next(home: Home) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(home.warehouse)], env=dict(os.environ))
    assert killed.returncode == -signal.SIGKILL
    last = Migration(
        SCHEMA_VERSION + 1, "One more.", lambda c: c.execute("create table audit.half (a integer)")
    )
    with connect(home.warehouse) as connection:
        assert warehouse.schema_version(connection) == SCHEMA_VERSION
        assert "half" not in {
            name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()
        }
        steps = migrations.outstanding(connection, (*MIGRATIONS, last))
        assert steps == [last]
        migrations.migrate(connection, last)
        assert warehouse.schema_version(connection) == last.number


def test_migration_that_fails_changes_nothing(home: Home) -> None:
    def fails(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("drop table audit.runs")
        connection.execute("select nonsense")

    with connect(home.warehouse) as connection:
        with pytest.raises(duckdb.Error):
            migrations.migrate(connection, Migration(2, "It fails.", fails))
        assert warehouse.schema_version(connection) == 1


def test_rebuild_that_a_migration_asks_for_is_asked_until_a_night_has_done_it() -> None:
    asks = Migration(3, "Other columns of the star.", lambda c: None, asks_full_refresh=True)
    with duckdb.connect() as connection:
        warehouse.prepare(connection)
        assert not migrations.asks_full_refresh(connection)
        migrations.migrate(connection, asks)
        (at,) = connection.execute("select max(migrated_at) from audit.schema_versions").fetchone()
        night = "insert into audit.runs (run_id, status, full_refresh, started_at) values (?, ?, ?, ?)"
        for status, rebuilt, began, still in (
            ("published", True, datetime(2020, 1, 1), True),  # before it was asked for
            ("failed", True, at, True),
            ("published", False, at, True),
            ("published with stale objects", True, at, False),
        ):
            connection.execute(night, [status, status, rebuilt, began])
            assert migrations.asks_full_refresh(connection) is still, status


def test_night_after_it_rebuilds_and_reads_the_sources_all_the_same(
    home: Home, tmp_path: Path, write_sources: Callable[..., Path]
) -> None:
    sources = write_sources({"products": {"file": "p.csv", "columns": {"product_id": "sku"}}})
    settings = load_settings(home=home.folder, sources=sources)
    with connect(home.warehouse) as connection:
        for migration in MIGRATIONS:
            migrations.migrate(connection, migration)
    for asked in (False, True):
        if asked:
            with connect(home.warehouse) as connection:
                warehouse.record_version(connection, SCHEMA_VERSION, "Other columns.", asks_full_refresh=True)
        night = nightly.prepare(settings, sources, date(2025, 1, 5))
        assert (night.full_refresh, night.extracts) == (asked, True)


def test_half_a_new_home_is_none(tmp_path: Path) -> None:
    with connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("create schema secrets")
        connection.execute("create table secrets.customer_key_pads (inner_pad varchar, outer_pad varchar)")
        connection.execute("insert into secrets.customer_key_pads values ('aa', 'bb')")
        with pytest.raises(ConfigurationError, match="not the one this home was built with"):
            warehouse.prepare(connection, ("cc", "dd"))
        assert warehouse.schema_version(connection) is None


def test_migrations_are_numbered_in_order_up_to_the_schema_of_this_release() -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(2, SCHEMA_VERSION + 1))
    assert all(migration.says.endswith(".") for migration in MIGRATIONS)

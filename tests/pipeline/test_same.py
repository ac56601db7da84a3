"""Same in, same out: what is published depends on the date, what was known by then, the configuration, the code and the
decisions, and on nothing else."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from benchmarks.gate_cost import NIGHT, open_shop
from benchmarks.published import OF_THE_RUN, differences, tables_of
from tests.conftest import Finished
from tests.pipeline.conftest import NIGHTS, STAR_AND_MARTS, Company, contents, rows, served

from ckm.home import Home

pytestmark = pytest.mark.prove

FIRST_SEEN = ("known_on", "valid_from", "valid_to", "customer_version_key")
"""What says which night saw a version first; of one that the source has overwritten, only nightly runs know."""

OF_OVERWRITTEN_VERSIONS = {"core.dim_customer", "marts.loyalty_monitor"}
"""What shows a customer as he was then: his versions, and the answers of those who were new at the time."""

ANOTHER_MACHINE = {
    "TZ": "Pacific/Kiritimati",
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONHASHSEED": "4711",
    "CKM_THREADS": "1",
}


LINKS_OF_NIGHTS = "core.bridge_customer_identity"
"""Keeps what each night found: of a night that was not run, there is nothing to keep."""


def current_links(home: Path) -> list[tuple[str, ...]]:
    return rows(
        home,
        f"select identity_key, person_key, customer_key from {LINKS_OF_NIGHTS} where is_current order by all",
    )


def nobody_home(company: Company) -> Company:
    """The company with every system gone: database, files and API."""
    for name in ("surveys", "community", "complaints"):
        shutil.rmtree(company.folder / name)
    (company.folder / "crm.db").unlink()
    return replace(company, api="http://127.0.0.1:9")


def test_older_night_is_computed_and_not_published(copy_of: Company, company: Company) -> None:
    assert [table for table, lines in contents(company.home, STAR_AND_MARTS).items() if not lines] == []
    older = copy_of.run("--date", NIGHTS[0])
    assert older.code == 0, older.err
    assert differences(copy_of.home, company.home, without=()) == []
    with duckdb.connect(str(copy_of.home / "warehouse.duckdb"), read_only=True) as warehouse:
        (late,) = warehouse.execute(
            f"select count(*) from about_customers.fct_order_line where known_on > '{NIGHTS[0]}'"
        ).fetchone()
        assert late == 0
        assert warehouse.execute("select distinct as_of_date::varchar from marts.clv").fetchall() == [
            (NIGHTS[0],)
        ]
    again = copy_of.run("--date", NIGHTS[-1])
    assert again.code == 0, again.err
    assert tables_of(copy_of.home) == len(contents(company.home, STAR_AND_MARTS))
    assert differences(copy_of.home, company.home) == []


def test_full_refresh_replays_the_log_with_every_source_gone(copy_of: Company, company: Company) -> None:
    done = nobody_home(copy_of).run("--date", NIGHTS[-1], "--full-refresh")
    assert done.code == 0, done.err
    assert rows(copy_of.home, "select full_refresh from audit.runs order by started_at desc limit 1") == [
        (True,)
    ]
    assert differences(copy_of.home, company.home) == []


def test_catching_up_gives_what_nightly_runs_give(company: Company, caught_up: Company) -> None:
    found = differences(caught_up.home, company.home, without=(*OF_THE_RUN, *FIRST_SEEN))
    assert {each.table for each in found} <= {LINKS_OF_NIGHTS}, found
    assert current_links(caught_up.home) == current_links(company.home)
    assert {found.table.split(".")[0] for found in differences(caught_up.home, company.home)} == {
        *STAR_AND_MARTS
    } - {"marts"}


@pytest.mark.timeout(3600)
def test_catching_up_after_a_week_gives_what_its_nights_gave(company: Company, tmp_path: Path) -> None:
    """The systems stand each night as they did in the evening, and on the last one they alone are read."""
    nightly = replace(company, folder=tmp_path / "company", home=tmp_path / "home")
    for day in range(7):
        night = f"{date.fromisoformat(NIGHTS[-1]) + timedelta(days=day)}"
        nightly.simulate(night)
        with served(nightly.folder) as api:
            here = replace(nightly, api=api)
            done = here.run("--date", night)
            assert done.code == 0, done.err
            there = here.in_new_home(tmp_path / "there", night) if day == 6 else None
    assert there is not None
    found = differences(there.home, nightly.home, without=(*OF_THE_RUN, *FIRST_SEEN))
    assert {each.table for each in found} <= {*OF_OVERWRITTEN_VERSIONS, LINKS_OF_NIGHTS}, found
    assert current_links(there.home) == current_links(nightly.home)


def test_another_machine_gives_the_same(company: Company, caught_up: Company, tmp_path: Path) -> None:
    """In a process of its own, with another clock, locale, encoding, hash seed, umask, folder and number of cores."""
    command = [sys.executable, "-m", "ckm.cli", "run", "--home", "home", "--date", NIGHTS[-1]]
    done = subprocess.run(
        [*command, "--sources", os.path.relpath(caught_up.sources, tmp_path)],
        cwd=tmp_path,
        umask=0o027,
        env={
            **os.environ,
            **ANOTHER_MACHINE,
            "CKM_COMPLAINTS_URL": caught_up.api,
            "CKM_SECRET": Home(company.home).secret(None).decode(),
        },
        capture_output=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert differences(tmp_path / "home", caught_up.home, without=()) == []


def test_one_thread_and_four_give_the_same(tmp_path: Path, ckm: Callable[..., Finished]) -> None:
    """Four row groups and more, so that four threads have something to share; many orders at the same moment."""
    open_shop(tmp_path / "shop", 500_000)
    for threads in "14":
        done = ckm(
            "run", "--sources", tmp_path / "shop" / "sources.yml", "--home", tmp_path / threads, "--date", NIGHT,
            CKM_THREADS=threads, CKM_SECRET="the same for both of them",
        )  # fmt: skip
        assert done.code == 0, done.err
    assert rows(tmp_path / "4", "select count(*) > 490000 from about_customers.fct_order_line") == [(True,)]
    assert differences(tmp_path / "1", tmp_path / "4", without=()) == []

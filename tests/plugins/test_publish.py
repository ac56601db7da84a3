"""Publishing: one rename, readers sent back and on, what is kept, and what a killed process leaves."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.plugins.publishing import KEPT, Press, opened

from ckm import nightly, publish, site
from ckm.errors import CkmError, ConfigurationError
from ckm.migrations import MIGRATIONS, migrate
from ckm.night import Night
from ckm.past import published_nights
from ckm.publish import copying, going_back, record, switching
from ckm.publish.going_back import go_back, kept_versions
from ckm.publish.version import current, fault_of, read
from ckm.warehouse import connect

SENT_BACK = "readers were sent back to version"


@pytest.fixture
def press(tmp_path: Path) -> Press:
    return opened(tmp_path)


def back(press: Press, to: str | None = None, reason: str | None = None) -> str:
    with connect(press.home.warehouse) as connection:
        go_back(connection, press.home, to, reason)
    return press.seen


def listed(press: Press) -> dict[str, str]:
    with connect(press.home.warehouse, read_only=True) as connection:
        return {v.version: v.status for v in kept_versions(press.home, record.switches(connection))}


def test_version_is_findable_in_database_parquet_site_and_file(press: Press) -> None:
    press.night(1)
    folder = press.home.current.resolve()
    assert (
        fault_of(folder) is None
        and json.loads((folder / "version.json").read_text())["version"] == folder.name
    )
    named = "select published_version from {} where run_id = '2025-01-01.1'"
    parquet = folder / "parquet" / "audit" / "runs" / "runs.parquet"
    assert duckdb.sql(named.format(f"'{parquet}'")).fetchall() == [(folder.name,)]
    with connect(folder / "ckm.duckdb", read_only=True) as copy:
        assert copy.execute(named.format("audit.runs")).fetchall() == [(folder.name,)]
        assert [s.version for s in record.switches(copy)] == [folder.name]
    for page in ("index.html", "gates.html"):
        assert f"published as version {folder.name}" in (folder / "site" / page).read_text("utf-8")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("rm version.json", "version.json is missing"),
        ("rm ckm.duckdb", "ckm.duckdb is missing"),
        ("truncate -s 9999 ckm.duckdb", "cannot be read"),
        ("rm parquet/marts/clv/clv.parquet", "marts.clv is missing in its Parquet"),
        (
            "cp ../2025-01-01.1/parquet/marts/clv/clv.parquet parquet/marts/clv/",
            "marts.clv has not the same rows",
        ),
        ("cp ../2025-01-01.1/ckm.duckdb .", "has not the same rows"),
        ("rm -r site", "its site is missing"),
        ("cp ../2025-01-01.1/site/index.html site/", "its site is missing or is another version's"),
        ("cp ../2025-01-01.1/version.json .", "says something else"),
    ],
)
def test_version_that_is_not_whole_is_no_target(press: Press, spoil: str, said: str) -> None:
    for day in (1, 2, 3):
        press.night(day)
    subprocess.run(spoil.split(), cwd=press.home.versions / "2025-01-02.1", check=True)
    assert said in str(fault_of(press.home.versions / "2025-01-02.1"))
    with pytest.raises(
        CkmError, match=r"version 2025-01-02\.1 is not whole.*readers still see 2025-01-03\.1"
    ):
        back(press)
    assert press.seen == "2025-01-03.1" and listed(press)["2025-01-02.1"] == "not whole"
    assert set(press.statuses().values()) == {"published"}
    assert back(press, "2025-01-01.1") == "2025-01-01.1"


def test_going_back_goes_back_one_by_one_and_says_so_in_the_runs(press: Press) -> None:
    for day in (1, 2, 3):
        press.night(day)
    assert back(press, reason="prices are wrong") == "2025-01-02.1"
    assert press.rows("select status, message from audit.runs where run_id = '2025-01-03.1'") == [
        ("rolled back", f"{SENT_BACK} 2025-01-02.1: prices are wrong")
    ]
    assert published_nights(press.home) == {date(2025, 1, 1), date(2025, 1, 2)}
    assert back(press) == "2025-01-01.1"
    with pytest.raises(ConfigurationError, match="no version before"):
        back(press)
    assert listed(press) == {
        "2025-01-03.1": "rolled back", "2025-01-02.1": "rolled back", "2025-01-01.1": "published"
    }  # fmt: skip
    said = press.rows("select version, kind, version_before, reason from audit.publications order by number")
    assert said[2:] == [
        ("2025-01-03.1", "published", "2025-01-02.1", None),
        ("2025-01-02.1", "rolled back", "2025-01-03.1", "prices are wrong"),
        ("2025-01-01.1", "rolled back", "2025-01-02.1", None),
    ]


def test_coming_back_to_a_version_makes_its_run_published_again(press: Press) -> None:
    for day in (1, 2, 3):
        press.night(day)
    finished = "select finished_at, duration_seconds from audit.runs order by run_id"
    before = press.rows(finished)
    assert back(press, "2025-01-01.1") == "2025-01-01.1"
    assert list(press.statuses().values()) == ["published", "rolled back", "rolled back"]
    assert back(press, "2025-01-03.1", "it was right") == "2025-01-03.1"
    assert list(press.statuses().values()) == ["published", "rolled back", "published"]
    assert press.rows("select message from audit.runs where run_id = '2025-01-03.1'") == [
        ("readers see version 2025-01-03.1 again: it was right",)
    ]
    assert press.rows(finished) == before
    assert back(press) == "2025-01-01.1"  # what stands before it; 2025-01-02.1 was taken back


def test_stale_objects_are_not_forgotten_on_the_way(press: Press) -> None:
    night, run_id = press.begin(1)
    with connect(press.home.warehouse) as connection:
        connection.execute(
            "insert into audit.source_freshness (run_id, source, object, status) values (?, 'crm', 'orders', 'stale')",
            [run_id],
        )
    assert publish.publish(press.home, night, run_id, "T", keep=KEPT).stale == ("crm.orders",)
    press.night(2)
    back(press)
    back(press, "2025-01-02.1")
    back(press)
    assert press.statuses()["2025-01-01.1"] == "published with stale objects"


def test_nights_after_a_rollback(press: Press) -> None:
    """The same night is published again, and an older one only where it is newer than what readers see."""
    for day in (1, 2, 4):
        press.night(day)
    back(press)
    assert press.seen == "2025-01-02.1"
    older = press.night(1)
    assert older.version is None and "never moves back" in older.message and press.seen == "2025-01-02.1"
    assert press.statuses()["2025-01-01.2"] == "computed"
    assert press.night(3).version == "2025-01-03.1"  # older than the one that was taken back
    assert press.night(4).version == "2025-01-04.2"
    assert press.statuses()["2025-01-04.1"] == "rolled back"
    assert press.night(5).version == "2025-01-05.1"
    assert back(press) == "2025-01-04.2"
    assert back(press) == "2025-01-03.1"


def test_page_after_a_rollback_counts_what_readers_were_left_with(press: Press) -> None:
    for day in (1, 2, 3):
        press.night(day)
    back(press)
    press.night(2)
    page = (press.home.current / "site" / "index.html").read_text("utf-8")
    assert '<span aria-hidden="true">!</span> rolled back' in page
    assert (
        '<th scope="row">clv</th><td class="n">4</td><td class="n">+3</td>' in page
    )  # since the first night


def test_so_many_versions_stay_and_never_fewer_than_readers_may_be_sent_back_to(tmp_path: Path) -> None:
    press = opened(tmp_path, keep=3)
    for day in range(1, 6):
        press.night(day)
    assert press.on_disk == ["2025-01-03.1", "2025-01-04.1", "2025-01-05.1"]
    back(press), back(press)
    press.shuffle_times()
    press.night(6)
    # both that stand, and of the two taken back the one that was public last
    assert press.on_disk == ["2025-01-03.1", "2025-01-05.1", "2025-01-06.1"]
    press.shuffle_times()
    press.night(7)
    press.night(8)
    assert press.on_disk == ["2025-01-06.1", "2025-01-07.1", "2025-01-08.1"]


def test_one_version_is_enough(tmp_path: Path) -> None:
    press = opened(tmp_path, keep=1)
    for day in (1, 2):
        press.night(day)
        assert press.on_disk == [press.seen]


def test_disk_stays_bounded(tmp_path: Path) -> None:
    press = opened(tmp_path, keep=2)
    sizes = []
    for day in range(1, 9):
        press.night(day)
        sizes.append(sum(file.stat().st_size for file in press.home.versions.rglob("*") if file.is_file()))
    assert max(sizes) < 2.2 * sizes[0]


def test_version_that_readers_see_is_never_pruned(press: Press) -> None:
    press.night(1)
    press.night(2)
    switching.switch(press.home, "2025-01-01.1")  # and nobody has put it on record
    with connect(press.home.warehouse) as connection:
        switching.prune(connection, press.home, 1)
    assert press.on_disk == ["2025-01-01.1", "2025-01-02.1"]


def test_home_of_an_earlier_release_goes_back_and_on(press: Press) -> None:
    for day in (1, 2, 3):
        press.night(day)
    press.to_earlier_release()
    press.shuffle_times()
    with connect(press.home.warehouse) as connection:
        migrate(connection, MIGRATIONS[0])
    assert back(press) == "2025-01-02.1"
    assert press.night(4).version == "2025-01-04.1"
    assert press.on_disk == [f"2025-01-0{day}.1" for day in (1, 2, 3, 4)]


def killed_at(press: Press, module: Any, function: str, action: Callable[[Press], Any]) -> None:
    """Do something in a process of its own that kills itself where it reaches a function."""
    child = os.fork()  # a process that starts afresh needs seconds for its libraries
    if child == 0:
        setattr(module, function, lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL))
        action(press)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def night_3(press: Press) -> None:
    press.night(3)


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (copying.runs, "record_published_tables"),
        (site, "write"),
        (switching, "_sync"),
        (publish, "put_in_place"),
    ],
)
def test_half_made_version_is_cleared_away(press: Press, module: Any, function: str) -> None:
    press.night(1), press.night(2)
    killed_at(press, module, function, night_3)
    assert press.seen == "2025-01-02.1" and "2025-01-03.1.new" in press.on_disk
    assert press.night(3).version == "2025-01-03.2"
    assert press.on_disk == ["2025-01-01.1", "2025-01-02.1", "2025-01-03.2"]


def test_version_that_was_never_switched_to_is_no_target_and_is_pruned(press: Press) -> None:
    press.night(1), press.night(2)
    killed_at(press, publish, "switch", night_3)
    assert press.seen == "2025-01-02.1" and "2025-01-03.1" in press.on_disk
    assert listed(press)["2025-01-03.1"] == "never public"
    with pytest.raises(ConfigurationError, match=r"2025-01-03\.1 is no version that is kept"):
        back(press, "2025-01-03.1")
    assert back(press) == "2025-01-01.1"
    assert press.night(3).version == "2025-01-03.2"
    assert "2025-01-03.1" not in press.on_disk


def test_switch_that_nobody_could_put_on_record_is_put_on_record_by_the_next(press: Press) -> None:
    press.night(1), press.night(2)
    killed_at(press, record, "note_switch", night_3)
    assert press.seen == "2025-01-03.1" and press.statuses()["2025-01-03.1"] == "running"
    assert back(press) == "2025-01-02.1"
    assert press.statuses() == {
        "2025-01-01.1": "published", "2025-01-02.1": "published", "2025-01-03.1": "rolled back"
    }  # fmt: skip
    assert press.rows("select duration_seconds < 60 from audit.runs where run_id = '2025-01-03.1'") == [
        (True,)
    ]


@pytest.mark.parametrize(
    ("module", "function", "seen"),
    [(going_back, "switch", "2025-01-02.1"), (record, "note_switch", "2025-01-01.1")],
)
def test_killed_rollback_leaves_old_or_new_whole(press: Press, module: Any, function: str, seen: str) -> None:
    press.night(1), press.night(2)
    killed_at(press, module, function, back)
    assert press.seen == seen and fault_of(press.home.current.resolve()) is None
    press.night(3)
    is_back = seen == "2025-01-01.1"
    assert press.statuses()["2025-01-02.1"] == ("rolled back" if is_back else "published")
    assert back(press) == seen


def test_version_half_removed_is_not_taken_for_one(press: Press) -> None:
    press.night(1), press.night(2)
    (press.home.versions / "2025-01-01.1").rename(press.home.versions / "2025-01-01.1.gone")
    with pytest.raises(ConfigurationError, match="no version before"):
        back(press)
    press.night(3)
    assert press.on_disk == ["2025-01-02.1", "2025-01-03.1"]


def test_run_that_is_published_a_second_time_has_a_version_of_its_own(press: Press) -> None:
    press.night(1)
    night, run_id = press.begin(2)
    names = [publish.publish(press.home, night, run_id, "T", keep=KEPT).version for _ in range(2)]
    assert names == ["2025-01-02.1", "2025-01-02.1-2"]
    assert back(press) == "2025-01-02.1" and press.statuses()[run_id] == "published"
    assert press.rows("select published_version from audit.runs where run_id = '2025-01-02.1'") == [
        ("2025-01-02.1",)
    ]
    with connect(press.home.warehouse) as connection:  # also one that is pruned keeps its name to itself
        switching.prune(connection, press.home, 1)
        assert switching.fresh_id(connection, press.home, run_id) == "2025-01-02.1-3"


def test_failure_before_the_switch_leaves_nothing_on_disk(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    press.night(1)
    night, run_id = press.begin(2)

    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publish, "switch", full)
    with pytest.raises(OSError, match="No space"):
        publish.publish(press.home, night, run_id, "T", keep=KEPT)
    assert press.on_disk == ["2025-01-01.1"] and press.seen == "2025-01-01.1"


def test_run_that_readers_see_is_not_called_failed(press: Press) -> None:
    """What goes wrong after the switch, while old versions are removed, does not make it a failure on record."""
    press.night(1)
    night = Night(
        "2025-01-01.1", date(2025, 1, 1), Path("sources.yml"), press.home.folder, Path(), False, True
    )
    nightly.finish(night, KeyboardInterrupt())
    assert press.statuses() == {"2025-01-01.1": "published"}


def test_versions_of_earlier_releases_say_what_they_can(press: Press) -> None:
    press.night(1)
    press.to_earlier_release()
    said = read(press.home.versions / "2025-01-01.1")
    assert said is not None and (said.status, said.made_at, said.tables) == ("published", None, None)
    assert current(press.home) == said and fault_of(press.home.versions / "2025-01-01.1") is None


def test_nothing_is_published_of_a_home_that_has_published_nothing(press: Press) -> None:
    with pytest.raises(ConfigurationError, match="nothing has been published"):
        back(press)
    assert listed(press) == {} and current(press.home) is None

"""What a run leaves on record, and how `ckm status` shows the last nights."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.conftest import PROJECT, Finished
from tests.plugins.records import Recorded, recorded

from ckm import nightly, provenance
from ckm.errors import GateFailed
from ckm.nightly import Step


@pytest.fixture
def last(tmp_path: Path) -> Recorded:
    return recorded(tmp_path)


def rows(last: Recorded, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(last.home.warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def step(run: Callable[..., Any], *, uses_warehouse: bool = True) -> Step:
    return Step("gate_raw" if uses_warehouse else "extract", run, "", "", uses_warehouse=uses_warehouse)


def test_status_shows_the_last_nights_a_line_each(last: Recorded, ckm: Callable[..., Finished]) -> None:
    nightly.finish(last.night, GateFailed("crm.orders: half the usual rows."))
    lines = ckm("status", "--home", last.home.folder).out.splitlines()
    assert max(len(line) for line in lines) <= 120
    nights = [line.split() for line in lines if line.strip().startswith("2025-01-0")]
    assert [night[0] for night in nights] == ["2025-01-03.1", "2025-01-02.1", "2025-01-01.1"]
    assert nights[0][1:5] == ["stopped", "at", "a", "gate"] and nights[0][-3:] == ["12", "2", "2"]
    assert nights[1][1:5] == ["published", "with", "stale", "objects"]
    assert nights[2][-3:] == ["12", "2", "0"]
    said = " ".join(" ".join(lines).split())
    assert "Run 2025-01-03.1: crm.orders: half the usual rows." in said
    assert "crm.orders orders_are_as_many_as_usual warned" in said
    assert "dbt marts one_row_per_customer warn 3" in said
    assert "new columns of the sources" in said and "crm.orders mood no" in said


def test_status_gives_all_as_json(last: Recorded, ckm: Callable[..., Finished]) -> None:
    said = json.loads(ckm("status", "--home", last.home.folder, "--json").out)
    assert (said["published"], said["run_id"], said["stale"]) == (None, "2025-01-03.1", [])
    assert [(w["rule"], w["outcome"]) for w in said["warnings"]] == [
        ("orders_are_as_many_as_usual", "warned"),
        ("one_row_per_customer", "warn"),
    ]
    newest, second, _ = said["runs"]
    assert newest["driver"] == "ckm run" and newest["full_refresh"] is False
    assert {"python", "duckdb", "dbt-core", "great-expectations", "dlt"} <= set(
        json.loads(newest["versions"])
    )
    assert second["duration_seconds"] is not None and newest["rules_not_held"] == 2


def test_step_is_on_record_with_its_length_and_result(last: Recorded) -> None:
    nightly.run_step(step(lambda night, source: None), last.night, "surveys")
    ((source, status, seconds),) = rows(
        last, "select source, status, seconds from audit.run_steps where step = 'gate_raw'"
    )
    assert (source, status) == ("surveys", "done") and 0 <= seconds < 5


def test_step_that_is_run_again_replaces_its_record(last: Recorded) -> None:
    for _ in range(2):
        nightly.run_step(step(lambda night, source: None), last.night, "surveys")
    assert rows(last, "select count(*) from audit.run_steps where step = 'gate_raw'") == [(1,)]


def test_step_without_the_warehouse_is_put_on_record_by_the_next(last: Recorded) -> None:
    with duckdb.connect(str(last.home.warehouse)):  # another step holds it
        nightly.run_step(step(lambda night, source: [], uses_warehouse=False), last.night, "surveys")
    on_record = (
        "select source from audit.run_steps where step = 'extract' and run_id = '2025-01-03.1' order by 1"
    )
    assert rows(last, on_record) == [("crm",)]
    nightly.run_step(step(lambda night: None), last.night)
    assert rows(last, on_record) == [("crm",), ("surveys",)]


def test_step_that_fails_is_on_record_without_the_data_it_fell_over(last: Recorded) -> None:
    def fail(night: Any) -> None:
        raise ValueError("could not cast 'Erika Mustermann' to bigint")

    with pytest.raises(ValueError, match="Mustermann"):
        nightly.run_step(step(fail), last.night)
    assert rows(last, "select status, message from audit.run_steps where step = 'gate_raw'") == [
        ("failed", "ValueError: could not cast '…' to bigint")
    ]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", folder, "-c", "user.name=T", "-c", "user.email=t@example.org", *arguments],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_commit_is_the_one_of_the_project_and_says_whether_it_was_changed(tmp_path: Path) -> None:
    file = tmp_path / "dbt_project" / "dbt_project.yml"
    file.parent.mkdir()
    file.write_text("name: t\n")
    assert provenance.git_state(tmp_path) == (None, None)
    git(tmp_path, "init", "--quiet")
    assert provenance.git_state(tmp_path) == (None, None)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "begin")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert provenance.git_state(tmp_path) == (commit, False)
    file.write_text("name: changed\n")
    assert provenance.git_state(tmp_path) == (commit, True)


def test_commit_is_unknown_where_there_is_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.git_state(PROJECT) == (None, None)


def test_hash_of_the_rules_changes_with_a_suite_and_not_with_what_dbt_leaves_behind(tmp_path: Path) -> None:
    for name in ("expectations/raw/crm/orders.json", "dbt_project/models/a.sql"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("1")
    before = provenance.rules_hash(tmp_path)
    (tmp_path / "dbt_project" / "target").mkdir()
    (tmp_path / "dbt_project" / "target" / "manifest.json").write_text("{}")
    assert provenance.rules_hash(tmp_path) == before
    (tmp_path / "expectations/raw/crm/orders.json").write_text("2")
    assert provenance.rules_hash(tmp_path) != before

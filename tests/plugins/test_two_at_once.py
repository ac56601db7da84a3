"""Two at once: a second load, a person with the private file open, a BI tool with the published one."""

import subprocess
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from tests.conftest import Finished
from tests.plugins.others import LOCK, OPEN, holding, opened_by_another, start
from tests.plugins.publishing import Press, opened

from ckm import nightly, runner
from ckm.errors import LoadRunning
from ckm.nightly import Step
from ckm.warehouse import _held_by_another, connect, patience
from ckm_airflow import turn

SHORT = timedelta(seconds=0.5)


@pytest.fixture
def press(tmp_path: Path) -> Press:
    press = opened(tmp_path)
    for day in (1, 2):
        press.night(day)
    products = {"file": "p.csv", "columns": {"product_id": "ID"}}
    crm = {"transport": "files", "path": ".", "objects": {"products": products}}
    (tmp_path / "sources.yml").write_text(yaml.safe_dump({"company": {"name": "T"}, "sources": {"crm": crm}}))
    (tmp_path / "p.csv").write_text("ID\n1\n")
    return press


def run(press: Press, ckm: Callable[..., Finished], *words: str) -> Finished:
    folder = press.home.folder
    return ckm(*words, CKM_HOME=str(folder), CKM_SOURCES=str(folder.parent / "sources.yml"))


COMMANDS = (
    ("run", "--date", "2025-01-03"),
    ("publish", "--rollback"),
    ("quarantine", "replay", "crm.products"),
    ("quarantine", "discard", "crm.products", "--reason", "x"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[:2]))
def test_second_one_says_so_and_leaves(
    press: Press, ckm: Callable[..., Finished], words: tuple[str, ...]
) -> None:
    with holding(LOCK, press.home.folder) as load:
        done = run(press, ckm, *words)
    assert done.code == 3 and len(done.err.strip().splitlines()) == 1
    assert f"another load is running in {press.home.folder} (process {load.pid})" in done.err
    assert press.seen == "2025-01-02.1"


def test_lock_of_a_killed_load_is_nobodys(press: Press, ckm: Callable[..., Finished]) -> None:
    load = start(LOCK, press.home.folder)
    load.kill()
    load.wait()
    assert (press.home.folder / ".lock").read_text().strip() == str(load.pid)
    assert run(press, ckm, "publish", "--rollback").code == 0


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("words", COMMANDS[:3], ids=lambda words: " ".join(words[:2]))
def test_private_file_that_somebody_has_open_is_one_sentence(
    press: Press, ckm: Callable[..., Finished], words: tuple[str, ...], read_only: bool
) -> None:
    with opened_by_another(press.home.warehouse, read_only=read_only) as other, patience(SHORT):
        done = run(press, ckm, *words)
    assert done.code == 3 and len(done.err.strip().splitlines()) == 1
    assert f"process {other.pid}), which blocks the load: close it and run again." in done.err
    assert press.seen == "2025-01-02.1" and set(press.statuses().values()) == {"published"}


def test_who_closes_the_private_file_soon_is_waited_for(press: Press) -> None:
    with opened_by_another(press.home.warehouse, read_only=True) as other:
        threading.Timer(1, other.kill).start()
        assert press.night(3).version == "2025-01-03.1"


def test_task_of_airflow_waits_for_it_longer(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "LOCK_PATIENCE", timedelta(seconds=60))
    with opened_by_another(press.home.warehouse, read_only=False) as other, patience(timedelta(0)):
        with pytest.raises(LoadRunning, match=f"process {other.pid}"):
            press.night(3)
        threading.Timer(1, other.kill).start()
        with turn.hold(press.home):
            assert press.night(3).version == "2025-01-03.1"


def test_private_file_that_is_opened_between_two_steps_ends_the_night_with_a_sentence(
    press: Press, ckm: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[subprocess.Popen[str]] = []

    def somebody_looks(night: Any, source: str) -> list[Any]:
        others.append(start(OPEN, press.home.warehouse, True, ""))
        return []

    real = {step.name: step for step in nightly.STEPS}
    looked_into = Step("extract", somebody_looks, "", "", per_source=True, uses_warehouse=False)
    monkeypatch.setattr(runner, "STEPS", (looked_into, real["gate_raw"], real["publish"]))
    with patience(SHORT):
        done = run(press, ckm, "run", "--date", "2025-01-03")
    (other,) = others
    with other:
        other.kill()
    assert done.code == 3 and "Traceback" not in done.err + done.out
    assert f"process {other.pid}" in done.err and len(done.err.strip().splitlines()) == 1
    assert press.seen == "2025-01-02.1"
    assert press.statuses()["2025-01-03.1"] == "running"
    assert press.night(3).version == "2025-01-03.2"
    assert press.statuses()["2025-01-03.1"] == "interrupted"


def test_bi_tool_that_holds_the_published_file_blocks_nothing_and_keeps_what_it_has(tmp_path: Path) -> None:
    press = opened(tmp_path, keep=2)
    press.night(1)
    asked = "select distinct as_of_date::varchar, count(*) from marts.clv group by 1"
    with opened_by_another(press.home.current / "ckm.duckdb", read_only=True, at_last=asked) as tool:
        with connect(press.home.warehouse) as connection:
            connection.execute("insert into marts.clv select null, 'x' from range(1000)")
        for day in range(2, 7):
            assert press.night(day).version == f"2025-01-0{day}.1"
        assert press.on_disk == ["2025-01-05.1", "2025-01-06.1"]
        out, _ = tool.communicate("\n", timeout=60)
    assert out.splitlines() == ["('2025-01-01', 1)"]
    with duckdb.connect(str(press.home.current / "ckm.duckdb"), read_only=True) as new:
        assert new.execute(asked).fetchall() == [("2025-01-06", 6)]


def test_program_of_which_duckdb_knows_no_number_is_another_program() -> None:
    said = str(_held_by_another(Path("w.duckdb"), 'IO Error: Could not set lock on file "w.duckdb": unknown'))
    assert said == "w.duckdb is open in another program, which blocks the load: close it and run again."

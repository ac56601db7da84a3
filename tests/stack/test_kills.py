"""A night whose task and whose scheduler are killed, under a real scheduler, and that nobody mends."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from benchmarks.airflow_kills.scene import Kill, Ran, Scene, environment_for, pace_of, run_alone
from benchmarks.published import differences, tables_of, whole
from stack.local import Local
from stack.nights import switch_on
from tests.dags.company import write_company
from tests.stack.plain import free_ports

pytestmark = pytest.mark.stack

NIGHT = date(2025, 11, 30)


@dataclass(frozen=True)
class Compared:
    """A night that was disturbed, and the home of the same night as `ckm run` loads it."""

    ran: Ran
    home: Path
    alone: Path


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compared]:
    """The extraction is killed, and then the scheduler with its workers while dbt builds the star."""
    folder = tmp_path_factory.mktemp("kills")
    sources, before, alone = write_company(folder), folder / "before", folder / "alone"
    run_alone(NIGHT, environment_for(sources, alone))
    before.mkdir()
    shutil.copy(alone / "secret.key", before)  # another key would be another customer_key
    local = Local(folder / "airflow", free_ports()["site"], environment_for(sources, folder / "home"))
    local.set_up()
    try:
        local.start()
        local.wait_until_ready()
        switch_on(local.rest)
        scene = Scene(local, before, NIGHT.isoformat(), pace_of(alone))
        kills = Kill("task killed", "extract"), Kill("scheduler killed with its workers", "build_star")
        yield Compared(scene.run(*kills), scene.home, alone)
    finally:
        local.stop()


def test_the_night_ends_well_without_anybody(compared: Compared) -> None:
    assert compared.ran.state == "success"


def test_what_was_killed_was_tried_again_within_two_minutes(compared: Compared) -> None:
    assert compared.ran.tries == {"extract": 2, "build_star": 2}
    assert set(compared.ran.went_on_after) == {"extract", "build_star"}
    assert max(compared.ran.went_on_after.values()) < 120


def test_readers_see_what_they_would_have_seen(compared: Compared) -> None:
    assert tables_of(compared.alone) > 20
    assert differences(compared.alone, compared.home) == []
    assert whole(compared.home / "published" / "current") is None

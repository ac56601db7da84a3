"""Readers see one version, whole, while versions switch; and who counts them notices when it is not so."""

import shutil
import time
from datetime import date
from pathlib import Path

import pytest
from benchmarks.readers import Press, Tally, readers_under
from tests.plugins.publishing import opened

from ckm import publish
from ckm.home import Home
from ckm.publish import going_back, switching
from ckm.warehouse import connect

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home whose mart is large enough that a version takes a moment to be written over."""
    home = opened(tmp_path).home
    with connect(home.warehouse) as connection:
        connection.execute("insert into marts.clv select date '2025-01-01', 'c' || range from range(100000)")
    return home


def read_under(
    home: Home, *, reads: int, publications: int, switches: int = 6, processes: int = 1
) -> dict[str, Tally]:
    press = Press(home, "marts.clv", date(2025, 1, 1))
    tallies = readers_under(
        press, reads=reads, processes=processes, publications=publications, switches=switches
    )
    return {tally.way: tally for tally in tallies}


def test_each_read_is_wholly_of_one_version(home: Home) -> None:
    tallies = read_under(home, reads=200, publications=5, processes=2)
    for tally in tallies.values():
        assert not tally.is_safe or tally.wrong == []
    assert len(tallies["resolve current once"].versions) > 3
    assert sum(tally.is_safe for tally in tallies.values()) == 2


def test_switch_that_is_not_one_rename_is_noticed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def in_two_steps(home: Home, to: str) -> None:
        home.current.unlink(missing_ok=True)
        time.sleep(0.02)
        home.current.symlink_to(Path("versions") / to)

    monkeypatch.setattr(publish, "switch", in_two_steps)
    monkeypatch.setattr(going_back, "switch", in_two_steps)
    tallies = read_under(home, reads=50, publications=2)
    assert tallies["resolve current once"].errors and tallies["database and site through current/"].errors


def test_files_that_are_replaced_in_place_are_noticed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    switch = switching.switch

    def in_place(place: Home, to: str) -> None:
        """What the new version holds is written over what readers see, file by file."""
        if place.current.exists():
            shutil.copytree(place.versions / to, place.current.resolve(), dirs_exist_ok=True)
        switch(place, to)

    monkeypatch.setattr(publish, "switch", in_place)
    # nobody can be sent back to what was written over: `ckm publish` would refuse it
    assert any(
        tally.wrong
        for tally in read_under(home, reads=50, publications=3, switches=0).values()
        if tally.is_safe
    )

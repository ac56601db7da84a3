"""`ckm publish` as a person at a terminal sees it, and `ckm status` after it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Finished
from tests.plugins.others import LOCK, holding
from tests.plugins.publishing import Press, opened

from ckm.home import Home


@pytest.fixture(scope="module")
def three_nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    press = opened(tmp_path_factory.mktemp("three"))
    for day in (1, 2, 3):
        press.night(day)
    return press.home.folder


@dataclass(frozen=True)
class Desk:
    """A home with three versions, and the commands over it."""

    press: Press
    ckm: Callable[..., Finished]

    def run(self, *words: str) -> Finished:
        return self.ckm(*words, CKM_HOME=str(self.press.home.folder))

    def said(self, *words: str) -> str:
        """What a command that goes well prints, on one line."""
        done = self.run(*words)
        assert (done.code, done.err) == (0, ""), done.err
        assert max(map(len, done.out.splitlines())) <= 120
        return " ".join(done.out.split())

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").out)

    def refused(self, code: int, *words: str) -> str:
        """The sentence of a command that is refused, after which readers see what they saw."""
        seen = self.press.seen
        done = self.run(*words)
        assert (done.code, done.out) == (code, "") and "Traceback" not in done.err
        assert self.press.seen == seen
        return " ".join(done.err.split())


@pytest.fixture
def desk(three_nights: Path, tmp_path: Path, ckm: Callable[..., Finished]) -> Desk:
    return Desk(Press(Home(shutil.copytree(three_nights, tmp_path / "home", symlinks=True))), ckm)


def test_versions_are_listed_with_the_one_that_readers_see(desk: Desk) -> None:
    said = desk.said("publish")
    assert "readers see 2025-01-03.1" in said and "2025-01-03.1 ← 2025-01-03 20" in said
    assert said.index("2025-01-03.1 ←") < said.index("2025-01-02.1") < said.index("2025-01-01.1")
    newest, *_, oldest = desk.json("publish")
    assert (newest["version"], newest["is_seen"], newest["status"]) == ("2025-01-03.1", True, "published")
    assert (oldest["as_of_date"], oldest["is_seen"], oldest["fault"]) == ("2025-01-01", False, None)
    assert newest["tables"] > 10 and newest["bytes"] > 10**5 and newest["made_at"]


def test_readers_are_sent_back_and_on(desk: Desk) -> None:
    said = desk.said("publish", "--rollback", "--reason", "wrong prices")
    assert said.startswith("Readers see version 2025-01-02.1 again, as of 2025-01-02.")
    assert "2025-01-03.1 is rolled back" in said and "ckm run --date 2025-01-03" in said
    assert "2025-01-03.1 2025-01-03" in desk.said("publish") and "rolled back" in desk.said("publish")
    status = desk.said("status")
    assert "readers see 2025-01-02.1" in status and "2025-01-02.1 ← published" in status
    assert "Run 2025-01-03.1: readers were sent back to version 2025-01-02.1: wrong prices" in status
    assert desk.json("publish", "--version", "2025-01-03.1")["kind"] == "brought back"
    assert desk.said("publish", "--rollback", "--version", "2025-01-01.1").startswith(
        "Readers see version 2025-01-01.1 again"
    )
    assert desk.json("publish", "--version", "2025-01-02.1")["now"]["as_of_date"] == "2025-01-02"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--reason", "x"], "--reason goes with --rollback or --version"),
        (["--version", "2025-01-03.1"], "readers already see version 2025-01-03.1"),
        (["--version", "2025-01-02.2"], "2025-01-02.2 is no version that is kept; did you mean"),
        (["--version", "2024-06-30.1"], "is no version that is kept"),
    ],
)
def test_command_that_makes_no_sense_is_one_sentence(desk: Desk, words: list[str], sentence: str) -> None:
    assert sentence in desk.refused(2, "publish", *words)


def test_nothing_to_go_back_to_is_one_sentence(desk: Desk) -> None:
    desk.said("publish", "--version", "2025-01-01.1")
    assert "no version before 2025-01-01.1 is kept" in desk.refused(2, "publish", "--rollback")


def test_version_that_is_not_whole_is_one_sentence_and_listed_as_such(desk: Desk) -> None:
    shutil.rmtree(desk.press.home.versions / "2025-01-02.1" / "parquet" / "marts")
    sentence = desk.refused(1, "publish", "--rollback")
    assert "version 2025-01-02.1 is not whole, marts.clv is missing in its Parquet" in sentence
    said = desk.said("publish")
    assert "not whole" in said and "2025-01-02.1 is not whole: marts.clv is missing in its Parquet." in said


def test_home_that_has_published_nothing_says_so(tmp_path: Path, ckm: Callable[..., Finished]) -> None:
    assert "holds no warehouse yet" in ckm("publish", "--home", tmp_path / "none").err
    home = opened(tmp_path).home.folder
    assert "nothing has been published" in ckm("publish", "--rollback", "--home", home).err
    assert "readers see nothing" in ckm("publish", "--home", home).out
    assert json.loads(ckm("publish", "--home", home, "--json").out) == []


def test_while_a_load_runs_versions_are_listed_and_none_is_switched(desk: Desk) -> None:
    desk.said("publish", "--rollback")
    with holding(LOCK, desk.press.home.folder) as load:
        assert f"process {load.pid}" in desk.refused(3, "publish", "--rollback")
        said = desk.said("publish")
        assert "readers see 2025-01-02.1" in said and "another load is running" in said
        statuses = [version["status"] for version in desk.json("publish")]
        assert statuses == ["rolled back", "published", "published"]
    assert desk.said("publish", "--rollback").startswith("Readers see version 2025-01-01.1")

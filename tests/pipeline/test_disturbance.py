"""The kill harness: its moments exist, a few of its kills leave no trace, and it notices a night that does not heal."""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from benchmarks.disturbance import moments
from benchmarks.disturbance.chain import Chain, Found
from benchmarks.disturbance.chains import FIRST_DONE, Work, short, undisturbed
from benchmarks.disturbance.forks import Forks
from benchmarks.disturbance.ground import ground, left_behind
from benchmarks.disturbance.results import BEGIN, END, Results, table_of, write_table
from benchmarks.disturbance.victim import Moment, arm

from ckm.nightly import STEPS


class TestMoments:
    @pytest.mark.parametrize("chosen", moments.ALL, ids=lambda chosen: f"{chosen.step}: {chosen.words}")
    def test_function_is_there(self, chosen: moments.Chosen) -> None:
        chosen.moment.owner()
        assert chosen.moment.place in ("before", "after", "within") and chosen.moment.number > 0

    def test_they_are_many_and_told_apart(self) -> None:
        assert len({(chosen.step, chosen.source, chosen.words) for chosen in moments.ALL}) == len(moments.ALL)
        assert {chosen.step for chosen in moments.OF_A_NIGHT} == {step.name for step in STEPS}

    @pytest.mark.parametrize(
        ("moment", "heard"),
        [
            ("before:1", ["now", "one", "two", "one"]),
            ("after:2", ["one", "two", "now", "one"]),
            ("after:2:one", ["one", "two", "one", "now"]),
            ("after:4", ["one", "two", "one"]),
        ],
    )
    def test_moment_comes_at_its_call(
        self, moment: str, heard: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said: list[str] = []
        monkeypatch.setattr(json, "dumps", said.append)
        arm(Moment.of(f"json:dumps:{moment}"), lambda: said.append("now"))
        for word in ("one", "two", "one"):
            json.dumps(word)
        assert said == heard

    def test_moment_comes_between_items(self, monkeypatch: pytest.MonkeyPatch) -> None:
        said: list[str] = []
        monkeypatch.setattr(json, "dumps", iter)
        arm(Moment.of("json:dumps:within:2"), lambda: said.append("now"))
        said += json.dumps(["one", "two"])
        assert sorted(said) == ["now", "one", "two"]


class TestResults:
    def test_what_was_found_is_kept_unless_it_was_wrong(self, tmp_path: Path) -> None:
        good = Found("SIGKILL", nights=1, tables=42)
        good.count("publish", 3)
        known = Results(tmp_path / "d.jsonl")
        known.add("one", [good])
        known.add("two", [Found("SIGKILL", wrong=["it differs"])])
        again = Results(tmp_path / "d.jsonl")
        assert again.get("two") is None
        assert again.get("one") == [good]

    def test_table_has_its_own_findings_and_those_of_others(self, tmp_path: Path) -> None:
        other = {
            "fault": "a killed task",
            "moment": "gate",
            "times": 2,
            "nights": 1,
            "tables": 42,
            "differences": 0,
        }
        (tmp_path / "airflow.jsonl").write_text(json.dumps(other) + "\n")
        found = Found("SIGKILL", nights=1, tables=42)
        found.kills.update({"score": 2, "publish": 1})
        document = tmp_path / "reliability.md"
        document.write_text(f"Before.\n{BEGIN}\nold\n{END}\nAfter.\n")
        write_table(document, [found], tmp_path / "airflow.jsonl")
        text = document.read_text()
        assert "| SIGKILL | score 2, publish 1 | 3 | 1 | 42 | 0 |" in text
        assert "| a killed task | gate | 2 | 1 | 42 | 0 |" in text
        assert "| 2 kinds of fault |  | 5 | 2 | 84 | 0 |" in text
        assert "old" not in text and text.startswith("Before.") and text.endswith("After.\n")
        assert table_of([], tmp_path / "none").count("\n") == 2


IN_PLACE = """
from ckm import publish

real = publish.copy_tables

def copy_tables(connection, home, folder, version):
    folder.rename(home.versions / version.version)
    publish.switch(home, version.version)
    return real(connection, home, home.current.resolve(), version)

publish.copy_tables = copy_tables
"""


@pytest.mark.prove
class TestNight:
    """A night whose publishing is killed, and faults that are planted in the product and in a home."""

    @pytest.fixture(scope="class")
    def work(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Work]:
        with (
            ground(tmp_path_factory.mktemp("disturbance")) as place,
            closing(Forks(place.environment)) as forks,
        ):
            done: Future[dict[str, float]] = Future()
            done.set_result(undisturbed(place, forks, only_first=True))
            yield Work(place, forks, 1, done)

    def test_killed_publishing_leaves_no_trace(self, work: Work) -> None:
        (found,) = short(work)
        assert found.wrong == []
        assert found.kills["publish"] == 5 and found.nights == 1 and found.tables > 30

    def test_version_that_readers_see_while_it_is_made_is_noticed(self, work: Work, tmp_path: Path) -> None:
        (tmp_path / "in_place.py").write_text(IN_PLACE)
        path = f"{tmp_path}:{work.ground.environment.get('PYTHONPATH', '')}"
        with closing(Forks(work.ground.environment | {"PYTHONPATH": path}, "in_place")) as forks:
            chain = Chain(work.ground, forks, "planted", "in_place", "kept/first/publish")
            at = "ckm.publish.copying:runs.record_published_tables:before:1"
            chain.killed(chain.step("publish", at=at), "publish", "in copying")
        assert chain.found.kills["publish"] == 1
        assert "version.json" in chain.found.wrong[0]

    def test_lost_row_and_what_is_left_behind_are_noticed(self, work: Work) -> None:
        chain = Chain(work.ground, work.forks, "planted", "lossy", FIRST_DONE)
        current = chain.home / "published" / "current"
        with duckdb.connect(str(current / "ckm.duckdb")) as connection:
            connection.execute(
                "delete from marts.clv where customer_key = (select min(customer_key) from marts.clv)"
            )
        shutil.copytree(current.resolve(), chain.home / "published" / "versions" / "2025-12-30.9")
        (chain.home / "published" / "versions" / "half.new").mkdir()
        with duckdb.connect(str(chain.home / "warehouse.duckdb")) as connection:
            connection.execute("create table marts.clv__dbt_tmp as select 1 as one")
            connection.execute("update audit.runs set status = 'running'")
        chain.compare(FIRST_DONE)
        assert chain.found.differences == 1
        assert left_behind(chain.home) == [
            "published/versions/half.new is left",
            "marts.clv__dbt_tmp is left in the warehouse",
            "run 2025-12-30.1 is still running on record",
            "version 2025-12-30.9 is nobody's on record",
            "readers see 2025-12-30.1, which on record is running",
        ]

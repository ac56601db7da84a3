"""The gate over the ledger: a row that is counted and not there keeps the night from being published."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import PROJECT
from tests.plugins.gate.loading import Gate

from ckm.errors import GateFailed
from ckm.gate.ledger import judge_ledger
from ckm.gate.outcome import RuleResult
from ckm.sources import load_sources

NIGHT = "2025-01-02"
OBJECTS = {"products": {"file": "products.csv"}, "employees": {"file": "staff.csv"}}
PRODUCTS = "product_id,list_price\nP1,5\nP1,5\nP2,-1\nP3,x\n"


@pytest.fixture
def loaded(gate: Gate, write_sources: Any) -> Path:
    """Two nights: loaded, unchanged, duplicate and quarantined rows, and an object that is not there."""
    file = write_sources(OBJECTS)
    gate.load(file, "2025-01-01", {"products.csv": PRODUCTS})
    gate.load(file, NIGHT, {"products.csv": PRODUCTS + "P5,2\nP4,-1\n"})
    return file


def judge(gate: Gate, file: Path, **how: Any) -> list[RuleResult]:
    return judge_ledger(
        gate.connection, load_sources(file), suites=PROJECT / "expectations", gx_store=gate.folder / "gx",
        night=date.fromisoformat(NIGHT), run_id="run-2", **how,
    )  # fmt: skip


def test_sound_night_is_accounted_for_rule_by_rule(gate: Gate, loaded: Path) -> None:
    assert {result.outcome for result in judge(gate, loaded)} == {"passed"}
    assert gate.rows("select count(*) from audit.gate_results where boundary = 'audit'") == [(5,)]
    judge(gate, loaded)
    assert gate.rows("select count(*) from audit.gate_results where boundary = 'audit'") == [(5,)]


@pytest.mark.parametrize(
    ("harm", "rule"),
    [
        ("delete from raw_crm.products where product_id = 'P5'", "loaded_rows_are_logged"),
        ("insert into raw_crm.products by name select * replace (9 as version_number) from raw_crm.products "
         "where product_id = 'P5'", "loaded_rows_are_logged"),
        ("delete from quarantine.rows where content like '%P4%'", "quarantined_rows_are_kept"),
        ("update audit.load_ledger set unchanged = unchanged - 1 where run_id = 'run-2' and object = 'products'",
         "ledger_balances"),
        ("delete from audit.load_ledger where run_id = 'run-2' and object = 'employees'", "object_is_accounted_for"),
        ("insert into raw_crm.employees by name select 'E1' as row_key, 1 as version_number, 'x' as content_hash, "
         "date '2025-01-02' as known_on, false as is_deleted, 'run-2' as run_id, 'E1' as employee_id",
         "failed_objects_log_nothing"),
    ],
)  # fmt: skip
def test_row_that_vanishes_stops_the_night(gate: Gate, loaded: Path, harm: str, rule: str) -> None:
    gate.connection.execute(harm)
    with pytest.raises(GateFailed, match=rf"audit\.load_ledger: rule {rule} "):
        judge(gate, loaded)
    assert rule in [r.rule for r in judge(gate, loaded, accept=[f"audit.load_ledger.{rule}"])]

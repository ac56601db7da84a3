"""Contracts, suites and staging models name the same things."""

import json
import re

import pytest
from tests.conftest import PROJECT

from ckm.contracts import source_contracts
from ckm.gate.candidates import UNREADABLE

OBJECTS = [(s, o) for s, contract in source_contracts().items() for o in contract.objects]


@pytest.mark.parametrize(("source", "name"), OBJECTS)
def test_key_cursor_and_references_are_columns(source: str, name: str) -> None:
    objects = source_contracts()[source].objects
    contract = objects[name]
    assert set(contract.key) <= set(contract.columns)
    assert contract.cursor is None or contract.columns[contract.cursor].type == "timestamp"
    for column in contract.columns.values():
        if column.references:
            *other_source, target, target_column = column.references.split(".")
            elsewhere = source_contracts()[other_source[0]].objects if other_source else objects
            assert target_column in elsewhere[target].columns
    assert contract.description.startswith("One row per ")


@pytest.mark.parametrize(("source", "name"), OBJECTS)
def test_every_object_has_a_suite_that_names_its_columns(source: str, name: str) -> None:
    suite = json.loads((PROJECT / "expectations" / "raw" / source / f"{name}.json").read_text())
    columns = source_contracts()[source].objects[name].columns
    rules = [item["meta"]["rule"] for item in suite["expectations"]]
    assert len(rules) == len(set(rules)) > 0
    for item in suite["expectations"]:
        named = {item["kwargs"].get(k) for k in ("column", "column_A", "column_B")} - {None}
        assert named <= set(columns), item["meta"]["rule"]
        assert item["description"].endswith(".")
        assert item["severity"] in ("critical", "warning")


@pytest.mark.parametrize(("source", "name"), OBJECTS)
def test_every_object_has_a_staging_model(source: str, name: str) -> None:
    assert (PROJECT / "dbt_project" / "models" / "staging" / source / f"stg_{source}__{name}.sql").exists()


def test_no_column_name_collides_with_the_gates_own() -> None:
    own = re.compile(rf"{UNREADABLE}$|^(row_key|content_hash|known_on|landed_row|version_number|fate)$")
    names = [c for s, o in OBJECTS for c in source_contracts()[s].objects[o].columns]
    assert not [name for name in names if own.search(name)]

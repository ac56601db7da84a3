"""What every rule must say, that each object and mart has its rules, and that they hold where there is nothing."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.gate.tables import (
    MARTS,
    MODELS,
    OBJECTS,
    SUITES,
    empty_candidates,
    prepare_empty,
    table_of,
)

from ckm.contracts import source_contracts
from ckm.gate.candidates import UNREADABLE
from ckm.gate.check import gate_session
from ckm.gate.outcome import ASPECTS
from ckm.gate.suite_files import parameters_asked, read_rules
from ckm.gate.suites import contract_rules, night_parameters, suite_of
from ckm.gate.usual import is_asked
from ckm.sources import Company

Rule = dict[str, Any]
NIGHT = re.compile(r"night|night_start|night_end|night_start_minus_\d+_days")
QUERY = "unexpected_rows_query"


def rules_of(name: str) -> list[Rule]:
    return read_rules(SUITES, name)


def columns_named(rule: Rule) -> set[str]:
    """The columns that a rule names outside of SQL."""
    kwargs = rule["kwargs"]
    single = {kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs}
    return single | set(kwargs.get("column_list", []))


def test_every_object_and_every_mart_has_its_suite_and_no_other_suite_stands_about() -> None:
    files = {file.relative_to(SUITES).with_suffix("").as_posix() for file in SUITES.rglob("*.json")}
    assert files == {*OBJECTS, *MARTS, "audit/load_ledger"}


@pytest.mark.parametrize("name", [*OBJECTS, *MARTS])
def test_each_rule_says_in_a_sentence_what_it_guards_how_severe_it_is_and_what_it_looks_at(name: str) -> None:
    for rule in rules_of(name):
        assert re.fullmatch(r"[A-Z][^\n]+ [^\n]+\.", rule["description"]), rule["meta"]["rule"]
        assert "_" not in rule["description"], (
            f"{rule['meta']['rule']} speaks of columns, not of the business"
        )
        assert rule["severity"] in ("critical", "warning")
        assert re.fullmatch(r"[a-z][a-z0-9_]+", rule["meta"]["rule"])
        assert rule["meta"]["aspect"] in ASPECTS


@pytest.mark.parametrize("name", OBJECTS)
def test_no_rule_of_an_object_is_called_like_one_of_its_contract(name: str) -> None:
    source = name.split("/")[1]
    of_contract = contract_rules(OBJECTS[name], source, source_contracts()[source].objects)
    named = [rule["meta"]["rule"] for rule in [*of_contract, *rules_of(name)]]
    assert len(named) == len(set(named))


@pytest.mark.parametrize("name", OBJECTS)
def test_every_column_is_looked_at_unless_it_is_a_name_an_address_or_a_text(name: str) -> None:
    contract = OBJECTS[name]
    judged = {
        column.removesuffix(UNREADABLE) for rule in contract_rules(contract) for column in columns_named(rule)
    }
    judged |= {column for rule in rules_of(name) for column in columns_named(rule)}
    left = {
        column
        for column, spec in contract.columns.items()
        if column not in judged
        and column not in contract.key
        and not spec.references
        and spec.privacy not in ("direct_identifier", "free_text")
    }
    assert left == set()


@pytest.mark.parametrize("name", OBJECTS)
def test_rules_of_an_object_name_columns_of_its_contract_and_set_aside_rows_only_by_row(name: str) -> None:
    for rule in rules_of(name):
        assert columns_named(rule) <= set(OBJECTS[name].columns), rule["meta"]["rule"]
        if rule["meta"].get("quarantine"):
            assert rule["severity"] == "critical" and rule["kwargs"]["mostly"] < 1, rule["meta"]["rule"]


@pytest.mark.parametrize("name", MARTS)
def test_rules_of_a_mart_name_its_columns_and_set_nothing_aside(name: str) -> None:
    columns = {column["name"] for column in MODELS[name.split("/")[1]][1]["columns"]}
    for rule in rules_of(name):
        assert columns_named(rule) <= columns, rule["meta"]["rule"]
        assert "quarantine" not in rule["meta"]


@pytest.mark.parametrize("name", MARTS)
def test_every_mart_is_judged_from_all_sides(name: str) -> None:
    rules = rules_of(name)
    critical = {rule["meta"]["aspect"] for rule in rules if rule["severity"] == "critical"}
    assert critical >= {"completeness", "key", "type", "freshness", "sum", "volume"}
    assert "range" in {rule["meta"]["aspect"] for rule in rules}


def test_every_aspect_of_the_raw_data_is_looked_at() -> None:
    aspects = {rule["meta"]["aspect"] for name in OBJECTS for rule in rules_of(name)}
    contracts = {rule["meta"]["aspect"] for contract in OBJECTS.values() for rule in contract_rules(contract)}
    assert aspects | contracts == set(ASPECTS)


@pytest.mark.parametrize("name", [*OBJECTS, *MARTS])
def test_every_parameter_is_one_that_the_gate_can_give(name: str) -> None:
    unknown = [p for p in parameters_asked(rules_of(name)) if not is_asked(p) and not NIGHT.fullmatch(p)]
    assert unknown == []


@pytest.mark.parametrize("name", OBJECTS)
def test_values_are_kept_only_of_columns_that_are_no_personal_data(name: str) -> None:
    """The shares of a column's values go on record and into Data Docs, and so do the rows of a query."""
    for rule in rules_of(name):
        if "kl_divergence" in rule["type"]:
            column = rule["kwargs"]["column"]
            assert OBJECTS[name].columns[column].privacy == "none", rule["meta"]["rule"]


@pytest.mark.parametrize("name", [*OBJECTS, *MARTS])
def test_queries_return_figures_and_no_values(name: str) -> None:
    for rule in rules_of(name):
        if QUERY in rule["kwargs"]:
            shown = rule["kwargs"][QUERY].split(" from ")[0].removeprefix("select ")
            for cell in re.split(r", (?![^(]*\))", shown):
                assert re.match(r"(count\(|sum\(|in_mart\.|in_facts\.)", cell), (rule["meta"]["rule"], cell)


def test_no_rule_is_broken_where_there_are_no_rows(tmp_path: Path) -> None:
    """What a company lacks is absent, not wrong; and every column and table that a rule asks for is there."""
    company = Company(name="Test", time_zone="Europe/Berlin")
    verdicts = {}
    with (
        prepare_empty(tmp_path / "warehouse.duckdb") as connection,
        gate_session(connection, tmp_path / "gx") as session,
    ):
        for name in [*OBJECTS, *MARTS]:
            if name in OBJECTS:
                empty_candidates(connection, name)
            rules = rules_of(name)
            asked = parameters_asked(rules)
            missing = {parameter: "no night before" for parameter in asked if is_asked(parameter)}
            no_cells = dict.fromkeys((rule["kwargs"].get("column") for rule in rules), 0)
            night = night_parameters(asked, date(2025, 6, 30), company)
            suite = suite_of(SUITES, name, rules, night, missing, no_cells)
            for result in session.run(suite.expectations, *table_of(name)):
                verdicts[name, result.rule] = (result.outcome, result.message)
    assert len(verdicts) > 400
    assert {rule: verdict for rule, verdict in verdicts.items() if verdict != ("passed", None)} == {}


def test_suites_are_written_as_gx_writes_them() -> None:
    for file in SUITES.rglob("*.json"):
        text = file.read_text("utf-8")
        assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"

"""What the log holds is in the star, and nothing else is: the tests of that stand at every model, and can fail."""

import contextlib
import json
import shutil
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.dbt_project.conftest import FIRST_HALF, PROJECT, Warehouse

from ckm.contracts import source_contracts
from ckm.warehouse import quoted

NIGHT = date(2024, 3, 1)
OF_CUSTOMERS = "assert_every_customer_in_raw_is_in_the_dimension"
VALUES = {
    "string": "a", "integer": 1, "decimal": Decimal(1), "money": Decimal(1), "boolean": True,
    "date": date(2024, 2, 1), "timestamp": datetime(2024, 2, 1, 12),
}  # fmt: skip
# What comes from no single object of a source: a calendar, a list of our own, codes that facts name, customers
# (by a test of their own).
NOT_OF_AN_OBJECT = {
    "dim_date", "dim_cocreation_style", "dim_channel", "dim_complaint_category", "dim_customer",
    "dim_customer_current",
}  # fmt: skip
MODELS = {
    model["name"]: (file.parent.name, model)
    for file in (PROJECT / "models" / "star").rglob("*__models.yml")
    for model in yaml.safe_load(file.read_text("utf-8"))["models"]
    if model["name"].startswith(("fct_", "dim_"))
}
TESTS = {
    name: (schema, test["nothing_lost"]["arguments"])
    for name, (schema, model) in MODELS.items()
    for test in model.get("data_tests", [])
    if isinstance(test, dict) and "nothing_lost" in test
}


def failing(warehouse: Warehouse) -> set[str]:
    """The models whose tests of what is lost fail."""
    with contextlib.suppress(AssertionError):
        warehouse.dbt("test", NIGHT, "--select", "test_name:nothing_lost", OF_CUSTOMERS)
    results = json.loads((warehouse.home / "target" / "run_results.json").read_text())["results"]
    assert len(results) == len(TESTS) + 1
    assert {r["status"] for r in results} <= {"pass", "fail"}, [r["message"] for r in results]
    failed = (r["unique_id"].split(".")[2] for r in results if r["status"] == "fail")
    return {name.removesuffix("_loses_nothing") for name in failed}


@pytest.fixture(scope="module")
def one_of_everything(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A star of one row per object, every model of it a table."""
    warehouse = Warehouse(tmp_path_factory.mktemp("one"))
    for source, contract in source_contracts().items():
        for name, spec in contract.objects.items():
            row = {column: VALUES[declared.type] for column, declared in spec.columns.items()}
            warehouse.insert(name, NIGHT, row, source=source)
    warehouse.dbt("seed", NIGHT)
    warehouse.dbt("run", NIGHT, "--select", *FIRST_HALF)
    with warehouse.connect() as connection:
        for name, (schema, _) in MODELS.items():
            connection.execute(f"create table kept as from {schema}.{name}")
            kind = connection.execute(
                "select table_type from information_schema.tables where table_schema = ? and table_name = ?",
                [schema, name],
            ).fetchone()[0]
            connection.execute(f"drop {'view' if kind == 'VIEW' else 'table'} {schema}.{name}")
            connection.execute(f"create table {schema}.{name} as from kept")
            connection.execute("drop table kept")
    return warehouse


def harmed(warehouse: Warehouse, folder: Path, *statements: str) -> Warehouse:
    """A copy of the warehouse that has seen the statements."""
    shutil.copytree(warehouse.home, folder, ignore=shutil.ignore_patterns("target", "logs"))
    copy = Warehouse(folder)
    with copy.connect() as connection:
        for statement in statements:
            connection.execute(statement)
    return copy


def values_of(arguments: dict[str, Any]) -> list[str]:
    return sorted({column for columns in arguments["objects"].values() for column in columns})


def test_every_fact_and_every_dimension_of_an_object_is_reconciled() -> None:
    assert set(TESTS) == set(MODELS) - NOT_OF_AN_OBJECT


def test_star_that_holds_what_the_log_holds_passes(one_of_everything: Warehouse) -> None:
    assert failing(one_of_everything) == set()
    for name, (schema, arguments) in TESTS.items():
        assert one_of_everything.rows(f"select count(*) from {schema}.{name}")[0][0] >= len(
            arguments["objects"]
        )


def test_row_that_is_lost_fails_its_test(one_of_everything: Warehouse, tmp_path: Path) -> None:
    lost = [
        f"delete from {schema}.{name} where {a['key_column']} = (select max({a['key_column']}) from {schema}.{name}"
        f"{' where is_listed' if 'native_key' in a else ''})"
        for name, (schema, a) in TESTS.items()
    ]
    warehouse = harmed(one_of_everything, tmp_path / "home", *lost, "delete from core.dim_customer_current")
    assert failing(warehouse) == {*TESTS, OF_CUSTOMERS}


def test_row_that_is_invented_fails_its_test(one_of_everything: Warehouse, tmp_path: Path) -> None:
    invented = [
        f"insert into {schema}.{name} select * replace ('x' as {quoted(a['key_column'])}) from {schema}.{name} "
        f"{'where is_listed' if 'native_key' in a else ''} limit 1"
        for name, (schema, a) in TESTS.items()
    ]
    customers = "core.dim_customer_current"
    customer = f"insert into {customers} select * replace ('x' as customer_key) from {customers}"
    warehouse = harmed(one_of_everything, tmp_path / "home", *invented, customer)
    assert failing(warehouse) == {*TESTS, OF_CUSTOMERS}


def test_row_that_is_still_in_the_star_after_its_deletion_fails_its_test(
    one_of_everything: Warehouse, tmp_path: Path
) -> None:
    deleted = [
        f"update raw_{a['system']}.{name} set is_deleted = true"
        for _, a in TESTS.values()
        for name in a["objects"]
    ]
    assert failing(harmed(one_of_everything, tmp_path / "home", *deleted)) == set(TESTS)


def test_value_that_is_another_fails_its_test(one_of_everything: Warehouse, tmp_path: Path) -> None:
    valued = {name: (schema, values_of(a)) for name, (schema, a) in TESTS.items() if values_of(a)}
    assert len(valued) >= 9
    for turn in range(max(len(columns) for _, columns in valued.values())):
        harmed_now = {name: (schema, c[turn]) for name, (schema, c) in valued.items() if turn < len(c)}
        changed = [f"update {s}.{name} set {c} = {c} + 1" for name, (s, c) in harmed_now.items()]
        assert failing(harmed(one_of_everything, tmp_path / f"home{turn}", *changed)) == set(harmed_now)

"""Who may read whom: the way of the data, checked on dbt's manifest."""

import re
from typing import Any

import pytest

from ckm.contracts import source_contracts

from .conftest import PROJECT, Warehouse

pytestmark = pytest.mark.slow

DIMENSIONS = ("star/about_customers", "star/for_customers", "star/from_customers", "star/co_created")
# layer → the layers and sources that its models may read
MAY_READ = {
    "staging": {"source:raw"},
    "identity/records": {"staging"},
    "identity/customers": {
        "staging",
        "seeds",
        "identity/records",
        "identity/customers",
        "source:identity",
        "source:secrets",
    },
    "star/base": {"staging", "identity/customers", "star/base", "star/core"},
    "star/core": {"staging", "identity/customers", "star/base", "star/core"},
    **{
        dimension: {"staging", "identity/customers", "seeds", "star/base", "star/core", dimension}
        for dimension in DIMENSIONS
    },
    "scores": {"star/core", *DIMENSIONS, "scores"},
    "marts": {"star/core", *DIMENSIONS, "scores", "source:scores", "seeds", "marts"},
}


def layer_of(node: dict[str, Any]) -> str:
    if node["resource_type"] == "source":
        return "source:raw" if node["schema"].startswith("raw_") else f"source:{node['schema']}"
    if node["resource_type"] == "seed":
        return "seeds"
    layer, *rest = node["fqn"][1:-1]
    return f"{layer}/{rest[0]}" if layer in ("star", "identity") else layer


def models(warehouse: Warehouse) -> list[dict[str, Any]]:
    return [n for n in warehouse.manifest()["nodes"].values() if n["resource_type"] == "model"]


def test_each_layer_reads_only_what_it_may(empty_build: Warehouse) -> None:
    manifest = empty_build.manifest()
    nodes = {**manifest["nodes"], **manifest["sources"]}
    trespasses = [
        f"{model['name']} ({layer_of(model)}) reads {nodes[parent]['name']} ({layer_of(nodes[parent])})"
        for model in models(empty_build)
        for parent in model["depends_on"]["nodes"]
        if layer_of(nodes[parent]) not in MAY_READ[layer_of(model)]
    ]
    assert trespasses == []


def test_staging_never_joins(empty_build: Warehouse) -> None:
    staging = [m for m in models(empty_build) if layer_of(m) == "staging"]
    assert staging
    assert [m["name"] for m in staging if re.search(r"\bjoin\b", m["compiled_code"], re.IGNORECASE)] == []


def test_only_macros_of_compat_know_an_engine() -> None:
    engine = re.compile(r"(duckdb|spark|default)__")
    strangers = [p.name for p in (PROJECT / "macros").glob("*.sql") if engine.search(p.read_text("utf-8"))]
    assert strangers == []


def test_every_macro_opens_with_what_it_takes_and_gives() -> None:
    files = [*(PROJECT / "macros").rglob("*.sql"), *(PROJECT / "tests" / "generic").glob("*.sql")]
    assert [p.name for p in files if not re.match(r"\{#.*?→.*?#\}", p.read_text("utf-8"), re.DOTALL)] == []


def test_every_object_of_a_built_contract_has_its_staging_model(empty_build: Warehouse) -> None:
    names = {m["name"] for m in models(empty_build)}
    built = {name.split("__")[0].removeprefix("stg_") for name in names if name.startswith("stg_")}
    contracts = source_contracts()
    missing = {f"stg_{s}__{o}" for s in built for o in contracts[s].objects} - names
    assert "crm" in built
    assert missing == set()


def test_staging_keeps_every_column_of_the_contract(empty_build: Warehouse) -> None:
    missing = []
    for source, contract in source_contracts().items():
        for name, spec in contract.objects.items():
            columns = empty_build.rows(
                "select column_name from information_schema.columns "
                f"where table_schema = 'staging' and table_name = 'stg_{source}__{name}'"
            )
            kept = {column for (column,) in columns}
            if kept:
                missing += [f"{source}.{name}.{column}" for column in spec.columns if column not in kept]
    assert missing == []


def test_a_missing_date_stops_the_compiler_with_one_sentence(empty_build: Warehouse) -> None:
    from dbt.cli.main import dbtRunner

    outcome = dbtRunner().invoke(
        ["--quiet", "--log-path", str(empty_build.home / "logs"), "parse", "--no-partial-parse",
         "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
         "--target-path", str(empty_build.home / "target_without_date")]
    )  # fmt: skip
    assert not outcome.success
    assert "The variable as_of_date is missing" in str(outcome.exception)

"""Every model and published column says what it is, and nothing private is published."""

from typing import Any

import pytest

from ckm.contracts import source_contracts

from .conftest import PUBLISHED_SCHEMAS, Warehouse

pytestmark = pytest.mark.slow

MART_TYPES = ("DATE", "TIMESTAMP", "BIGINT", "DOUBLE", "VARCHAR", "BOOLEAN")
# quasi-identifiers that are published under their own name, because the company's own words are coarse enough
PUBLIC_BY_DECISION: set[str] = set()


def models(warehouse: Warehouse) -> list[dict[str, Any]]:
    return [n for n in warehouse.manifest()["nodes"].values() if n["resource_type"] == "model"]


def published_columns(warehouse: Warehouse) -> dict[tuple[str, str], str]:
    schemas = ", ".join(f"'{schema}'" for schema in PUBLISHED_SCHEMAS)
    return {
        (table, column): data_type
        for table, column, data_type in warehouse.rows(
            "select table_name, column_name, data_type from information_schema.columns "
            f"where table_schema in ({schemas})"
        )
    }


def test_every_model_says_what_a_row_is(empty_build: Warehouse) -> None:
    assert [m["name"] for m in models(empty_build) if not m["description"].startswith("One row per ")] == []


def test_every_published_column_is_described_and_every_described_one_exists(empty_build: Warehouse) -> None:
    described = {
        (m["name"], column["name"])
        for m in models(empty_build)
        if m["schema"] in PUBLISHED_SCHEMAS
        for column in m["columns"].values()
        if column["description"]
    }
    assert described == set(published_columns(empty_build))


def test_every_staging_column_is_described(empty_build: Warehouse) -> None:
    described = {
        (m["name"], column["name"])
        for m in models(empty_build)
        if m["schema"] == "staging"
        for column in m["columns"].values()
        if column["description"]
    }
    existing = empty_build.rows(
        "select table_name, column_name from information_schema.columns where table_schema = 'staging'"
    )
    assert described == set(existing)


def test_published_models_have_enforced_contracts(empty_build: Warehouse) -> None:
    published = [m for m in models(empty_build) if m["schema"] in PUBLISHED_SCHEMAS]
    assert published
    assert [m["name"] for m in published if not m["config"]["contract"]["enforced"]] == []


def test_marts_use_only_types_that_every_reader_knows(empty_build: Warehouse) -> None:
    marts = {m["name"] for m in models(empty_build) if m["schema"] == "marts"}
    odd = {
        (table, column): data_type
        for (table, column), data_type in published_columns(empty_build).items()
        if table in marts and data_type not in MART_TYPES and not data_type.startswith("DECIMAL")
    }
    assert odd == {}


def test_every_mart_says_its_date(empty_build: Warehouse) -> None:
    marts = {m["name"] for m in models(empty_build) if m["schema"] == "marts"}
    assert marts <= {table for table, column in published_columns(empty_build) if column == "as_of_date"}


def test_no_private_column_is_published(empty_build: Warehouse) -> None:
    private = {
        column
        for contract in source_contracts().values()
        for spec in contract.objects.values()
        for column, declared in spec.columns.items()
        if declared.privacy != "none"
    } | {"row_key", "native_id", "customer_ref", "source_pointer", "content_hash"}
    published = {column for _, column in published_columns(empty_build)}
    assert published & private == PUBLIC_BY_DECISION


def test_every_published_table_has_a_tested_key(empty_build: Warehouse) -> None:
    manifest = empty_build.manifest()
    unique = {
        n["attached_node"]
        for n in manifest["nodes"].values()
        if n["resource_type"] == "test" and (n.get("test_metadata") or {}).get("name") == "unique"
    }
    published = [m for m in models(empty_build) if m["schema"] in PUBLISHED_SCHEMAS]
    assert [m["name"] for m in published if m["unique_id"] not in unique] == []

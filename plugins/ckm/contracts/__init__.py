"""Canonical objects: what the pipeline knows of a source, whatever system it comes from.

Each `<source>.yml` beside this module declares a source's objects with their columns, types, key,
cursor column and privacy classes. `sources.yml` maps a company's systems to these objects.
"""

from functools import cache
from graphlib import TopologicalSorter
from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

ColumnType = Literal["string", "integer", "decimal", "money", "boolean", "date", "timestamp"]
Privacy = Literal["direct_identifier", "quasi_identifier", "sensitive", "free_text", "none"]

DUCKDB_TYPES: dict[str, str] = {
    "string": "varchar",
    "integer": "bigint",
    "decimal": "decimal(18,6)",
    "money": "decimal(18,4)",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Frozen):
    """One declared column of an object."""

    type: ColumnType
    description: str
    required: bool = False
    privacy: Privacy = "none"
    references: str | None = None

    @property
    def duckdb_type(self) -> str:
        return DUCKDB_TYPES[self.type]


class ObjectContract(_Frozen):
    """One canonical object: its columns, the key that names a row, the cursor that orders its changes."""

    description: str
    key: tuple[str, ...]
    cursor: str | None = None
    columns: dict[str, Column]


class SourceContract(_Frozen):
    """All objects of one source."""

    source: str
    description: str
    objects: dict[str, ObjectContract] = Field(min_length=1)


@cache
def source_contracts() -> dict[str, SourceContract]:
    """Every source's contract by source name, in the order of the names."""
    folder = resources.files(__package__)
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".yml")), key=lambda f: f.name)
    contracts = (SourceContract.model_validate(yaml.safe_load(f.read_text("utf-8"))) for f in files)
    return {contract.source: contract for contract in contracts}


def object_contract(source: str, name: str) -> ObjectContract:
    """The contract of one object.

    Raises:
        KeyError: no contract declares that source or object.
    """
    return source_contracts()[source].objects[name]


def parents_first(source: str) -> list[str]:
    """A source's objects in an order in which each comes after those that it refers to."""
    objects = source_contracts()[source].objects
    refers_to = {
        name: {
            parent
            for column in contract.columns.values()
            for parent in [(column.references or "").partition(".")[0]]
            if parent in objects and parent != name
        }
        for name, contract in objects.items()
    }
    return list(TopologicalSorter(refers_to).static_order())

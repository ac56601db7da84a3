"""Canonical objects: what the pipeline knows of a source, whatever system it comes from.

Each `<source>.yml` beside this module declares a source's objects with their columns, types, key,
cursor column and privacy classes. `sources.yml` maps a company's systems to these objects.
"""

from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ckm import strict_yaml
from ckm.errors import ConfigurationError, did_you_mean

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

    def references(self) -> Iterator[tuple[str, str]]:
        """The place of every column that refers to another, and what it refers to."""
        for name, spec in self.objects.items():
            for column, declared in spec.columns.items():
                if declared.references:
                    yield f"objects.{name}.columns.{column}", declared.references


@cache
def source_contracts() -> dict[str, SourceContract]:
    """Every source's contract by source name, in the order of the names.

    Raises:
        ConfigurationError: see `read_contract`.
    """
    folder = Path(__file__).parent
    contracts = {file.stem: read_contract(file) for file in sorted(folder.glob("*.yml"))}
    for contract in contracts.values():
        for place, references in contract.references():
            parts = references.split(".")
            source, target, column = (
                [contract.source, *parts] if len(parts) == 2 else parts if len(parts) == 3 else "???"
            )
            objects = contracts[source].objects if source in contracts else {}
            if target not in objects or column not in objects[target].columns:
                raise ConfigurationError(
                    f"{folder / contract.source}.yml: {place}.references names no column: write object.column of "
                    "this source, or source.object.column."
                )
    return contracts


def read_contract(file: Path) -> SourceContract:
    """One source's contract.

    Raises:
        ConfigurationError: one sentence that names the file and the field.
    """
    document, faults = strict_yaml.read(file.read_text("utf-8"))
    for fault in faults:
        raise ConfigurationError(f"{file}: {fault}")
    try:
        contract = SourceContract.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(
            f"{file}: {place}: {first['msg']}: write it as the other contracts do."
        ) from None
    if contract.source != file.stem:
        raise ConfigurationError(f"{file}: source must be {file.stem}, as the file is called.")
    for name, spec in contract.objects.items():
        for column in spec.key:
            if column not in spec.columns:
                known = did_you_mean(column, spec.columns)
                raise ConfigurationError(f"{file}: objects.{name}.key names no column: {column}{known}")
        if spec.cursor is not None and getattr(spec.columns.get(spec.cursor), "type", "") != "timestamp":
            raise ConfigurationError(f"{file}: objects.{name}.cursor must be a column of type timestamp.")
    return contract


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

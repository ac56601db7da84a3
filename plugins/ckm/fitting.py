"""What of `sources.yml` must fit together: its objects with the contracts, their fields with the transport, and what
its `identity` block names with the files that are there."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ckm.contracts import ObjectContract, source_contracts
from ckm.errors import ConfigurationError, did_you_mean
from ckm.fields import MANNERS, PLACES, Identity, ObjectMapping

if TYPE_CHECKING:
    from ckm.sources import Sources

QUERIES = ("select", "with", "values", "table", "from", "pivot", "unpivot")  # how one begins that reads
# What a field of files is for, by the endings of the files that it says nothing about.
OF_TEXT, OF_WORKBOOKS = (".parquet", ".xlsx"), (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")
NOT_FOR = {"delimiter": (*OF_TEXT, ".jsonl", ".ndjson"), "encoding": OF_TEXT, "sheet": OF_WORKBOOKS}

EXAMPLES = {
    "integer": "12", "decimal": "12.5", "money": "12.5", "boolean": "true", "date": "'2025-12-31'",
    "timestamp": "'2025-12-31 18:00:00'",
}  # fmt: skip


def misfits(sources: "Sources") -> Iterator[str]:
    """What does not fit, in the order of the file: sentences that begin with the field."""
    yield from (f"identity.{fault}" for fault in _identity(sources.identity))
    contracts = source_contracts()
    for source_name, source in sources.sources.items():
        where = f"sources.{source_name}"
        if source_name not in contracts:
            yield f"{where} is no known source{did_you_mean(source_name, contracts)}"
            continue
        objects = contracts[source_name].objects
        for name, mapping in source.objects.items():
            at = f"{where}.objects.{name}"
            if name not in objects:
                yield f"{at} is no object of {source_name}{did_you_mean(name, objects)}"
                continue
            yield from (f"{at}{fault}" for fault in _place(source.transport, mapping))
            yield from (f"{at}{fault}" for fault in _manner(mapping))
            yield from (f"{at}{fault}" for fault in _columns(f"{source_name}.{name}", objects[name], mapping))
            yield from (f"{at}{fault}" for fault in _cursor(objects[name], mapping))


def _identity(identity: Identity) -> Iterator[str]:
    """The files that are named exist and say what such a file says."""
    if identity.decisions is None and identity.model is None:
        return
    from ckm.identity import decisions, model  # Splink takes a while to load

    for field, file, read in (
        ("decisions", identity.decisions, decisions.read),
        ("model", identity.model, model.read),
    ):
        if file is None:
            continue
        if not file.is_file():
            yield f"{field}: {file} does not exist: correct the path, which starts at the folder of this file."
            continue
        try:
            read(file)
        except ConfigurationError as error:
            yield f"{field}: {error}"


def _place(transport: str, mapping: ObjectMapping) -> Iterator[str]:
    """An object has one place of its transport, and no field of another transport."""
    own, every = PLACES[transport], {place for places in PLACES.values() for place in places}
    given = [place for place in mapping.model_fields_set & every if getattr(mapping, place) is not None]
    if len(given) != 1 or given[0] not in own:
        needed = f"exactly one of {' and '.join(own)}" if len(own) > 1 else f"{own[0]} and no other place"
        yield f" needs {needed}: write it{f', and not {_listed(given)}' if given else ''}."
    others = {name for other, names in MANNERS.items() if other != transport for name in names}
    for field in sorted(mapping.model_fields_set & others):
        yield f".{field} means nothing to the transport {transport}: remove it."


def _manner(mapping: ObjectMapping) -> Iterator[str]:
    """What can be known to be wrong with how an object is read before its system is asked."""
    if mapping.query is not None:
        begins = re.sub(r"--[^\n]*|/\*.*?\*/|[\s(]", " ", mapping.query, flags=re.DOTALL).split()
        if not begins or begins[0].lower() not in QUERIES:
            yield f".query must begin with select or with, not {begins[0] if begins else 'nothing'!r}: it only reads."
    ending = PurePosixPath(mapping.file or "").suffix.lower()
    for field, endings in NOT_FOR.items():
        if field in mapping.model_fields_set and (ending in endings or mapping.query):
            what = f"a {ending} file" if mapping.file else "a query, which says itself how files are read"
            yield f".{field} means nothing to {what}: remove it."
    if "://" in (mapping.endpoint or ""):
        yield ".endpoint must be a path under url, such as complaints, not an address."


def _columns(name: str, contract: ObjectContract, mapping: ObjectMapping) -> Iterator[str]:
    """Columns and constants are those of the contract, each once, the required ones among them."""
    for part, names in (("columns", mapping.columns or {}), ("constants", mapping.constants)):
        for column in names:
            if column not in contract.columns:
                yield f".{part}.{column} is no column of {name}{did_you_mean(column, contract.columns)}"
    for column in sorted(set(mapping.columns or {}) & set(mapping.constants)):
        yield f": {column} is both in columns and in constants; keep one."
    for column, value in mapping.constants.items():
        if column in contract.columns and not _reads(contract, column, value):
            kind = contract.columns[column].type
            yield f".constants.{column} must read as {kind}, such as {EXAMPLES[kind]}, not {value!r}."
    if mapping.columns is not None:
        for column, spec in contract.columns.items():
            if spec.required and column not in mapping.columns and column not in mapping.constants:
                yield (
                    f".columns lacks {column}, which {name} requires: write {column}: and the system's name of it."
                )


def _cursor(contract: ObjectContract, mapping: ObjectMapping) -> Iterator[str]:
    """An API can only be asked for changes where it also says when a record changed."""
    if mapping.updated_since is None:
        return
    if mapping.snapshot or contract.cursor is None:
        why = "snapshot reads everything" if mapping.snapshot else "this object has no time of change"
        yield f".updated_since is of no use, as {why}: remove it."
    elif mapping.columns is not None and contract.cursor not in mapping.columns:
        yield (
            f".updated_since needs {contract.cursor} among columns: write it with the system's name of it."
        )


def _reads(contract: ObjectContract, column: str, value: str | float | bool) -> bool:
    """Whether the gate reads a constant as the column's type."""
    if contract.columns[column].type == "string":
        return True
    import duckdb

    from ckm.gate.candidates import text_of, typed_cell  # they load much, and few files have such constants

    with duckdb.connect() as session:
        sql = typed_cell(contract.columns[column], text_of(value), "UTC")
        return session.execute(f"select {sql}").fetchone()[0] is not None


def _listed(names: list[str]) -> str:
    return " and ".join(sorted(names))

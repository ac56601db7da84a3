"""Transport `files`: CSV, TSV, JSON lines, XLSX and Parquet in a folder, or a query of DuckDB's over them.

folder/<glob>  or  a query over the folder's files  →  batches of text with `_pointer`, and lines that are no record
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa

from ckm.errors import ConfigurationError, ObjectFailed, safe_reason
from ckm.extract.columns import FAULT, HEADER, LINE, POINTER, REPEATED
from ckm.extract.files import delimited, json_lines
from ckm.extract.files.delimited import Delimited
from ckm.extract.files.json_lines import JsonLines
from ckm.extract.files.records import Unreadable
from ckm.extract.files.sheets import Sheet
from ckm.extract.files.stored import StoredFile, refused, repeated, stored_files
from ckm.extract.window import Window
from ckm.fields import ObjectMapping
from ckm.warehouse import limit, literal, quoted

BATCH_ROWS = 100_000


class _Kind(Protocol):
    """A file of one kind: its columns, and its records as tables of text with the landing's own columns."""

    file: StoredFile

    def columns(self) -> list[str]: ...

    def tables(self) -> Iterator[pa.Table]: ...


class FilesReader:
    """Reads one object from the files of one folder; relative names in queries are looked up there."""

    evidence: None = None  # the columns are known without looking at rows

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: list[_Kind] = []
        self._columns: list[str] = []

    def place(self, mapping: ObjectMapping) -> str:
        """Where the object lies, for a sentence."""
        return f"the query over {self.folder.name}" if mapping.query else f"{mapping.file}"

    def columns(self, mapping: ObjectMapping) -> dict[str, list[str]]:
        """The columns of each file, or of the query's result, as they are called there.

        What is found here is what `batches` reads: a file that changes or goes away in between fails the object.

        Raises:
            ObjectFailed: the folder or file is missing, or cannot be read.
        """
        if not self.folder.is_dir():
            raise ObjectFailed(f"the folder {self.folder} does not exist.", "Correct path.")
        if mapping.query:
            with self._query(mapping) as relation:
                return {self.place(mapping): relation.columns}
        self._files = [_kind(file, mapping) for file in stored_files(self.folder, mapping.file or "")]
        found = {one.file.name: one.columns() for one in self._files}
        self._columns = list(dict.fromkeys(name for columns in found.values() for name in columns))
        _demand_distinct(found)
        return found

    def batches(self, mapping: ObjectMapping, cursor: str | None, window: Window) -> Iterator[pa.Table]:
        """The rows inside the window, every column as text, and every line that is no row.

        A file has no index to use, so the window only thins what is handed on; a day's margin on either
        side leaves the exact cut, with its zones, to the gate.
        """
        tables = self._queried(mapping) if mapping.query else self._filed()
        yield from tables if cursor is None else _within(tables, cursor, window)

    def _queried(self, mapping: ObjectMapping) -> Iterator[pa.Table]:
        with self._query(mapping) as relation:
            yield from _as_text(relation, f"query over {self.folder.name} row ")

    def _filed(self) -> Iterator[pa.Table]:
        for one in self._files:
            one.file.demand_unchanged()
        again = repeated([one.file for one in self._files])
        yield self._whole(pa.table({}), is_repeated=False)
        for one in self._files:
            try:
                for table in one.tables():
                    yield self._whole(table, is_repeated=one.file.name in again)
            finally:  # that it changes is also why it may break
                one.file.demand_unchanged()

    def _whole(self, table: pa.Table, *, is_repeated: bool) -> pa.Table:
        """A file's table with the columns of all files."""
        nulls, flags = pa.nulls(len(table), pa.string()), pa.repeat(is_repeated, len(table))
        names = [*self._columns, POINTER, LINE, FAULT, HEADER]
        cells = {name: table[name] if name in table.column_names else nulls for name in names}
        return pa.table(cells | {REPEATED: flags})

    @contextmanager
    def _query(self, mapping: ObjectMapping) -> Iterator[duckdb.DuckDBPyRelation]:
        query = (mapping.query or "").strip().rstrip(";")
        with _duckdb(self.place(mapping)) as session:
            session.execute(f"set file_search_path = {literal(str(self.folder))}")
            yield session.sql(f"select * from ({query})")


class Parquet:
    """One Parquet file, which DuckDB reads."""

    def __init__(self, file: StoredFile, _: ObjectMapping) -> None:
        self.file = file

    def columns(self) -> list[str]:
        with self._relation() as relation:
            return relation.columns

    def tables(self) -> Iterator[pa.Table]:
        with self._relation() as relation:
            yield from _as_text(relation, f"{self.file.name} row ")

    @contextmanager
    def _relation(self) -> Iterator[duckdb.DuckDBPyRelation]:
        try:
            with _duckdb(self.file.name) as session:
                yield session.sql(f"select * from read_parquet({literal(str(self.file.path))})")
        except ObjectFailed as error:
            raise ObjectFailed(str(error), refused=(self.file.name,)) from error


def read_line(header: str, line: str) -> dict[str, str | None]:
    """A line that was set aside and has been mended, as column → text.

    Args:
        header: the landing's `_header` of the line.
        line: the line as it should have been.

    Raises:
        ConfigurationError: it still is no record.
    """
    facts = json.loads(header)
    try:
        if facts.get("format") == "json":
            return json_lines.record(line)
        return delimited.record(line, facts["delimiter"], facts["columns"])
    except Unreadable as error:
        raise ConfigurationError(f"the mended line {error}.") from None


def _kind(file: StoredFile, mapping: ObjectMapping) -> _Kind:
    match file.path.suffix.lower():
        case ".parquet":
            return Parquet(file, mapping)
        case ".jsonl" | ".ndjson":
            return JsonLines(file, mapping)
        case ".xlsx":
            return Sheet(file, mapping)
        case _:
            return Delimited(file, mapping)


def _demand_distinct(found: dict[str, list[str]]) -> None:
    """Raise ObjectFailed where two columns differ only in capitals: the warehouse would take one for the other."""
    spelled: dict[str, str] = {}
    for place, columns in found.items():
        for name in columns:
            other = spelled.setdefault(name.lower(), name)
            if other != name:
                raise refused(
                    place, f"has a column {name} beside {other}: give them names that differ in more"
                )


@contextmanager
def _duckdb(place: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session whose failures are sentences."""
    try:
        with duckdb.connect() as session:
            session.execute("set time zone 'UTC'")
            limit(session)
            yield session
    except (duckdb.Error, pa.ArrowException) as error:
        raise ObjectFailed(f"DuckDB cannot read {place}: {safe_reason(error)}.") from error


def _as_text(relation: duckdb.DuckDBPyRelation, pointer: str) -> Iterator[pa.Table]:
    """The rows as text with `_pointer`, first an empty table that shows the columns."""
    cells = [f"cast({quoted(name)} as varchar) as {quoted(name)}" for name in relation.columns]
    where = f"{literal(pointer)} || row_number() over () as {POINTER}"
    reader = relation.project(f"{', '.join(cells)}, {where}").to_arrow_reader(BATCH_ROWS)
    yield pa.Table.from_batches([], schema=reader.schema)
    for batch in reader:
        yield pa.Table.from_batches([batch])


def _within(tables: Iterator[pa.Table], cursor: str, window: Window) -> Iterator[pa.Table]:
    """The rows of the window, far ahead of it, or without a cursor that can be read, broken lines among them."""
    value, day = f"try_cast({quoted(cursor)} as timestamp)", timedelta(days=1)
    condition = f"{value} is null or {value} >= ? or ({value} < ?"
    bounds = [window.far_ahead - day, window.end + day]
    if window.start:
        condition += f" and {value} >= ?"
        bounds.append(window.start - day)
    moments = [moment.replace(tzinfo=None) for moment in bounds]
    with _duckdb(cursor) as session:
        for table in tables:
            session.register("landed", table)
            yield session.execute(f"select * from landed where {condition})", moments).to_arrow_table()

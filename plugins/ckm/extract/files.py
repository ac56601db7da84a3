"""Transport `files`: CSV, TSV, Parquet, JSON lines and XLSX in a folder, read by DuckDB.

folder/<glob>  or  a query over the folder's files  →  batches of text with `_pointer`
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import duckdb
import pyarrow as pa

from ckm.errors import ObjectFailed, safe_reason
from ckm.extract.text import as_text
from ckm.extract.window import Window
from ckm.fields import ObjectMapping
from ckm.warehouse import literal, quoted

BATCH_ROWS = 100_000


class FilesReader:
    """Reads the files of one folder; relative names in queries are looked up there."""

    evidence: None = None  # the columns are known without looking at rows

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, mapping: ObjectMapping) -> str:
        """Where the object lies, for a sentence."""
        return f"the query over {self.folder.name}" if mapping.query else f"{mapping.file}"

    def files(self, mapping: ObjectMapping) -> list[Path]:
        """The files that `file` names, in the order of their names.

        Raises:
            ObjectFailed: there is none.
        """
        found = sorted(path for path in self.folder.glob(mapping.file or "") if path.is_file())
        if not found:
            raise ObjectFailed(f"no file matches {mapping.file} in {self.folder}.")
        return found

    def columns(self, mapping: ObjectMapping) -> dict[str, list[str]]:
        """The columns of each file, or of the query's result, as they are called there.

        Raises:
            ObjectFailed: the folder or file is missing, or DuckDB cannot read it.
        """
        if not self.folder.is_dir():
            raise ObjectFailed(f"the folder {self.folder} does not exist.")
        with self._session() as session:
            parts = self._parts(session, mapping)
            return {
                place: [n for n in self._relation(session, place, sql).columns if n not in ("_file", "_row")]
                for place, sql in parts.items()
            }

    def batches(self, mapping: ObjectMapping, cursor: str | None, window: Window) -> Iterator[pa.Table]:
        """The rows inside the window, every column as text.

        A file has no index to use, so the window only thins what is handed on; a day's margin on either
        side leaves the exact cut, with its zones, to the gate.
        """
        with self._session() as session:
            everything = " union all by name ".join(
                f"from ({sql})" for sql in self._parts(session, mapping).values()
            )
            self._relation(session, self.place(mapping), everything).create_view("landed")
            names = [name for name, *_ in session.execute("describe landed").fetchall()]
            columns = [
                f"cast({quoted(n)} as varchar) as {quoted(n)}" for n in names if n not in ("_file", "_row")
            ]
            what = f"query over {self.folder.name} row " if mapping.query else None
            pointer = f"{literal(what)} || _row" if what else "_file || ' row ' || _row"
            sql = f"select {', '.join(columns)}, {pointer} as _pointer from landed"
            if cursor:
                value = f"try_cast(cast({quoted(cursor)} as varchar) as timestamp)"
                sql += f" where ({value} is null or {value} >= ? or ({value} < ?"
                day = timedelta(days=1)
                bounds = [m.replace(tzinfo=None) for m in (window.far_ahead - day, window.end + day)]
                if window.start:
                    sql += f" and {value} >= ?"
                    bounds.append((window.start - day).replace(tzinfo=None))
                sql += "))"
                result = session.execute(sql, bounds)
            else:
                result = session.execute(sql)
            reader = result.to_arrow_reader(BATCH_ROWS)
            yield pa.Table.from_batches([], schema=reader.schema)
            for batch in reader:
                yield pa.Table.from_batches([batch])

    def _session(self) -> duckdb.DuckDBPyConnection:
        session = duckdb.connect()
        session.execute("set time zone 'UTC'")
        session.execute(f"set file_search_path = {literal(str(self.folder))}")
        return session

    def _parts(self, session: duckdb.DuckDBPyConnection, mapping: ObjectMapping) -> dict[str, str]:
        """The query, or each file by its name, as DuckDB's SQL."""
        if mapping.query:
            query = mapping.query.strip().rstrip(";")
            return {self.place(mapping): f"select *, row_number() over () as _row from ({query})"}
        return {self._name(path): self._read(session, path, mapping) for path in self.files(mapping)}

    def _relation(self, session: duckdb.DuckDBPyConnection, place: str, sql: str) -> duckdb.DuckDBPyRelation:
        try:
            return session.sql(sql)
        except duckdb.Error as error:
            raise ObjectFailed(f"DuckDB cannot read {place}: {safe_reason(error)}.") from error

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _read(self, session: duckdb.DuckDBPyConnection, path: Path, mapping: ObjectMapping) -> str:
        head = f"select *, {literal(self._name(path))} as _file, row_number() over () as _row from "
        at = literal(str(path))
        match path.suffix.lower():
            case ".parquet":
                return f"{head} read_parquet({at})"
            case ".jsonl" | ".ndjson" if not path.stat().st_size:  # no line, so nothing said of its columns
                cells = [f"cast(null as varchar) as {quoted(n)}" for n in (mapping.columns or {}).values()]
                return f"select {', '.join([*cells, 'null as _file', '0 as _row'])} where false"
            case ".jsonl" | ".ndjson":
                source = f"read_json({at}, format = 'newline_delimited', maximum_depth = 1, sample_size = -1)"
                return f"{head} (select columns(*) ->> '$' from {source})"
            case ".xlsx":
                name = f"sheet of {self._name(path)}"
                session.register(name, _sheet(path, mapping.sheet))
                return f"{head} {quoted(name)}"
            case suffix:
                delimiter = mapping.delimiter or ("\t" if suffix in (".tsv", ".tab") else ",")
                return (
                    f"{head} read_csv({at}, all_varchar = true, header = true, delim = {literal(delimiter)}, "
                    f"quote = '\"', escape = '\"', comment = '', skip = 0, encoding = {literal(mapping.encoding)})"
                )


def _sheet(path: Path, sheet: str | None) -> pa.Table:
    """A worksheet as text; its first row holds the column names."""
    from openpyxl import load_workbook

    try:
        workbook = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, KeyError, ValueError) as error:
        raise ObjectFailed(f"{path.name} is no workbook in the format .xlsx.") from error
    if sheet is not None and sheet not in workbook.sheetnames:
        raise ObjectFailed(f"{path.name} has no sheet {sheet}; it has {', '.join(workbook.sheetnames)}.")
    rows = workbook[sheet or workbook.sheetnames[0]].iter_rows(values_only=True)
    header = [(i, str(name)) for i, name in enumerate(next(rows, ())) if name is not None]
    if len({name for _, name in header}) < len(header):
        raise ObjectFailed(f"{path.name} has two columns of the same name in its first row.")
    cells = list(rows)
    return pa.table({name: pa.array([_cell(row, i) for row in cells], pa.string()) for i, name in header})


def _cell(row: tuple[Any, ...], index: int) -> str | None:
    """A cell as text; rows may end before their last columns, and a workbook knows whole numbers as 1.0 too."""
    value = row[index] if index < len(row) else None
    return as_text(int(value) if isinstance(value, float) and value.is_integer() else value)

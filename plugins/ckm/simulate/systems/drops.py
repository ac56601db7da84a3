"""Files that a system drops into a folder: CSV, TSV, JSON lines, Parquet and workbooks."""

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from ckm.contracts import object_contract
from ckm.simulate.clock import DAY, Clock
from ckm.simulate.draws import Draws
from ckm.simulate.systems.defects import seconds
from ckm.simulate.systems.described import Described
from ckm.simulate.systems.shown import Shown, located, shown
from ckm.warehouse import literal

_ZIPPED_ON = (1980, 1, 1, 0, 0, 0)


def drop(
    folder: Path,
    draws: Draws,
    clock: Clock,
    source: str,
    described: dict[str, Described],
    objects: dict[str, dict],
) -> list[pa.Table]:
    """Write a source's files into `folder/<source>`, take away those it no longer has; return the defects.

    Each file is replaced at once.
    """
    files: dict[str, dict[str, pa.Table]] = {}
    found = []
    for name, columns in objects.items():
        (result,) = shown(draws, clock, source, name, described[name], columns, batch_rows=None)
        for file, part in _by_file(clock, source, name, described[name], result):
            files.setdefault(file, {})[described[name].settings.get("sheet", "")] = part.rows
            found.append(located(source, name, f"{source}/{file}", part.defects))
    (folder / source).mkdir(parents=True, exist_ok=True)
    for file, sheets in files.items():
        new = folder / source / f".{file}"
        _WRITERS[Path(file).suffix](new, sheets)
        new.replace(folder / source / file)
    for file in (folder / source).iterdir():
        if file.name not in files:
            file.unlink()
    return found


def _by_file(
    clock: Clock, source: str, name: str, described: Described, result: Shown
) -> Iterator[tuple[str, Shown]]:
    """The rows of each file, and their defects with their places in that file, from 1.

    There is a file for every month since the company's start, whether it has rows or not.
    """
    if "*" not in described.place:
        yield described.place, result
        return
    cursor = described.columns[object_contract(source, name).cursor]
    month = _months(seconds(result.rows[cursor]) // DAY)
    first, last = _months(np.array([clock.start, clock.end // DAY - 1]))
    row = result.defects["row"].to_numpy(zero_copy_only=False)
    of_defect = np.full(row.size, last)
    shows = ~np.isnan(row.astype(float))
    of_defect[shows] = month[row[shows].astype(np.int64) - 1]
    for number in range(first, last + 1):
        here, theirs = np.nonzero(month == number)[0], of_defect == number
        places = np.full(row.size, -1)
        places[shows] = np.searchsorted(here, row[shows].astype(np.int64) - 1) + 1
        places = pa.array(places[theirs], pa.int64(), mask=~shows[theirs])
        defects = result.defects.filter(pa.array(theirs)).set_column(2, "row", places)
        yield (
            described.place.replace("*", str(np.datetime64(int(number), "M"))),
            Shown(result.rows.take(pa.array(here)), defects),
        )


def _months(days: np.ndarray) -> np.ndarray:
    """Months since 1970-01 of day numbers."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _csv(file: Path, sheets: dict[str, pa.Table], delimiter: str = ";") -> None:
    options = pacsv.WriteOptions(delimiter=delimiter, quoting_style="needed")
    pacsv.write_csv(sheets[""], file, options)


def _tsv(file: Path, sheets: dict[str, pa.Table]) -> None:
    _csv(file, sheets, "\t")


def _parquet(file: Path, sheets: dict[str, pa.Table]) -> None:
    pq.write_table(sheets[""], file)


def _json_lines(file: Path, sheets: dict[str, pa.Table]) -> None:
    with duckdb.connect() as connection:
        connection.register("shown", sheets[""])
        connection.execute(f"copy (from shown) to {literal(str(file))} (format json)")


def _workbook(file: Path, sheets: dict[str, pa.Table]) -> None:
    """A workbook whose bytes depend on its cells only: without the moments that openpyxl writes into it."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        sheet.append(rows.column_names)
        for row in zip(*(column.to_pylist() for column in rows.columns), strict=True):
            sheet.append(row)
    made = io.BytesIO()
    book.save(made)
    with zipfile.ZipFile(made) as parts, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        for part in parts.namelist():
            content = parts.read(part)
            if part == "docProps/core.xml":
                content = _CORE
            out.writestr(zipfile.ZipInfo(part, _ZIPPED_ON), content, zipfile.ZIP_DEFLATED)


_CORE = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"/>'
)
_WRITERS: dict[str, Callable[[Path, dict[str, pa.Table]], None]] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".parquet": _parquet,
    ".jsonl": _json_lines,
    ".xlsx": _workbook,
}

"""Extract: a source's rows, as received, land as Parquet files in the home; the warehouse is not touched.

    system --transport--> Arrow batches of text --dlt--> landing/<run>/<source>/<object>/*.parquet

Every column lands as text under the source's own name, beside the landing's own columns (`columns.py`), so that
nothing is cast or renamed before the gate has seen it. What cannot be read as a row lands too, as it was received.
Extraction keeps no state of its own: where to start is read from the raw log (`ckm.raw.windows`), so a crash can lose
no rows and needs no repair.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from ckm.contracts import ObjectContract, object_contract
from ckm.errors import ObjectFailed, SourceChanging, SourceDown, disk_failure, safe_reason
from ckm.extract import files, sql
from ckm.extract.columns import FAULT, HEADER, LINE, OWN, REPEATED, ROW
from ckm.extract.pointer import own_key
from ckm.extract.window import Window
from ckm.sources import FilesSource, ObjectMapping, RestSource, Sources, mapped_columns

if TYPE_CHECKING:  # dlt takes seconds to load
    from ckm.extract.rest import RestReader

    Reader = files.FilesReader | RestReader | sql.SqlReader

# Of a system that leaves out what is null: so many records without an optional column are needed to call it gone.
RECORDS_TO_MISS_A_COLUMN = 10


@dataclass(frozen=True)
class Landed:
    """What one object's extraction left behind; `failure` is a sentence when the object could not be read.

    `refused` names the files that were refused whole. `is_whole` says that every row the system has was asked for,
    so that what is not there is gone.
    """

    source: str
    object: str
    rows: int
    columns: tuple[str, ...]
    failure: str | None = None
    refused: tuple[str, ...] = ()
    is_whole: bool = False


def extract_source(sources: Sources, name: str, windows: dict[str, Window], landing: Path) -> list[Landed]:
    """Land the night's rows of every object of one source.

    Args:
        sources: the company's configuration.
        name: the source to read.
        windows: the span of the cursor to read, by object.
        landing: folder of the run; `<landing>/<name>` is made anew.

    Returns:
        One `Landed` per object, in the order of `sources.yml`. An object that cannot be read is reported
        with its failure and does not stop the others.
    """
    folder = landing / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    landed = _land(sources, name, windows, folder)
    (folder / "landed.json").write_text(json.dumps([asdict(item) for item in landed], indent=1))
    return landed


def read_landed(folder: Path) -> list[Landed]:
    """What `extract_source` wrote beside the Parquet files of one source."""
    items = json.loads((folder / "landed.json").read_text())
    return [
        Landed(**{**item, "columns": tuple(item["columns"]), "refused": tuple(item["refused"])})
        for item in items
    ]


def _land(sources: Sources, name: str, windows: dict[str, Window], folder: Path) -> list[Landed]:
    import dlt

    dlt.config["schema.naming"] = "direct"  # columns keep the source's own names
    dlt.config["normalize.parquet_normalizer.add_dlt_load_id"] = False
    pipeline = dlt.pipeline(
        pipeline_name=name,
        pipelines_dir=str(folder / ".dlt"),
        destination=dlt.destinations.filesystem(
            bucket_url=folder.resolve().as_uri(), layout="{table_name}/{load_id}.{file_id}.{ext}"
        ),
        dataset_name="objects",
    )
    source = sources.sources[name]
    failures: dict[str, ObjectFailed] = {}
    columns: dict[str, dict[str, None]] = {object_name: {} for object_name in source.objects}
    down: SourceDown | None = None

    def give_up(object_name: str, error: Exception) -> None:
        nonlocal down
        cause = _cause(error)
        failures[object_name] = cause
        if isinstance(cause, SourceDown) and cause.reaches_nothing:
            down = cause

    def extract(objects: list[str], *, is_second: bool = False) -> None:
        """All at once, which is quick; one that breaks half-way sends each on its own way."""
        try:
            if down:
                raise down
            pipeline.extract(
                [
                    dlt.resource(
                        _numbered(opened[o].batches(windows[o]), columns[o]), name=o, max_table_nesting=0
                    )
                    for o in objects
                ],
                loader_file_format="parquet",
            )
        except Exception as error:
            if failed := disk_failure(error, folder, by_words=False):  # the home's: no object is to blame
                raise failed from error
            if len(objects) != 1:
                for object_name in objects:
                    extract([object_name])
            elif isinstance(_cause(error), SourceChanging) and not is_second:
                opened[objects[0]] = _Opened.of(sources, name, objects[0])
                extract(objects, is_second=True)
            else:
                give_up(objects[0], error)

    opened = {o: _Opened.of(sources, name, o) for o in source.objects}
    if isinstance(source, RestSource):  # an API is not asked twice for one object because another breaks
        for object_name in opened:
            extract([object_name])
    else:
        for object_name, one in opened.items():
            try:
                if down:
                    raise down
                one.found = one.look()
            except Exception as error:
                give_up(object_name, error)
        extract([o for o in opened if o not in failures])
    pipeline.normalize()
    pipeline.load(raise_on_failed_jobs=True)
    shutil.rmtree(folder / ".dlt")
    return [
        Landed(
            source=name,
            object=object_name,
            rows=_rows(folder / "objects" / object_name),
            columns=tuple(columns[object_name]),
            failure=f"{name}.{object_name}: {failures[object_name]}" if object_name in failures else None,
            refused=failures[object_name].refused if object_name in failures else (),
            is_whole=windows[object_name].is_whole and object_name not in failures,
        )
        for object_name in source.objects
    ]


def probe_object(sources: Sources, source_name: str, object_name: str) -> tuple[str, list[str]]:
    """Look at an object's place without reading its rows: a name for the place, and the columns it has.

    Raises:
        SourceDown: the system does not answer.
        ObjectFailed: a mapped or required column is missing, or the system refuses.
    """
    opened = _Opened.of(sources, source_name, object_name, probing=True)
    return opened.reader.place(opened.mapping), opened.look()


@dataclass
class _Opened:
    """An object, the reader that can read it, and the columns that were found where they can be looked up."""

    reader: "Reader"
    mapping: ObjectMapping
    contract: ObjectContract
    found: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, sources: Sources, source: str, name: str, *, probing: bool = False) -> "_Opened":
        mapping, contract = sources.sources[source].objects[name], object_contract(source, name)
        return cls(_reader(sources, source, own_key(contract, mapping), probing=probing), mapping, contract)

    def look(self) -> list[str]:
        """The columns that the system has; raises ObjectFailed where one lacks that it must have."""
        parts = self.reader.columns(self.mapping)
        self._demand(parts)
        return list(dict.fromkeys(column for columns in parts.values() for column in columns))

    def batches(self, window: Window) -> Iterator[pa.Table]:
        """The object's rows, whole and with all their columns: else this raises, and nothing of them lands."""
        mapped = mapped_columns(self.contract, self.mapping, self.found)
        is_dated = self.contract.cursor and not self.mapping.snapshot and not window.is_whole
        cursor = mapped.get(self.contract.cursor or "") if is_dated else None
        yield from self.reader.batches(self.mapping, cursor, window)
        if self.reader.evidence is not None:
            self._demand(self.reader.seen(self.mapping))

    def _demand(self, parts: dict[str, list[str]]) -> None:
        """Raise ObjectFailed where a part, such as one of several files, lacks a column.

        A system that leaves out what is null has not lost a column that a few records lack.
        """
        found = [column for columns in parts.values() for column in columns]
        mapped = mapped_columns(self.contract, self.mapping, found)
        for place, columns in parts.items():
            refused = (place,) if self.mapping.file else ()
            has = f"It has {', '.join(columns)}: correct columns."
            if taken := set(OWN) & {column.lower() for column in columns}:
                own = f"{place} has a column {min(taken)}, a name that the landing keeps for itself."
                raise ObjectFailed(own, "Rename it, or read it by a query.", refused)
            for canonical, spec in self.contract.columns.items():
                needed = 1 if spec.required else RECORDS_TO_MISS_A_COLUMN
                if self.reader.evidence is not None and self.reader.evidence < needed:
                    continue
                column = mapped.get(canonical)
                if column is not None and column not in columns:
                    lost = f"column {column} (mapped to {canonical}) is not in {place}."
                    raise ObjectFailed(lost, has, refused)
                if spec.required and column is None and canonical not in self.mapping.constants:
                    lost = f"{place} has no column {canonical}, which is required."
                    raise ObjectFailed(lost, has, refused)


def _numbered(batches: Iterator[pa.Table], columns: dict[str, None]) -> Iterator[pa.Table]:
    """The batches with all of the landing's own columns, as of ordinary rows where a transport does not give them.

    Notes the source's own columns.
    """
    start = 1
    for batch in batches:
        columns.update(dict.fromkeys(name for name in batch.column_names if name not in OWN))
        size = len(batch)
        ordinary = {
            ROW: pa.array(range(start, start + size), pa.int64()),
            **dict.fromkeys((LINE, FAULT, HEADER), pa.nulls(size, pa.string())),
            REPEATED: pa.repeat(False, size),
        }
        for name, values in ordinary.items():
            if name not in batch.column_names:
                batch = batch.append_column(name, values)
        yield batch
        start += size


def _reader(sources: Sources, name: str, key: tuple[str, ...], *, probing: bool) -> "Reader":
    source = sources.sources[name]
    if isinstance(source, RestSource):
        from ckm.extract.rest import RestReader

        return RestReader(source, key, probing=probing)
    if isinstance(source, FilesSource):
        folder = Path(source.path)
        return files.FilesReader(folder if folder.is_absolute() else sources.file.parent / folder)
    return sql.SqlReader(source.url, key, base=sources.file.parent, zone=sources.zone_of(name))


def _rows(folder: Path) -> int:
    return sum(pq.read_metadata(file).num_rows for file in folder.glob("*.parquet"))


def _cause(error: BaseException) -> ObjectFailed:
    """What failed, out of whatever was raised: our own sentence where there is one, else the innermost library's."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ObjectFailed):
            return cause
        innermost, cause = cause, cause.__cause__ or cause.__context__
    return ObjectFailed(f"{safe_reason(innermost)}.")

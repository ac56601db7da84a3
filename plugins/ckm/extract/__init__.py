"""Extract: a source's rows, as received, land as Parquet files in the home; the warehouse is not touched.

    system --transport--> Arrow batches of text --dlt--> landing/<night>/<source>/<object>/*.parquet

Every column lands as text under the source's own name, beside `_row` (its number) and `_pointer` (where it
came from), so that nothing is cast or renamed before the gate has seen it. Extraction keeps no state of its own: where
to start is read from the raw log (`ckm.raw.windows`), so a crash can lose no rows and needs no repair.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ckm.contracts import object_contract
from ckm.errors import ObjectFailed, safe_reason
from ckm.extract import files, sql
from ckm.extract.window import Window
from ckm.sources import FilesSource, ObjectMapping, Sources, mapped_columns

ROW, POINTER = "_row", "_pointer"


@dataclass(frozen=True)
class Landed:
    """What one object's extraction left behind; `failure` is a sentence when the object could not be read."""

    source: str
    object: str
    rows: int
    columns: tuple[str, ...]
    failure: str | None = None


def extract_source(sources: Sources, name: str, windows: dict[str, Window], landing: Path) -> list[Landed]:
    """Land the night's rows of every object of one source.

    Args:
        sources: the company's configuration.
        name: the source to read.
        windows: the span of the cursor to read, by object.
        landing: folder of the night; `<landing>/<name>` is made anew.

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
    return [Landed(**{**item, "columns": tuple(item["columns"])}) for item in items]


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
    failures: dict[str, str] = {}
    columns: dict[str, tuple[str, ...]] = {}
    for object_name in source.objects:
        try:
            columns[object_name] = tuple(_open(sources, name, object_name)[2])
        except Exception as error:
            failures[object_name] = _reason(error, f"{name}.{object_name}")

    def resource(object_name: str) -> Any:
        reader, mapping, _, cursor = _open(sources, name, object_name)
        batches = reader.batches(mapping, cursor, windows[object_name])
        return dlt.resource(_numbered(batches), name=object_name, max_table_nesting=0)

    try:  # all objects at once, which is quick; one that breaks half-way sends each on its own way
        pipeline.extract([resource(o) for o in columns], loader_file_format="parquet")
    except Exception:
        for object_name in columns:
            try:
                pipeline.extract(resource(object_name), loader_file_format="parquet")
            except Exception as error:
                failures[object_name] = _reason(error, f"{name}.{object_name}")
    pipeline.normalize()
    pipeline.load(raise_on_failed_jobs=True)
    shutil.rmtree(folder / ".dlt")
    return [
        Landed(
            source=name,
            object=object_name,
            rows=_rows(folder / "objects" / object_name),
            columns=columns.get(object_name, ()),
            failure=failures.get(object_name),
        )
        for object_name in source.objects
    ]


def probe_object(sources: Sources, source_name: str, object_name: str) -> tuple[str, list[str]]:
    """Look at an object's place without reading its rows: a name for the place, and the columns it has.

    Raises:
        ObjectFailed: a mapped or required column is missing, or the system refuses.
    """
    reader, mapping, found, _ = _open(sources, source_name, object_name)
    return reader.place(mapping), found


def _open(
    sources: Sources, source_name: str, object_name: str
) -> tuple[files.FilesReader | sql.SqlReader, ObjectMapping, list[str], str | None]:
    """An object's reader, its mapping, the columns the system really has, and its cursor column there."""
    mapping = sources.sources[source_name].objects[object_name]
    contract = object_contract(source_name, object_name)
    reader = _reader(sources, source_name)
    found = reader.columns(mapping)
    mapped = mapped_columns(contract, mapping, found)
    place = reader.place(mapping)
    for canonical, column in mapped.items():
        if column not in found:
            raise ObjectFailed(
                f"column {column} (mapped to {canonical}) is not in {place}.", f"It has {', '.join(found)}."
            )
    for canonical, column in contract.columns.items():
        if column.required and canonical not in mapped and canonical not in mapping.constants:
            raise ObjectFailed(
                f"{place} has no column {canonical}, which is required.", f"It has {', '.join(found)}."
            )
    cursor = mapped.get(contract.cursor) if contract.cursor and not mapping.snapshot else None
    return reader, mapping, found, cursor


def _numbered(batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The batches with `_row`, the number of the row within the night's extract, from 1."""
    start = 1
    for batch in batches:
        yield batch.append_column(ROW, pa.array(range(start, start + len(batch)), pa.int64()))
        start += len(batch)


def _reader(sources: Sources, name: str) -> files.FilesReader | sql.SqlReader:
    source = sources.sources[name]
    if isinstance(source, FilesSource):
        folder = Path(source.path)
        return files.FilesReader(folder if folder.is_absolute() else sources.file.parent / folder)
    return sql.SqlReader(source.url, base=sources.file.parent, zone=sources.zone_of(name))


def _rows(folder: Path) -> int:
    return sum(pq.read_metadata(file).num_rows for file in folder.glob("*.parquet"))


def _reason(error: BaseException, place: str) -> str:
    """One sentence out of whatever was raised: our own where there is one, else the innermost library's."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ObjectFailed):
            return f"{place}: {cause}"
        innermost, cause = cause, cause.__cause__ or cause.__context__
    return f"{place}: {safe_reason(innermost)}."

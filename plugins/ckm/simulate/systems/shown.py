"""The rows of an object as its system shows them, in the system's own words."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ckm.simulate.clock import Clock
from ckm.simulate.draws import Draws
from ckm.simulate.systems.defects import plant
from ckm.simulate.systems.described import Described

BATCH_ROWS = 100_000


@dataclass(frozen=True)
class Shown:
    """Rows under the system's column names, and their defects; `defects.row` counts from the object's start."""

    rows: pa.Table
    defects: pa.Table


def shown(
    draws: Draws,
    clock: Clock,
    source: str,
    name: str,
    described: Described,
    columns: dict,
    batch_rows: int | None = BATCH_ROWS,
) -> Iterator[Shown]:
    """The object's rows in batches, at least one; `batch_rows` None gives them all at once.

    `columns` are the canonical columns and `_uid`, a uint64 per row.
    """
    uid: np.ndarray = columns["_uid"]
    rows = pa.table({canonical: columns[canonical] for canonical in given(described, columns)})
    names = [described.columns[canonical] for canonical in rows.column_names]
    done = 0
    for start in range(0, max(uid.size, 1), batch_rows or max(uid.size, 1)):
        part = slice(start, start + (batch_rows or uid.size))
        batch, defects = plant(draws, clock, source, name, rows[part], uid[part])
        batch = batch.rename_columns(names)
        for column, value in described.unmapped.items():
            batch = batch.append_column(column, pa.repeat(value, batch.num_rows))
        numbers = pa.compute.add(defects["row"], done)
        yield Shown(batch, defects.set_column(2, "row", numbers))
        done += batch.num_rows


def given(described: Described, columns: dict) -> dict[str, str]:
    """Canonical column → the system's column, for those that the object's rows hold."""
    unknown = set(columns) - set(described.columns) - {"_uid"}
    if unknown:
        raise KeyError(f"{described.place} has no column for {', '.join(sorted(unknown))}")
    return {canonical: own for canonical, own in described.columns.items() if canonical in columns}


def located(source: str, name: str, place: str, defects: pa.Table) -> pa.Table:
    """The defects as they go on record: source, object, native_key, kind, place, row."""
    return pa.table(
        {
            "source": pa.repeat(source, defects.num_rows),
            "object": pa.repeat(name, defects.num_rows),
            "native_key": defects["native_key"],
            "kind": defects["kind"],
            "place": pa.repeat(place, defects.num_rows),
            "row": defects["row"],
        }
    )

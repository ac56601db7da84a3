"""Where to look for a row in its system, by what the system itself calls it."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ckm.contracts import ObjectContract
from ckm.fields import ObjectMapping


def own_key(contract: ObjectContract, mapping: ObjectMapping) -> tuple[str, ...]:
    """The system's columns that make up an object's key; none where it lacks one of them."""
    parts = [column for column in contract.key if column not in mapping.constants]
    if mapping.columns is None:
        return tuple(parts)
    return tuple(mapping.columns[c] for c in parts) if set(parts) <= set(mapping.columns) else ()


def key_of_each(rows: pa.Table, key: Sequence[str]) -> pa.ChunkedArray | pa.Array:
    """Each row's key as `order_id=A12 line=3`, null where a part of it is missing."""
    if not key or not set(key) <= set(rows.column_names):
        return pa.nulls(len(rows), pa.string())
    parts = [pc.binary_join_element_wise(f"{column}=", rows[column], "") for column in key]
    return pc.binary_join_element_wise(*parts, " ")

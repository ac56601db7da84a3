"""Transport `rest`: a paginated JSON API.

endpoint  →  pages of JSON objects, nested ones flattened to dotted names  →  batches of text with `_pointer`
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ckm.extract.http import JsonApi, shown
from ckm.extract.pointer import key_of_each
from ckm.extract.text import as_text
from ckm.extract.window import Window
from ckm.fields import ObjectMapping, RestSource

DEEPEST = 3  # parts of a dotted name; what lies deeper lands as JSON text
READ_AS = '{"format": "json"}'  # the `_header` of a record that is mended


class RestReader:
    """Reads endpoints of one API; one reader reads one object.

    JSON APIs leave out what is null, so columns are learnt from records: `evidence` is how many were seen.

    Args:
        source: the API as `sources.yml` describes it.
        key: the columns by which a record is named in its pointer.
        probing: give up early where it does not answer.
    """

    def __init__(self, source: RestSource, key: Sequence[str] = (), *, probing: bool = False) -> None:
        self.evidence: int | None = 0
        self._key = key
        self._api = JsonApi(source, probing=probing)
        self._seen: dict[str, None] = {}
        self._null: set[str] = set()

    def place(self, mapping: ObjectMapping) -> str:
        """Where the object lies, for a sentence."""
        return f"endpoint {shown(mapping)}"

    def columns(self, mapping: ObjectMapping) -> dict[str, list[str]]:
        """The columns of the first page, beside those of the pages read before.

        Raises:
            ObjectFailed: the API refuses, does not answer, or gives no list.
        """
        for records in self._api.pages(mapping, dict(mapping.parameters)):
            self._learn(records)
            break
        return self.seen(mapping)

    def seen(self, mapping: ObjectMapping) -> dict[str, list[str]]:
        """The columns of all that was read; a column below a null object counts, as it could not be there."""
        below = [c for c in (mapping.columns or {}).values() if self._null & set(_parents(c))]
        return {self.place(mapping): list(dict.fromkeys([*self._seen, *below]))}

    def batches(self, mapping: ObjectMapping, cursor: str | None, window: Window) -> Iterator[pa.Table]:
        """The rows changed since the window's start, every column as text; the gate cuts its end.

        Each batch has the mapped columns and those that were filled so far.
        """
        parameters: dict[str, Any] = dict(mapping.parameters)
        is_part = bool(mapping.updated_since and window.start)
        if mapping.updated_since and window.start:
            start = window.start.astimezone(UTC)
            parameters[mapping.updated_since] = f"{start:%Y-%m-%dT%H:%M:%SZ}"
        columns = dict.fromkeys((mapping.columns or {}).values())
        yield self._table([], columns, "")
        for number, records in enumerate(self._api.pages(mapping, parameters), 1):
            columns |= dict.fromkeys(
                c for row in self._learn(records) for c, value in row.items() if value is not None
            )
            yield self._table(records, columns, f"{shown(mapping)} page {number} record ")
        if is_part and self.evidence and set((mapping.columns or {}).values()) - set(self._seen):
            self.columns(mapping)  # what the few that changed lack, the others may have

    def _table(self, records: list[Any], columns: dict[str, None], place: str) -> pa.Table:
        """Records as rows of text; one that is no JSON object keeps its JSON beside empty cells."""
        rows = [_flat(record) if isinstance(record, dict) else {} for record in records]
        broken = [not isinstance(record, dict) for record in records]
        cells = {name: [as_text(row.get(name)) for row in rows] for name in columns}
        cells |= {
            "_line": [
                json.dumps(r, ensure_ascii=False) if b else None for r, b in zip(records, broken, strict=True)
            ],
            "_fault": ["is no JSON object" if b else None for b in broken],
            "_header": [READ_AS if b else None for b in broken],
        }
        table = pa.table({name: pa.array(values, pa.string()) for name, values in cells.items()})
        numbers = pa.array([f"{place}{n}" for n in range(1, len(rows) + 1)], pa.string())
        named = pc.binary_join_element_wise(numbers, key_of_each(table, self._key), " ")
        return table.append_column("_pointer", pc.coalesce(named, numbers))

    def _learn(self, records: list[Any]) -> list[dict[str, Any]]:
        """Records as flat rows, whose columns are noted."""
        rows = [_flat(record) for record in records if isinstance(record, dict)]
        for row in rows:
            self._seen |= dict.fromkeys(row)
            self._null |= {column for column, value in row.items() if value is None}
        self.evidence = (self.evidence or 0) + len(rows)
        return rows


def _flat(record: dict[str, Any], above: str = "") -> dict[str, Any]:
    """`{"a": {"b": 1}}` as `{"a.b": 1}`."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        name = f"{above}{key}"
        if isinstance(value, dict) and name.count(".") + 1 < DEEPEST:
            flat |= _flat(value, f"{name}.")
        else:
            flat[name] = value
    return flat


def _parents(column: str) -> list[str]:
    """`a.b.c` lies below `a` and `a.b`."""
    parts = column.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]

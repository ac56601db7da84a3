"""Read files as the transport does, up to what would land."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from ckm.extract.columns import FAULT, HEADER, LINE, POINTER, REPEATED
from ckm.extract.files import FilesReader
from ckm.extract.window import Window
from ckm.fields import ObjectMapping

ALL = Window(None, datetime(2030, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Read:
    """What was read: rows as tuples of cells by pointer without the file's name, and broken lines as (text, fault)."""

    columns: list[str]
    rows: dict[str, tuple[str | None, ...]]
    broken: dict[str, tuple[str, str]]
    headers: list[str]
    repeated: list[bool]

    @property
    def cells(self) -> list[tuple[str | None, ...]]:
        return list(self.rows.values())


def read_files(folder: Path, cursor: str | None = None, window: Window = ALL, **mapping: Any) -> Read:
    """Everything that the mapping's files hold."""
    reader, given = FilesReader(folder), ObjectMapping(**mapping)
    found = reader.columns(given)
    columns = list(dict.fromkeys(name for names in found.values() for name in names))
    records = pa.concat_tables(reader.batches(given, cursor, window)).to_pylist()
    rows, broken = {}, {}
    for record in records:
        place = record[POINTER] if len(found) > 1 else record[POINTER].partition(" ")[2]
        assert place not in rows and place not in broken
        if record[LINE] is None:
            assert record[FAULT] is record[HEADER] is None
            rows[place] = tuple(record[name] for name in columns)
        else:
            assert all(record[name] is None for name in columns)
            broken[place] = (record[LINE], record[FAULT])
    headers = sorted({record[HEADER] for record in records if record[HEADER]})
    return Read(columns, rows, broken, headers, [record[REPEATED] for record in records])


def read_bytes(folder: Path, name: str, content: bytes, **mapping: Any) -> Read:
    """Everything that one file of these bytes holds."""
    (folder / name).write_bytes(content)
    return read_files(folder, file=name, **mapping)

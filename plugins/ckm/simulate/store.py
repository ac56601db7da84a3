"""The store of Parquet files behind the complaint system's API, read anew for every page.

So a store that was replaced is served at once, and the records of a page are never of two stores.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from ckm.errors import ConfigurationError
from ckm.simulate.systems.complaints import COMPLAINTS, ROW, UPDATED, store_file
from ckm.warehouse import literal, quoted


@dataclass(frozen=True)
class Slice:
    """Some records as JSON, joined by commas, and what the next slice begins after, None at the end."""

    records: str
    last: list[Any] | None


class Store:
    """The store under a company's folder.

    Raises:
        ConfigurationError: there is none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in COMPLAINTS:
            if not store_file(folder, name).is_file():
                raise ConfigurationError(f"{folder} holds no complaint system: run ckm simulate first.")
        self._connection = duckdb.connect()
        self._connection.execute("set threads = 1")  # a page is small, and several are asked for at once

    def changed(self, name: str, since: datetime | None) -> tuple[int, int]:
        """How many rows changed at `since` or later, and the number of the first of them."""
        where, values = _since(since)
        sql = f"select count(*), coalesce(min({ROW}), 1) from {self._file(name)} {where}"
        return self._connection.cursor().execute(sql, values).fetchall()[0]

    def records(self, name: str, first: int, count: int) -> str:
        """The records of some row numbers as JSON, joined by commas."""
        where = f"where {ROW} between {first} and {first + count - 1}"
        return self._select(name, where, [], count).records

    def following(self, name: str, since: datetime | None, after: list[Any] | None, count: int) -> Slice:
        """The first records after those that end with `after`: [last change, id, row number]."""
        where, values = _since(since)
        if after is not None:
            where += f"{' and' if where else 'where'} {UPDATED} >= ?::timestamp and {_ORDER} > (?::timestamp, ?, ?)"
            values = [*values, after[0], *after]
        return self._select(name, where, values, count)

    def _select(self, name: str, where: str, values: list[Any], count: int) -> Slice:
        """The first records of a condition; one more is looked for, to know whether there are more."""
        sql = (
            f"select to_json({_record(store_file(self._folder, name))})::varchar, {UPDATED}::varchar, "
            f"coalesce(id, ''), {ROW} from {self._file(name)} {where} order by {ROW} limit {count + 1}"
        )
        found = self._connection.cursor().execute(sql, values).fetchall()
        last = list(found[count - 1][1:]) if len(found) > count else None
        return Slice(",".join(record for record, *_ in found[:count]), last)

    def _file(self, name: str) -> str:
        return f"read_parquet({literal(str(store_file(self._folder, name)))})"


_ORDER = f"({UPDATED}, coalesce(id, ''), {ROW})"


def _since(since: datetime | None) -> tuple[str, list[Any]]:
    return ("", []) if since is None else (f"where {UPDATED} >= ?", [since])


def _record(file: Path) -> str:
    """The SQL of a row as a nested record; a dot in a column's name is a level."""
    return _nested(tuple(name for name in pq.read_schema(file).names if name not in (UPDATED, ROW)))


@cache
def _nested(names: tuple[str, ...]) -> str:
    tree: dict[str, Any] = {}
    for name in names:
        *levels, leaf = name.split(".")
        place = tree
        for level in levels:
            place = place.setdefault(level, {})
        place[leaf] = quoted(name)
    return _struct(tree)


def _struct(tree: dict[str, Any]) -> str:
    fields = (
        f"{literal(name)}: {_struct(value) if isinstance(value, dict) else value}"
        for name, value in tree.items()
    )
    return f"{{{', '.join(fields)}}}"

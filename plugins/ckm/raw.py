"""The raw log: every version of every source row, append-only, in `raw_<source>.<object>`.

A version is (row_key, version_number) with its content hash, the night that first saw it (`known_on`) and
where it came from. `unmapped` carries, as a JSON object, what the source's row had beside the canonical
columns; a change in it alone makes no version. What a night must still read follows from the log alone: there
is no other cursor.
"""

from collections.abc import Sequence
from datetime import date

import duckdb

from ckm.contracts import object_contract
from ckm.extract.window import Window
from ckm.fields import ObjectMapping
from ckm.sources import Sources
from ckm.warehouse import LOG_COLUMNS, quoted


def windows(
    connection: duckdb.DuckDBPyConnection, sources: Sources, source: str, night: date
) -> dict[str, Window]:
    """The span of the cursor that the night reads, for every object of a source.

    It starts `lag_days` before the newest accepted cursor, so late commits are read again and found
    unchanged or new by comparison; an object without cursor has no start and is compared whole.
    """
    spec = sources.sources[source]
    spans = {}
    for name, mapping in spec.objects.items():
        newest = None
        if has_cursor(source, name, mapping):
            cursor = quoted(object_contract(source, name).cursor or "")
            newest = connection.execute(
                f"select max({cursor}) from raw_{source}.{name} where known_on <= ?", [night]
            ).fetchone()[0]
        spans[name] = Window.until(night, sources.company.zone, newest, spec.lag_days)
    return spans


def has_cursor(source: str, name: str, mapping: ObjectMapping, found: Sequence[str] | None = None) -> bool:
    """Whether the company's system fills the object's cursor column.

    Args:
        found: the columns that the system was seen to have, where `columns` does not say.
    """
    cursor = object_contract(source, name).cursor
    if not cursor or mapping.snapshot:
        return False
    if mapping.columns is not None:
        return cursor in mapping.columns
    return found is None or cursor in found


def append(connection: duckdb.DuckDBPyConnection, source: str, name: str, night: date, run_id: str) -> int:
    """Append the admitted rows of `admitted` as the next versions of their keys; returns their number."""
    contract = object_contract(source, name)
    columns = ", ".join(quoted(column) for column in contract.columns)
    log = f"raw_{source}.{name}"
    return connection.execute(
        f"""
        insert into {log} ({", ".join(LOG_COLUMNS)}, {columns})
        select row_key,
               coalesce(last_version, 0)
                   + row_number() over (partition by row_key order by version_order, landed_row),
               content_hash, ?, false, source_pointer, ?, unmapped, {columns}
        from admitted
        left join (
            select row_key, max(version_number) as last_version
            from {log} where row_key in (select row_key from admitted) group by row_key
        ) using (row_key)
        order by landed_row
        """,
        [night, run_id],
    ).fetchone()[0]


def missing_from_snapshot(connection: duckdb.DuckDBPyConnection, source: str, name: str) -> tuple[int, int]:
    """How many of a snapshot object's known rows `gate.present` lacks, and how many are known."""
    return connection.execute(
        f"""
        with latest as (
            select row_key, arg_max(is_deleted, version_number) as is_deleted
            from raw_{source}.{name} group by row_key
        )
        select count(*) filter (row_key not in (select row_key from gate.present)), count(*)
        from latest where not is_deleted
        """
    ).fetchone()


def append_deletions(
    connection: duckdb.DuckDBPyConnection, source: str, name: str, night: date, run_id: str
) -> int:
    """Record, for a snapshot object, that keys which the source no longer has are deleted; returns their number.

    The deleted version repeats the last content, so that history can still say what was deleted.
    """
    columns = ", ".join(quoted(column) for column in object_contract(source, name).columns)
    log = f"raw_{source}.{name}"
    return connection.execute(
        f"""
        insert into {log} ({", ".join(LOG_COLUMNS)}, {columns})
        select row_key, version_number + 1, 'deleted', ?, true, 'missing from the snapshot', ?, unmapped,
            {columns}
        from {log} as latest
        where not exists (
                select 1 from {log} as later
                where later.row_key = latest.row_key and later.version_number > latest.version_number
            )
            and not latest.is_deleted
            and latest.row_key not in (select row_key from gate.present where row_key is not null)
        order by row_key
        """,
        [night, run_id],
    ).fetchone()[0]

"""The raw log: every version of every source row, append-only, in `raw_<source>.<object>`.

A version is (row_key, version_number) with its content hash, the night that first saw it (`known_on`) and
where it came from. `unmapped` carries, as a JSON object, what the source's row had beside the canonical
columns; a change in it alone makes no version. What a night must still read follows from the log, and from the
ledger when all must be read again: there is no other cursor.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import duckdb

from ckm import audit
from ckm.contracts import object_contract
from ckm.extract.window import Window
from ckm.fields import ObjectMapping, RestSource
from ckm.sources import Sources
from ckm.warehouse import LOG_COLUMNS, quoted


def windows(
    connection: duckdb.DuckDBPyConnection, sources: Sources, source: str, night: date
) -> dict[str, Window]:
    """The span of the cursor that the night reads, for every object of a source.

    It starts `lag_days` before the newest accepted cursor, so late commits are read again and found
    unchanged or new by comparison. An object is read whole and compared where it has no cursor yet, where its
    API cannot be asked for less, and where the last time is `full_comparison_days` ago.
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
        is_whole = (
            newest is None
            or (isinstance(spec, RestSource) and not mapping.updated_since)
            or _is_due(connection, source, name, night, spec.full_comparison_days)
        )
        spans[name] = Window.until(night, sources.company.zone, newest, spec.lag_days, is_whole=is_whole)
    return spans


def _is_due(
    connection: duckdb.DuckDBPyConnection, source: str, name: str, night: date, full_comparison_days: int
) -> bool:
    """Whether an object must be read whole again; never where the days are 0."""
    if not full_comparison_days:
        return False
    last = audit.last_whole_on(connection, source, name, until=night)
    return last is None or night - last >= timedelta(days=full_comparison_days)


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


def append(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    name: str,
    night: date,
    run_id: str,
    *,
    is_purged: bool,
) -> tuple[int, int]:
    """Append the admitted rows of `admitted` as the next versions of their keys; returns their number, and that of
    the current versions that were written again.

    A version with an older cursor than the current one came late, if the system still has the current one beside
    it, removes old rows, or the row comes out of the quarantine: the current one is then written again behind it.
    Otherwise the system's clock has stepped back, and what it says now is current.
    """
    contract = object_contract(source, name)
    columns = ", ".join(quoted(column) for column in contract.columns)
    log, cursor = f"raw_{source}.{name}", quoted(contract.cursor) if contract.cursor else "null"
    connection.execute(
        f"""
        create or replace temp table latest as
        select row_key, version_number, content_hash, is_deleted, {cursor} as version_order
        from {log} where row_key in (select row_key from admitted)
        qualify version_number = max(version_number) over (partition by row_key)
        """
    )
    appended = connection.execute(
        f"""
        insert into {log} ({", ".join(LOG_COLUMNS)}, {columns})
        select row_key,
               coalesce(latest.version_number, 0)
                   + row_number() over (partition by row_key order by admitted.version_order, landed_row),
               admitted.content_hash, ?, false, source_pointer, ?, unmapped, {columns}
        from admitted left join latest using (row_key)
        order by landed_row
        """,
        [night, run_id],
    ).fetchone()[0]
    renewed = connection.execute(
        f"""
        insert into {log} ({", ".join(LOG_COLUMNS)}, {columns})
        with overtaken as (
            select row_key, latest.version_number, count(*) as late_versions
            from latest join admitted using (row_key)
            where not latest.is_deleted
            group by row_key, latest.version_number, latest.content_hash
            having bool_and(coalesce(admitted.version_order < latest.version_order, false))
                and (? or max(landed_row) < 0 or (row_key, latest.content_hash) in (
                    select (row_key, content_hash) from gate.present
                    union all select (stands_as, stands_hash) from gate.stand_ins))
        )
        select row_key, version_number + late_versions + 1, content_hash, ?, false, source_pointer, ?, unmapped,
            {columns}
        from {log} join overtaken using (row_key, version_number)
        order by row_key
        """,
        [is_purged, night, run_id],
    ).fetchone()[0]
    return appended, renewed


def find_missing(
    connection: duckdb.DuckDBPyConnection, source: str, name: str, night: date, *, by_file: bool = False
) -> tuple[int, int]:
    """Make `gate.known`, the latest version of each key with `is_missing`: a whole read did not find it. Returns how
    many are missing, and of how many. A row that waits for its night is there, too.

    Args:
        by_file: only rows of files that were read again can be missing; a file that is gone is archived.
    """
    file = "regexp_extract({}, '^(.*) (line|lines|row) ', 1)"
    missing = f"{file.format('source_pointer')} in (select {file.format('source_pointer')} from gate.present)"
    connection.execute(
        f"""
        create or replace table gate.known as
        with latest as (
            select row_key, max(version_number) as version_number,
                arg_max(is_deleted, version_number) as is_deleted,
                arg_max(source_pointer, version_number) as source_pointer
            from raw_{source}.{name} where known_on <= ? group by row_key
        )
        select row_key, version_number,
            row_key not in (from gate.waiting)
                and row_key not in (select row_key from gate.present)
                and row_key not in (select stands_as from gate.stand_ins)
                and {missing if by_file else "true"} as is_missing
        from latest where not is_deleted
        """,
        [night],
    )
    return connection.execute("select count(*) filter (is_missing), count(*) from gate.known").fetchone()


def append_deletions(
    connection: duckdb.DuckDBPyConnection, source: str, name: str, night: date, run_id: str
) -> int:
    """Record that the missing keys of `gate.known` are deleted; returns their number.

    The deleted version repeats the last content, so that history can still say what was deleted.
    """
    columns = ", ".join(quoted(column) for column in object_contract(source, name).columns)
    log = f"raw_{source}.{name}"
    return connection.execute(
        f"""
        insert into {log} ({", ".join(LOG_COLUMNS)}, {columns})
        select row_key, version_number + 1, 'deleted', ?, true, 'not in the system any more', ?, unmapped, {columns}
        from {log} join gate.known using (row_key, version_number)
        where is_missing
        order by row_key
        """,
        [night, run_id],
    ).fetchone()[0]

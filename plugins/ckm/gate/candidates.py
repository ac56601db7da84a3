"""From landed text to typed candidates for the raw log.

    landing/*.parquet → gate.waiting     the keys of rows whose night has not come
                      → gate.present     every other landed row: typed, keyed, hashed, and told what it is
                      → gate.candidates  the rows that would become versions; GX judges these

Each declared column is cast once, here: beside it stands `<column>__unreadable`, which holds the source's
text where it cannot be read as the contract's type, and is null elsewhere.
"""

from collections.abc import Collection
from pathlib import Path

import duckdb

from ckm.contracts import Column, ObjectContract
from ckm.extract.window import Window
from ckm.fields import ObjectMapping
from ckm.warehouse import literal, quoted

UNREADABLE = "__unreadable"
_BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"
_SEPARATOR = "chr(31)"  # ASCII's unit separator: no text that a person typed holds it


def build(
    connection: duckdb.DuckDBPyConnection,
    *,
    source: str,
    name: str,
    contract: ObjectContract,
    mapping: ObjectMapping,
    mapped: dict[str, str],
    columns: Collection[str],
    parquet: Path,
    zone: str,
    window: Window,
    uses_cursor: bool,
    judged_anew: Collection[str] = (),
) -> None:
    """Make `gate.waiting`, `gate.present` and `gate.candidates` from one object's landed files.

    `gate.present.fate` is candidate, unchanged, duplicate or held (already in quarantine, same content).

    Args:
        columns: the columns that landed; those that stand for no canonical one are carried in `unmapped`.
        judged_anew: rules whose verdict depends on more than the row's own content, such as the night; a row
            that one of them set aside is a candidate again.
    """
    cells = {column: _source_text(column, mapped, mapping) for column in contract.columns}
    reads = {column: _typed(spec, cells[column], zone) for column, spec in contract.columns.items()}
    typed = [f"{reads[column]} as {quoted(column)}" for column in contract.columns]
    typed += [
        f"case when ({reads[column]}) is null then {cells[column]} end as {quoted(column + UNREADABLE)}"
        for column in cast_columns(contract)
    ]
    texts = [
        f"coalesce(cast({quoted(column)} as varchar), {quoted(column + UNREADABLE)}, chr(30))"
        if column in cast_columns(contract)
        else f"coalesce({quoted(column)}, chr(30))"
        for column in contract.columns
    ]
    cursor = quoted(contract.cursor) if contract.cursor and uses_cursor else "cast(null as timestamp)"
    connection.execute(
        f"""
        create or replace table gate.keyed as
        with landed as (
            select * from read_parquet({literal(str(parquet / "*.parquet"))}, union_by_name = true)
        ),
        typed as (
            select _row as landed_row, _pointer as source_pointer, {_unmapped(columns, mapped)} as unmapped,
                {", ".join(typed)}
            from landed
        ),
        hashed as (
            select *, {cursor} as version_order, {_waits(cursor, window)} as waits,
                md5(concat_ws({_SEPARATOR}, {", ".join(texts)})) as content_hash
            from typed
        )
        select *, {_row_key(contract, mapped, mapping)} as row_key from hashed
        """
    )
    connection.execute("create or replace table gate.waiting as select row_key from gate.keyed where waits")
    connection.execute(
        f"""
        create or replace table gate.present as
        with compared as (
            select * exclude (waits),
                row_number() over (partition by row_key, content_hash order by landed_row) as copy_number
            from gate.keyed where not waits
        ),
        conflicts as (
            select row_key, version_order
            from compared where copy_number = 1
            group by row_key, version_order having count(*) > 1
        ),
        log as (
            select row_key, version_number, content_hash, {cursor} as version_order, is_deleted
            from raw_{source}.{name}
            where row_key in (select row_key from compared)
        ),
        latest as (
            select row_key,
                arg_max(content_hash, version_number) as latest_hash,
                arg_max(version_order, version_number) as latest_order,
                arg_max(is_deleted, version_number) as is_deleted
            from log group by row_key
        ),
        logged as (select distinct row_key, content_hash, version_order from log where not is_deleted),
        held as (
            select distinct row_key, content_hash from quarantine.rows
            where source = {literal(source)} and object = {literal(name)} and status = 'open'
                and rule not in ({", ".join(literal(rule) for rule in ["", *judged_anew])})
        )
        select compared.*,
            case when conflicts.row_key is not null then 2 else 1 end as contents_per_key,
            case
                when compared.copy_number > 1 then 'duplicate'
                when held.content_hash is not null then 'held'
                when latest.latest_hash = compared.content_hash then 'unchanged'
                when logged.content_hash is not null and compared.version_order < latest.latest_order
                    and not latest.is_deleted then 'unchanged'
                else 'candidate'
            end as fate
        from compared
        left join conflicts
            on compared.row_key = conflicts.row_key
            and compared.version_order is not distinct from conflicts.version_order
        left join latest on compared.row_key = latest.row_key
        left join logged
            on compared.row_key = logged.row_key and compared.content_hash = logged.content_hash
            and compared.version_order is not distinct from logged.version_order
        left join held
            on compared.row_key = held.row_key and compared.content_hash = held.content_hash
        """
    )
    connection.execute("drop table gate.keyed")
    connection.execute(
        "create or replace table gate.candidates as select * from gate.present where fate = 'candidate'"
    )


def cast_columns(contract: ObjectContract) -> list[str]:
    """The columns whose text must be read as another type, and can therefore be unreadable."""
    return [name for name, column in contract.columns.items() if column.type != "string"]


def _waits(cursor: str, window: Window) -> str:
    """The SQL of whether a row's night has not come; one that lies far ahead waits for nothing, but is wrong."""
    end, far_ahead = (f"timestamp '{moment:%Y-%m-%d %H:%M:%S}'" for moment in (window.end, window.far_ahead))
    return f"coalesce({cursor} >= {end} and {cursor} < {far_ahead}, false)"


def _unmapped(columns: Collection[str], mapped: dict[str, str]) -> str:
    """The SQL of a JSON object of the filled cells that stand for no canonical column, null where there is none."""
    rest = [column for column in columns if column not in mapped.values()]
    if not rest:
        return "cast(null as varchar)"
    cells = ", ".join(f"{quoted(column)} := landed.{quoted(column)}" for column in rest)
    filled = f"json_merge_patch('{{}}', to_json(struct_pack({cells})))"  # a patch leaves out what is null
    return f"nullif(cast({filled} as varchar), '{{}}')"


def _source_text(column: str, mapped: dict[str, str], mapping: ObjectMapping) -> str:
    """The SQL of a column's text as landed: trimmed, blank as null; a constant; or null where unmapped."""
    if column in mapping.constants:
        value = mapping.constants[column]
        return literal(str(value).lower() if isinstance(value, bool) else str(value))
    if column in mapped:
        return f"nullif(trim(landed.{quoted(mapped[column])}, {_BLANKS}), '')"
    return "cast(null as varchar)"


def _typed(column: Column, text: str, zone: str) -> str:
    """The SQL that reads a text as the column's type, null where it cannot be read.

    Stricter than a cast: `12.7` is no integer, `nan` no number, `2024` no date; a time with an offset is
    taken at its word and a time without one in the source's zone, both become UTC.
    """
    match column.type:
        case "string":
            return text
        case "integer":
            return (
                rf"case when regexp_full_match({text}, '[+-]?\d+(\.0+)?') then try_cast({text} as bigint) end"
            )
        case "decimal" | "money":
            number = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"
            return f"case when regexp_full_match({text}, '{number}') then try_cast({text} as {column.duckdb_type}) end"
        case "boolean":
            return (
                f"case when lower({text}) in ('true', 't', 'yes', 'y', '1', '1.0') then true "
                f"when lower({text}) in ('false', 'f', 'no', 'n', '0', '0.0') then false end"
            )
        case "date":
            return (
                rf"case when regexp_full_match({text}, '\d{{4}}-\d{{1,2}}-\d{{1,2}}([ T]00:00(:00(\.0+)?)?)?') "
                f"then try_cast(left({text}, 10) as date) end"
            )
        case "timestamp":
            moment = r"\d{4}-\d{1,2}-\d{1,2}[ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?"
            zone_part = r" ?(UTC|GMT|Z|z|[+-]\d{2}(:?\d{2})?)"
            return (
                f"case when regexp_full_match({text}, '{moment}{zone_part}') "
                f"then try_cast({text} as timestamptz) at time zone 'UTC' "
                rf"when regexp_full_match({text}, '{moment}|\d{{4}}-\d{{1,2}}-\d{{1,2}}') "
                f"then try_cast({text} as timestamp) at time zone {literal(zone)} at time zone 'UTC' end"
            )


def _row_key(contract: ObjectContract, mapped: dict[str, str], mapping: ObjectMapping) -> str:
    """The SQL of a row's key: its native key, or where that is not whole, its content and occurrence number.

    Two identical lines of a source without line numbers thus stay two lines.
    """
    by_content = "content_hash || '#' || row_number() over (partition by content_hash order by landed_row)"
    if not set(contract.key) <= set(mapped) | set(mapping.constants):
        return by_content
    native = f" || {_SEPARATOR} || ".join(f"cast({quoted(column)} as varchar)" for column in contract.key)
    return f"coalesce({native}, {by_content})"

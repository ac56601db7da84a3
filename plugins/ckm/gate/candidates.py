"""From landed text to typed candidates for the raw log.

    landing/*.parquet + queued rows → gate.landed      what is judged tonight, as received
                                    → gate.waiting     the keys of rows whose night has not come
                                    → gate.present     every other row's key and hash, and what it is
                                    → gate.candidates  the rows that would become versions; GX judges these

Only keys and hashes of all rows are kept beside each other; the rows themselves are read a second time for those
that are candidates, so that a night's memory and writing grow with what is new. Each declared column is cast
once per reading: beside it stands `<column>__unreadable`, which holds the source's text where it cannot be read as
the contract's type, and is null elsewhere.
"""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import duckdb

from ckm.contracts import Column, ObjectContract
from ckm.extract.window import Window
from ckm.fields import ObjectMapping
from ckm.gate.shown import find_stand_ins, settle_older
from ckm.warehouse import literal, quoted

UNREADABLE = "__unreadable"
LINE_UNREADABLE = "line" + UNREADABLE  # why a line or record is none
_BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"
_SEPARATOR = "chr(31)"  # ASCII's unit separator: no text that a person typed holds it


def lay_out(
    connection: duckdb.DuckDBPyConnection, source: str, name: str, columns: Collection[str], parquet: Path
) -> list[str]:
    """Make the view `gate.landed`: what was extracted, and with negative numbers the quarantined rows that a person
    has queued for replay; returns its data columns.

    Args:
        columns: the columns that landed; a queued row may have others.
    """
    connection.execute(
        """
        create or replace table gate.replays as
        select -row_number() over (order by first_seen_on, quarantine_id) as landed_row, quarantine_id,
            coalesce(mended, content) as content, source_pointer,
            case when mended is null then row_key end as own_key
        from quarantine.rows where source = ? and object = ? and status = 'queued'
        """,
        [source, name],
    )
    queued = connection.execute(
        "select distinct unnest(json_keys(content)) as key from gate.replays order by key"
    ).fetchall()
    own = ("_line", "_header")
    data = list(dict.fromkeys([*columns, *(key for (key,) in queued if key not in own)]))
    absent = [f"cast(null as varchar) as {quoted(column)}" for column in data if column not in columns]
    cells = [
        f"content ->> {literal('$.' + _json_name(column))} as {quoted(column)}"
        for column in [*data, "_line", "_header"]
    ]
    connection.execute(
        f"""
        create or replace view gate.landed as
        select {", ".join(["*", *absent])}
        from read_parquet({literal(str(parquet / "*.parquet"))}, union_by_name = true)
        union all by name
        select landed_row as _row, source_pointer as _pointer, false as _repeated,
            case when content ->> '$._line' is not null then 'has not been mended' end as _fault,
            {", ".join(cells)}
        from gate.replays
        """
    )
    return data


def build(
    connection: duckdb.DuckDBPyConnection,
    *,
    source: str,
    name: str,
    contract: ObjectContract,
    mapping: ObjectMapping,
    mapped: dict[str, str],
    columns: Collection[str],
    zone: str,
    window: Window,
    uses_cursor: bool,
    judged_anew: Collection[str] = (),
    forgotten_before: datetime | None = None,
) -> None:
    """Make `gate.waiting`, `gate.present` and `gate.candidates` from one object's `gate.landed`.

    `gate.present.fate` is candidate, unchanged (also: a person has mended this very content), duplicate, held
    (already in quarantine, same content) or discarded (a person has decided to leave it out). `is_nameless` says
    that a row which should name itself by its native key does not.

    Args:
        columns: the data columns of `gate.landed`; those that stand for no canonical one are carried in
            `unmapped`.
        judged_anew: rules whose verdict depends on more than the row's own content, such as the night; a row
            that one of them set aside is a candidate again.
        forgotten_before: the moment in UTC before which versions that others superseded have left the raw log; one
            that the system still shows beside the current one is as if it were there.
    """
    typed = _typed_rows(contract, mapping, mapped, columns, zone)
    cursor = quoted(contract.cursor) if contract.cursor and uses_cursor else "cast(null as timestamp)"
    is_dated = "true" if cursor.startswith("cast") else f"{quoted(str(contract.cursor) + UNREADABLE)} is null"
    native = set(contract.key) <= set(mapped) | set(mapping.constants)
    judged = ", ".join(literal(rule) for rule in ["", *judged_anew])
    forgotten = "false"
    if forgotten_before:
        forgotten = f"compared.version_order < timestamp '{forgotten_before:%Y-%m-%d %H:%M:%S}'"
    alike = "partition by content_hash, is_repeated, own_key order by landed_row < 0, landed_row"
    connection.execute(
        f"""
        create or replace table gate.keyed as
        with typed as ({typed} from gate.landed as landed),
        hashed as (
            select landed_row, source_pointer, is_repeated, {cursor} as version_order,
                {_waits(cursor, window)} as waits, {is_dated} as is_dated,
                coalesce(md5(line), md5(concat_ws({_SEPARATOR}, {", ".join(_texts(contract))}))) as content_hash,
                {_native_key(contract) if native else "cast(null as varchar)"} as native_key, own_key
            from typed left join (select landed_row, own_key from gate.replays) using (landed_row)
        )
        select * exclude (native_key, own_key),
            coalesce(native_key, own_key, content_hash || '#' || row_number() over ({alike})) as row_key,
            native_key is null and {str(native).lower()} as is_nameless
        from hashed
        """
    )
    connection.execute("create or replace table gate.waiting as select row_key from gate.keyed where waits")
    find_stand_ins(connection, source, name, cursor)
    connection.execute(
        f"""
        create or replace table gate.present as
        with decided as (
            select row_key, content_hash,
                bool_or(status = 'discarded') as is_discarded,
                bool_or(status = 'queued' and mended is not null) or (row_key, content_hash) in (
                    select (row_key, content_hash) from gate.stand_ins where is_standing
                ) as is_mended,
                bool_or(status = 'open' and rule not in ({judged})) as is_held
            from quarantine.rows where source = {literal(source)} and object = {literal(name)}
            group by row_key, content_hash
        ),
        compared as (
            select keyed.landed_row, keyed.row_key, keyed.content_hash, keyed.version_order, keyed.is_repeated,
                keyed.is_dated,
                row_number() over (
                    partition by keyed.row_key, keyed.content_hash, keyed.is_repeated order by keyed.landed_row
                ) as copy_number,
                decided.is_discarded, decided.is_mended, decided.is_held
            from gate.keyed as keyed
            left join decided  -- a replayed row is judged whatever was decided about it before
                on keyed.row_key = decided.row_key and keyed.content_hash = decided.content_hash
                and keyed.landed_row > 0
            where not keyed.waits
        ),
        contents as (
            select row_key, version_order, count(*) as rows
            from compared
            where copy_number = 1 and not is_repeated and is_dated
                and is_discarded is not true and is_mended is not true
            group by row_key, version_order
        ),
        conflicts as (  -- a row without a moment may be before or after any other
            select row_key, version_order from contents
            where rows > 1 or row_key in (
                select row_key from contents where version_order is null
                intersect select row_key from contents where version_order is not null
            )
        ),
        log as (
            select row_key, version_number, content_hash, {cursor} as version_order, is_deleted
            from raw_{source}.{name}
            where row_key in (select row_key from gate.keyed)
        ),
        latest as (
            select row_key,
                arg_max(content_hash, version_number) as latest_hash,
                arg_max(version_order, version_number) as latest_order,
                arg_max(is_deleted, version_number) as is_deleted
            from log group by row_key
        ),
        logged as (select distinct row_key, content_hash, version_order from log where not is_deleted),
        fates as (
            select compared.landed_row,
                case when conflicts.row_key is not null then 2 else 1 end as contents_per_key,
                case
                    when compared.copy_number > 1 or compared.is_repeated then 'duplicate'
                    when compared.is_discarded then 'discarded'
                    when compared.is_mended then 'unchanged'
                    when compared.is_held then 'held'
                    when latest.latest_hash = compared.content_hash then 'unchanged'
                    when (logged.content_hash is not null or {forgotten})
                        and compared.version_order < latest.latest_order and not latest.is_deleted then 'older'
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
        )
        select keyed.* exclude (waits, is_dated), fates.contents_per_key, fates.fate
        from gate.keyed join fates using (landed_row)
        """
    )
    connection.execute("drop table gate.keyed")
    settle_older(connection, source, name, is_purged=mapping.purged)
    connection.execute(
        f"""
        create or replace table gate.candidates as
        with candidate as (select * from gate.present where fate = 'candidate'),
        typed as ({typed} from gate.landed as landed where _row in (select landed_row from candidate))
        select typed.* exclude (is_repeated, line), candidate.version_order, candidate.content_hash,
            candidate.row_key, candidate.contents_per_key
        from typed join candidate using (landed_row)
        """
    )


def _typed_rows(
    contract: ObjectContract,
    mapping: ObjectMapping,
    mapped: dict[str, str],
    columns: Collection[str],
    zone: str,
) -> str:
    """The SELECT list that reads rows of `gate.landed` as the contract's types."""
    cells = {column: _source_text(column, mapped, mapping) for column in contract.columns}
    reads = {column: typed_cell(spec, cells[column], zone) for column, spec in contract.columns.items()}
    typed = [f"{reads[column]} as {quoted(column)}" for column in contract.columns]
    typed += [
        f"case when ({reads[column]}) is null then {cells[column]} end as {quoted(column + UNREADABLE)}"
        for column in cast_columns(contract)
    ]
    return (
        "select _row as landed_row, _pointer as source_pointer, _repeated as is_repeated, _line as line, "
        f"_fault as {LINE_UNREADABLE}, {_unmapped(columns, mapped)} as unmapped, {', '.join(typed)}"
    )


def _texts(contract: ObjectContract) -> list[str]:
    """The SQL of each cell as the text that the content hash is made of."""
    return [
        f"coalesce(cast({quoted(column)} as varchar), {quoted(column + UNREADABLE)}, chr(30))"
        if column in cast_columns(contract)
        else f"coalesce({quoted(column)}, chr(30))"
        for column in contract.columns
    ]


def _json_name(column: str) -> str:
    """A column as a step of a JSON path."""
    return '"' + column.replace('"', '\\"') + '"'


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
        return text_of(mapping.constants[column])
    if column in mapped:
        return f"nullif(trim(landed.{quoted(mapped[column])}, {_BLANKS}), '')"
    return "cast(null as varchar)"


def text_of(constant: str | float | bool) -> str:
    """The SQL of a constant of `sources.yml` as text."""
    return literal(str(constant).lower() if isinstance(constant, bool) else str(constant))


def typed_cell(column: Column, text: str, zone: str) -> str:
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


def _native_key(contract: ObjectContract) -> str:
    """The SQL of a row's native key, null where it is not whole.

    Such a row, and every row of an object without all parts of its key, is known by its content and occurrence
    number: two identical lines of a source without line numbers stay two lines.
    """
    return f" || {_SEPARATOR} || ".join(f"cast({quoted(column)} as varchar)" for column in contract.key)

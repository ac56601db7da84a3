"""Whether the system still shows what stands in the log: as itself, or as a row that a person has mended into it."""

import duckdb


def find_stand_ins(connection: duckdb.DuckDBPyConnection, source: str, name: str, cursor: str) -> None:
    """Make `gate.stand_ins` from `gate.keyed`: the key and hash of each such row, of what it was mended into
    (`stands_as`, `stands_hash`), and whether that `is_latest` or at least `is_standing`: history of a version that
    the system shows beside it. One that is neither must be judged again: since it was mended, another row took its
    place or it was deleted, and now it is back.

    Args:
        cursor: the SQL of the cursor column, or of null.
    """
    connection.execute(
        f"""
        create or replace table gate.stand_ins as
        with mended as (
            select distinct row_key, content_hash, replayed_as as stands_as, replayed_hash as stands_hash
            from quarantine.rows semi join gate.keyed using (row_key, content_hash)
            where rows.source = ? and rows.object = ? and rows.status = 'replayed' and rows.mended is not null
        ),
        log as (
            select row_key, version_number, content_hash, {cursor} as version_order, is_deleted
            from raw_{source}.{name} where row_key in (select stands_as from mended)
        ),
        latest as (
            select * from log qualify version_number = max(version_number) over (partition by row_key)
        ),
        shown as (select latest.row_key from latest semi join gate.keyed using (row_key, content_hash)),
        history as (
            select log.row_key, log.content_hash
            from log join latest using (row_key) join shown using (row_key)
            where not log.is_deleted and log.version_order < latest.version_order
        )
        select distinct mended.*,
            coalesce(latest.content_hash = stands_hash, false) as is_latest,
            is_latest or history.row_key is not null as is_standing
        from mended
        left join latest on latest.row_key = stands_as
        left join history on history.row_key = stands_as and history.content_hash = stands_hash
        """,
        [source, name],
    )


def settle_older(connection: duckdb.DuckDBPyConnection, source: str, name: str, *, is_purged: bool) -> None:
    """Turn the fate older, of rows that are logged under an older cursor than the current version's, into another.

    Beside the current version such a row is history and unchanged, as it is where the system removes old rows. Alone it
    is what the system says now, as after a restored backup: a candidate.
    """
    connection.execute(
        f"""
        update gate.present
        set fate = if(? or row_key in (
            select row_key from (
                select row_key, content_hash from raw_{source}.{name}
                where row_key in (select row_key from gate.present where fate = 'older')
                qualify version_number = max(version_number) over (partition by row_key)
            ) semi join (
                select row_key, content_hash from gate.present
                union all select stands_as, stands_hash from gate.stand_ins
            ) using (row_key, content_hash)
        ), 'unchanged', 'candidate')
        where fate = 'older'
        """,
        [is_purged],
    )

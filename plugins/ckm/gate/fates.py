"""What becomes of judged rows: the broken ones are set aside as they came, the sound ones join the raw log."""

from collections.abc import Collection
from datetime import date

import duckdb

from ckm import raw
from ckm.audit import LedgerRow
from ckm.bulk import insert_rows
from ckm.gate.outcome import RuleResult
from ckm.warehouse import literal, quoted


def waits(source: str, name: str) -> str:
    """SQL that is true of a candidate which waits in the quarantine already and is judged again."""
    return f"""landed_row > 0 and (row_key, content_hash) in (
        select (row_key, content_hash) from quarantine.rows
        where source = {literal(source)} and object = {literal(name)} and status = 'open'
    )"""


def broken_again(connection: duckdb.DuckDBPyConnection, source: str, name: str) -> dict[int, int]:
    """How many rows that wait already break each rule again, by its number in `gate.broken`."""
    waiting = f"select landed_row from gate.candidates where {waits(source, name)}"
    return dict(
        connection.execute(
            f"select rule_number, count(*) from gate.broken join ({waiting}) using (landed_row) group by rule_number"
        ).fetchall()
    )


def set_aside(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    name: str,
    columns: Collection[str],
    results: list[RuleResult],
    night: date,
    run_id: str,
) -> None:
    """Write broken candidates to the quarantine as they were received; known ones are only seen again.

    A line that could not be read has the content `{"_line": its text, "_header": how to read it}`. A replayed row
    that breaks a rule again goes back to where it was, with the rule it breaks now.

    Args:
        columns: the data columns of `gate.landed`.
    """
    cells = ", ".join(f"{quoted(column)} := {quoted(column)}" for column in columns)
    connection.execute(
        "create or replace temp table rules (rule_number integer, rule varchar, severity varchar, description varchar)"
    )
    insert_rows(
        connection,
        "rules",
        ("rule_number", "rule", "severity", "description"),
        [[number, r.rule, r.severity, r.description] for number, r in enumerate(results)],
    )
    connection.execute(
        """
        create or replace temp table verdicts as
        with broken as (
            select landed_row, min(rule_number) as rule_number, list(rule order by rule_number) as all_rules
            from gate.broken join rules using (rule_number) group by landed_row
        )
        select landed_row, rules.* exclude (rule_number),
            nullif(array_to_string(all_rules[2:], ', '), '') as other_rules
        from broken join rules using (rule_number)
        """
    )
    connection.execute(
        f"""
        insert into quarantine.rows
            (quarantine_id, source, object, rule, other_rules, severity, description, row_key, content_hash, content,
             detail, source_pointer, first_run_id, first_seen_on, last_run_id, last_seen_on, status)
        select md5(concat_ws('|', ?, verdicts.landed_row, {literal(source)}, {literal(name)})),
            {literal(source)}, {literal(name)}, verdicts.rule, verdicts.other_rules, verdicts.severity,
            verdicts.description, present.row_key, present.content_hash, landed.content, landed.detail,
            present.source_pointer, ?, ?, ?, ?, 'open'
        from verdicts
        join gate.present as present using (landed_row)
        join (
            select _row, _fault as detail,
                cast(case when _line is null then to_json(struct_pack({cells}))
                     else json_object('_line', _line, '_header', _header) end as varchar) as content
            from gate.landed where _row in (select landed_row from verdicts)
        ) as landed on landed._row = verdicts.landed_row
        where verdicts.landed_row > 0 and not exists (
            select 1 from quarantine.rows as known
            where known.source = {literal(source)} and known.object = {literal(name)} and known.status = 'open'
                and known.row_key = present.row_key and known.content_hash = present.content_hash
        )
        """,
        [run_id, run_id, night, run_id, night],
    )
    connection.execute(
        """
        update quarantine.rows set last_run_id = ?, last_seen_on = ?
        from (
            select distinct row_key, content_hash from gate.present
            where landed_row > 0 and (fate = 'held' or landed_row in (select landed_row from verdicts))
        ) as again
        where rows.source = ? and rows.object = ? and rows.status = 'open'
            and rows.row_key = again.row_key and rows.content_hash = again.content_hash
        """,
        [run_id, night, source, name],
    )
    connection.execute(  # a decision is not forgotten as long as the system sends what it was about
        """
        update quarantine.rows set last_seen_on = ?
        from gate.present
        where rows.source = ? and rows.object = ? and rows.status in ('discarded', 'replayed')
            and present.landed_row > 0
            and rows.row_key = present.row_key and rows.content_hash = present.content_hash
        """,
        [night, source, name],
    )
    connection.execute(
        """
        update quarantine.rows
        set status = 'open', rule = verdicts.rule, other_rules = verdicts.other_rules, last_run_id = ?,
            severity = verdicts.severity, description = verdicts.description, last_seen_on = ?
        from gate.replays join verdicts using (landed_row)
        where rows.quarantine_id = replays.quarantine_id
        """,
        [run_id, night],
    )


def take_in(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    name: str,
    night: date,
    run_id: str,
    *,
    is_whole: bool,
    is_purged: bool,
    records_deletions: bool,
) -> LedgerRow:
    """Append the sound candidates to the raw log and add up what became of every row."""
    _admit(connection)
    loaded, renewed = raw.append(connection, source, name, night, run_id, is_purged=is_purged)
    _settle(connection, source, name, night, run_id)
    deleted = raw.append_deletions(connection, source, name, night, run_id) if records_deletions else 0
    fates = dict(connection.execute("select fate, count(*) from gate.present group by fate").fetchall())
    replayed = connection.execute("select count(*) from gate.present where landed_row < 0").fetchone()[0]
    return LedgerRow(
        source,
        name,
        extracted=sum(fates.values()) - replayed,
        replayed=replayed,
        loaded=loaded,
        unchanged=fates.get("unchanged", 0),
        duplicate=fates.get("duplicate", 0),
        quarantined=fates.get("held", 0)
        + fates.get("candidate", 0)
        - connection.execute("select count(*) from admitted").fetchone()[0],
        suppressed=fates.get("discarded", 0),
        deleted=deleted,
        renewed=renewed,
        is_whole=is_whole,
    )


def _admit(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `admitted`: the candidates that break no rule."""
    connection.execute(
        "create or replace temp table admitted as select * from gate.candidates as candidate "
        "where not exists (select 1 from gate.broken where broken.landed_row = candidate.landed_row)"
    )


def nameless_rows(connection: duckdb.DuckDBPyConnection) -> int:
    """How many of tonight's rows may be any known one: lines that cannot be read, rows without their key."""
    return connection.execute(
        "select count(*) from gate.present where is_nameless and fate in ('held', 'candidate')"
    ).fetchone()[0]


def _settle(connection: duckdb.DuckDBPyConnection, source: str, name: str, night: date, run_id: str) -> None:
    """Close the quarantined rows that are in now: replayed, taken after all, or replaced by a sound version."""
    connection.execute(
        """
        update quarantine.rows
        set status = 'replayed', replayed_as = present.row_key, replayed_hash = present.content_hash,
            last_run_id = ?, last_seen_on = ?, settled_on = ?
        from gate.replays join gate.present using (landed_row)
        where rows.quarantine_id = replays.quarantine_id and rows.status = 'queued'
        """,
        [run_id, night, night],
    )
    connection.execute(
        """
        update quarantine.rows
        set status = if(known.is_same, 'released', 'replaced'), settled_on = $night
        from (
            select quarantine_id, bool_or(admitted.content_hash = held.content_hash) as is_same
            from quarantine.rows as held join admitted using (row_key)
            where held.source = $source and held.object = $name and held.status = 'open' and admitted.landed_row > 0
            group by quarantine_id
        ) as known
        where rows.quarantine_id = known.quarantine_id
            and (known.is_same or rows.last_run_id <> $run)  -- what tonight shows beside the sound one still waits
        """,
        {"night": night, "source": source, "name": name, "run": run_id},
    )

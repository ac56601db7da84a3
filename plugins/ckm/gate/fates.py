"""What becomes of judged rows: the broken ones are set aside as they came, the sound ones join the raw log."""

from datetime import date
from pathlib import Path

import duckdb

from ckm import raw
from ckm.audit import LedgerRow
from ckm.extract import Landed
from ckm.gate.outcome import RuleResult
from ckm.warehouse import literal, quoted


def set_aside(
    connection: duckdb.DuckDBPyConnection,
    landed: Landed,
    parquet: Path,
    results: list[RuleResult],
    night: date,
    run_id: str,
) -> None:
    """Write broken candidates to the quarantine as they were received; known ones are only seen again."""
    source, name = landed.source, landed.object
    cells = ", ".join(f"{quoted(column)} := {quoted(column)}" for column in landed.columns)
    connection.execute(
        "create or replace temp table rules (rule_number integer, rule varchar, severity varchar, description varchar)"
    )
    connection.executemany(
        "insert into rules values (?, ?, ?, ?)",
        [[number, r.rule, r.severity, r.description] for number, r in enumerate(results)],
    )
    connection.execute(
        f"""
        insert into quarantine.rows
        with broken as (
            select landed_row, min(rule_number) as first_rule,
                list(rule order by rule_number) as all_rules
            from gate.broken join rules using (rule_number) group by landed_row
        )
        select md5(concat_ws('|', ?, present.landed_row, {literal(source)}, {literal(name)})),
            {literal(source)}, {literal(name)}, rules.rule,
            nullif(array_to_string(broken.all_rules[2:], ', '), ''),
            rules.severity, rules.description, present.row_key, present.content_hash,
            landed.content, present.source_pointer, ?, ?, ?, ?, 'open'
        from broken
        join rules on rules.rule_number = broken.first_rule
        join gate.present as present using (landed_row)
        join (
            select _row, cast(to_json(struct_pack({cells})) as varchar) as content
            from read_parquet({literal(str(parquet / "*.parquet"))}, union_by_name = true)
        ) as landed on landed._row = present.landed_row
        where not exists (
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
            where fate = 'held' or landed_row in (select landed_row from gate.broken)
        ) as again
        where rows.source = ? and rows.object = ? and rows.status = 'open'
            and rows.row_key = again.row_key and rows.content_hash = again.content_hash
        """,
        [run_id, night, source, name],
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
    connection.execute(
        "create or replace temp table admitted as select * from gate.candidates as candidate "
        "where not exists (select 1 from gate.broken where broken.landed_row = candidate.landed_row)"
    )
    loaded, renewed = raw.append(connection, source, name, night, run_id, is_purged=is_purged)
    connection.execute(
        """
        update quarantine.rows set status = 'released', last_run_id = ?, last_seen_on = ?
        from admitted
        where rows.source = ? and rows.object = ? and rows.status = 'open'
            and rows.row_key = admitted.row_key and rows.content_hash = admitted.content_hash
        """,
        [run_id, night, source, name],
    )
    deleted = raw.append_deletions(connection, source, name, night, run_id) if records_deletions else 0
    fates = dict(connection.execute("select fate, count(*) from gate.present group by fate").fetchall())
    return LedgerRow(
        source,
        name,
        extracted=sum(fates.values()),
        loaded=loaded,
        unchanged=fates.get("unchanged", 0),
        duplicate=fates.get("duplicate", 0),
        quarantined=fates.get("held", 0)
        + fates.get("candidate", 0)
        - connection.execute("select count(*) from admitted").fetchone()[0],
        deleted=deleted,
        renewed=renewed,
        is_whole=is_whole,
    )

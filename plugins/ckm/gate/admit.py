"""The raw gate: landed rows are judged, then taken into the raw log or set aside, and accounted for.

    landing → gate.candidates → GX verdicts → raw log | quarantine → audit.load_ledger

All that one object changes commits in one transaction, so a crash leaves an object done or untouched.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from ckm import audit, raw
from ckm.audit import LedgerRow
from ckm.contracts import object_contract
from ckm.errors import GateFailed
from ckm.extract import Landed, read_landed
from ckm.extract.window import Window
from ckm.gate import candidates
from ckm.gate.check import GateSession, gate_session
from ckm.gate.outcome import SMALLEST_ALARMING_COUNT, Outcome, RuleResult, sentence
from ckm.gate.suites import load_suite, night_parameters, rules_beyond_the_row, with_contract
from ckm.sources import ObjectMapping, Sources, mapped_columns
from ckm.warehouse import literal, quoted

LARGEST_DELETED_SHARE = 0.5  # a snapshot that lacks more of what is known is no snapshot


@dataclass(frozen=True)
class Admitted:
    """What the raw gate did with one source: its ledger rows, each rule's (object, verdict), and the columns that
    the source did not have before as (object, column, whether mapped)."""

    ledger: list[LedgerRow]
    verdicts: list[tuple[str, RuleResult]]
    new_columns: list[tuple[str, str, bool]]


def admit_source(
    connection: duckdb.DuckDBPyConnection,
    sources: Sources,
    source: str,
    *,
    landing: Path,
    suites: Path,
    gx_store: Path,
    night: date,
    run_id: str,
) -> Admitted:
    """Judge and take in what one source landed.

    Objects that this run has already accounted for are left alone, so a retried task may call it again.

    Returns:
        The source's ledger rows and verdicts of this run.

    Raises:
        GateFailed: a critical rule failed, or an object failed that is required or stale for too long;
            raised after every object was judged and recorded.
    """
    done = {row.object: row for row in audit.ledger_of(connection, run_id, source)}
    stops = [row.message for row in done.values() if row.status == "stopped" and row.message]
    with gate_session(connection, gx_store) as session:
        for landed in read_landed(landing / source):
            if landed.object not in done:
                stop = _admit_object(
                    connection, session, sources, landed, landing / source, suites, night, run_id
                )
                stops += [stop] if stop else []
    for table in ("present", "candidates", "broken"):
        connection.execute(f"drop table if exists gate.{table}")
    if stops:
        raise GateFailed(" ".join(stops))
    return Admitted(
        ledger=audit.ledger_of(connection, run_id, source),
        verdicts=audit.verdicts_of(connection, run_id, source),
        new_columns=audit.new_columns(connection, run_id, source),
    )


def _admit_object(
    connection: duckdb.DuckDBPyConnection,
    session: GateSession,
    sources: Sources,
    landed: Landed,
    folder: Path,
    suites: Path,
    night: date,
    run_id: str,
) -> str | None:
    """Judge and take in one object; returns the sentence that stops the load, if one does."""
    source, name = landed.source, landed.object
    contract, mapping = object_contract(source, name), sources.sources[source].objects[name]
    parquet = folder / "objects" / name
    mapped = mapped_columns(contract, mapping, list(landed.columns))
    results: list[RuleResult] = []
    failure, stop = landed.failure, None
    if failure is None:
        candidates.build(
            connection,
            source=source,
            name=name,
            contract=contract,
            mapping=mapping,
            mapped=mapped,
            columns=landed.columns,
            parquet=parquet,
            zone=sources.zone_of(source),
            window=Window.until(night, sources.company.zone, None, 0),
            uses_cursor=raw.has_cursor(source, name, mapping, landed.columns),
            judged_anew=rules_beyond_the_row(suites, f"raw/{source}/{name}"),
        )
        suite = with_contract(
            load_suite(suites, f"raw/{source}/{name}", night_parameters(night, sources.company)), contract
        )
        results = session.run(suite, "gate", "candidates")
        failure = _first(results, "object_failed", f"{source}.{name}")
        # of an object that fails nothing is taken in, so what else its rows break is no danger to the rest
        stop = None if failure else _first(results, "failed", f"{source}.{name}")
        if mapping.snapshot and failure is None:
            missing, known = raw.missing_from_snapshot(connection, source, name)
            if missing >= SMALLEST_ALARMING_COUNT and missing > known * LARGEST_DELETED_SHARE:
                failure = (
                    f"{source}.{name}: the snapshot lacks {missing:,} of {known:,} known rows, as if its table were "
                    "being reloaded; nothing was taken for deleted."
                )
    connection.begin()
    try:
        audit.record_gate_results(connection, run_id, night, "raw", source, name, results)
        if failure or stop:
            extracted = _count(connection, "gate.present") if landed.failure is None else landed.rows
            stop = stop or _too_stale(connection, source, name, mapping, failure or "", night)
            row = LedgerRow(
                source,
                name,
                extracted,
                quarantined=extracted,
                status="stopped" if stop else "failed",
                message=stop or failure,
            )
        else:
            _set_aside(connection, landed, parquet, results, night, run_id)
            row = _take_in(connection, source, name, mapping.snapshot, night, run_id)
            if landed.rows:  # where a row is null the API leaves it out, so no rows show no columns
                audit.record_columns(connection, run_id, night, source, name, landed.columns, mapped.values())
        audit.record_ledger(connection, run_id, night, row)
        audit.record_freshness(connection, run_id, night, row)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return stop


def _too_stale(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    name: str,
    mapping: ObjectMapping,
    failure: str,
    night: date,
) -> str | None:
    """The sentence that stops the load where an object that failed may not be missing, or not for so long."""
    if mapping.required:
        return f"{failure} {source}.{name} is required, so nothing is published."
    limit, last = mapping.max_staleness_days, audit.last_loaded_on(connection, source, name)
    if limit is None or (last is not None and (night - last).days <= limit):
        return None
    since = "has never been loaded" if last is None else f"was last loaded {(night - last).days} days ago"
    return f"{failure} {source}.{name} {since}, more than the {limit} allowed."


def _set_aside(
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


def _take_in(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    name: str,
    is_snapshot: bool,
    night: date,
    run_id: str,
) -> LedgerRow:
    """Append the sound candidates to the raw log and add up what became of every row."""
    connection.execute(
        "create or replace temp table admitted as select * from gate.candidates as candidate "
        "where not exists (select 1 from gate.broken where broken.landed_row = candidate.landed_row)"
    )
    loaded = raw.append(connection, source, name, night, run_id)
    connection.execute(
        """
        update quarantine.rows set status = 'released', last_run_id = ?, last_seen_on = ?
        from admitted
        where rows.source = ? and rows.object = ? and rows.status = 'open'
            and rows.row_key = admitted.row_key and rows.content_hash = admitted.content_hash
        """,
        [run_id, night, source, name],
    )
    deleted = raw.append_deletions(connection, source, name, night, run_id) if is_snapshot else 0
    fates = dict(connection.execute("select fate, count(*) from gate.present group by fate").fetchall())
    return LedgerRow(
        source,
        name,
        extracted=sum(fates.values()),
        loaded=loaded,
        unchanged=fates.get("unchanged", 0),
        duplicate=fates.get("duplicate", 0),
        quarantined=fates.get("held", 0) + fates.get("candidate", 0) - _count(connection, "admitted"),
        deleted=deleted,
    )


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return connection.execute(f"select count(*) from {table}").fetchone()[0]


def _first(results: list[RuleResult], outcome: Outcome, place: str) -> str | None:
    """The sentence of the first rule with an outcome."""
    return next((sentence(r, place) for r in results if r.outcome == outcome), None)

"""The raw gate: landed rows are judged, then taken into the raw log or set aside, and accounted for.

    landing → gate.candidates → GX verdicts → raw log | quarantine → audit.load_ledger

All that one object changes commits in one transaction, so a crash leaves an object done or untouched.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from ckm import audit, raw, retention
from ckm.audit import LedgerRow
from ckm.contracts import object_contract, parents_first
from ckm.errors import GateFailed
from ckm.extract import Landed, read_landed
from ckm.extract.window import Window
from ckm.gate import candidates, fates, profiles, usual
from ckm.gate.check import GateSession, gate_session
from ckm.gate.outcome import SMALLEST_ALARMING_COUNT, Outcome, RuleResult, accepted, among_new, sentence
from ckm.gate.suite_files import parameters_asked, read_rules
from ckm.gate.suites import (
    Rule,
    aggregated_columns,
    contract_rules,
    night_parameters,
    rules_beyond_the_row,
    suite_of,
)
from ckm.sources import FilesSource, ObjectMapping, Sources, mapped_columns

LARGEST_DELETED_SHARE = 0.5  # what lacks more of what is known is not the whole


@dataclass(frozen=True)
class Admitted:
    """What the raw gate did with one source: its ledger rows, each rule's (object, verdict), and the columns that
    the source did not have before as (object, column, whether mapped)."""

    ledger: list[LedgerRow]
    verdicts: list[tuple[str, RuleResult]]
    new_columns: list[tuple[str, str, bool]]


@dataclass(frozen=True)
class _Load:
    """What the judging of every object of one run has in common."""

    connection: duckdb.DuckDBPyConnection
    session: GateSession
    sources: Sources
    suites: Path
    night: date
    run_id: str
    accept: Collection[str]


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
    accept: Collection[str] = (),
) -> Admitted:
    """Judge and take in what one source landed, what others refer to first.

    Objects that this run has already accounted for are left alone, so a retried task may call it again.

    Args:
        accept: rules, as `source.object.rule`, that may fail tonight.

    Returns:
        The source's ledger rows and verdicts of this run.

    Raises:
        GateFailed: a critical rule failed, or an object failed that is required or stale for too long;
            raised after every object was judged and recorded.
    """
    done = {row.object: row for row in audit.ledger_of(connection, run_id, source)}
    stops = [row.message for row in done.values() if row.status == "stopped" and row.message]
    order = parents_first(source)
    with gate_session(connection, gx_store) as session:
        load = _Load(connection, session, sources, suites, night, run_id, accept)
        for landed in sorted(read_landed(landing / source), key=lambda landed: order.index(landed.object)):
            if landed.object not in done:
                stop = _admit_object(load, landed, landing / source)
                stops += [stop] if stop else []
    connection.execute("drop view if exists gate.landed")
    for table in ("waiting", "present", "known", "candidates", "broken", "replays", "stand_ins"):
        connection.execute(f"drop table if exists gate.{table}")
    if stops:
        raise GateFailed(" ".join(stops))
    return Admitted(
        ledger=audit.ledger_of(connection, run_id, source),
        verdicts=audit.verdicts_of(connection, run_id, source),
        new_columns=audit.new_columns(connection, run_id, source),
    )


def _admit_object(load: _Load, landed: Landed, folder: Path) -> str | None:
    """Judge and take in one object; returns the sentence that stops the load, if one does."""
    connection, night, run_id = load.connection, load.night, load.run_id
    source, name = landed.source, landed.object
    contract, mapping = object_contract(source, name), load.sources.sources[source].objects[name]
    parquet = folder / "objects" / name
    mapped = mapped_columns(contract, mapping, list(landed.columns))
    rules = read_rules(load.suites, f"raw/{source}/{name}")
    results: list[RuleResult] = []
    tonight: profiles.Profile | None = None
    failure, stop = landed.failure, None
    in_files = isinstance(load.sources.sources[source], FilesSource) and not mapping.snapshot
    records_deletions = landed.is_whole and not mapping.purged and not (in_files and mapping.query)
    if failure is None:
        forgotten = retention.forgotten_until(connection, f"raw_{source}.{name}")
        columns = candidates.lay_out(connection, source, name, landed.columns, parquet)
        candidates.build(
            connection,
            source=source,
            name=name,
            contract=contract,
            mapping=mapping,
            mapped=mapped,
            columns=columns,
            zone=load.sources.zone_of(source),
            window=Window.until(night, load.sources.company.zone, None, 0),
            forgotten_before=forgotten and Window.until(forgotten, load.sources.company.zone, None, 0).end,
            uses_cursor=raw.has_cursor(source, name, mapping, landed.columns),
            judged_anew=rules_beyond_the_row([*contract_rules(contract), *rules]),
        )
        tonight = _profile(load, source, name, rules)
        results = _judge(load, source, name, rules, tonight)
        # an unreadable line or a row without its key may be any known row, so none is missing for sure
        records_deletions = records_deletions and not fates.nameless_rows(connection)
        failure = _first(results, "object_failed", f"{source}.{name}")
        # of an object that fails nothing is taken in, so what else its rows break is no danger to the rest
        stop = None if failure else _first(results, "failed", f"{source}.{name}")
        if records_deletions and failure is None:
            missing, known = raw.find_missing(connection, source, name, night, by_file=in_files)
            if missing >= SMALLEST_ALARMING_COUNT and missing > known * LARGEST_DELETED_SHARE:
                failure = (
                    f"{source}.{name}: the system lacks {missing:,} of {known:,} known rows, as if its table were "
                    "being reloaded; nothing was taken for deleted. If it removes old rows, say purged: true."
                )
    connection.begin()
    try:
        audit.record_gate_results(connection, run_id, night, "raw", source, name, results)
        if tonight is not None:
            profiles.record(connection, run_id, night, "raw", source, name, tonight)
        if failure or stop:
            extracted = landed.rows or len(landed.refused)
            if landed.failure is None:
                extracted = _count(connection, "gate.present where landed_row > 0")
            stop = stop or _too_stale(connection, source, name, mapping, failure or "", night)
            row = LedgerRow(
                source,
                name,
                extracted,
                quarantined=extracted,
                is_whole=landed.is_whole,
                status="stopped" if stop else "failed",
                message=stop or failure,
            )
        else:
            fates.set_aside(connection, source, name, columns, results, night, run_id)
            row = fates.take_in(
                connection,
                source,
                name,
                night,
                run_id,
                is_whole=landed.is_whole,
                is_purged=mapping.purged,
                records_deletions=records_deletions,
            )
            if landed.rows:  # where a row is null the API leaves it out, so no rows show no columns
                audit.record_columns(connection, run_id, night, source, name, landed.columns, mapped.values())
        audit.record_ledger(connection, run_id, night, row)
        audit.record_freshness(connection, run_id, night, row)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return stop


def _profile(load: _Load, source: str, name: str, rules: list[Rule]) -> profiles.Profile:
    """Tonight's candidates in figures, without those of other nights, and how many days they stand for."""
    last = audit.last_loaded_on(load.connection, source, name, before=load.night)
    return profiles.profile(
        load.connection,
        f"(select * from gate.candidates where landed_row > 0 and not ({fates.waits(source, name)}))",
        usual.figures_asked(parameters_asked(rules)),
        aggregated_columns(rules),
        days=None if last is None else (load.night - last).days,
    )


def _judge(
    load: _Load, source: str, name: str, rules: list[Rule], tonight: profiles.Profile
) -> list[RuleResult]:
    """The verdict of every rule over tonight's candidates, in the order in which they are counted."""
    asked, place = parameters_asked(rules), f"raw/{source}/{name}"
    waiting = _count(load.connection, f"gate.candidates where {fates.waits(source, name)}")
    flow = usual.usual_flow(
        asked,
        profiles.nights_before(load.connection, "raw", source, name, load.night),
        tonight,
        profiles.taken_in(load.connection, source, name, load.night),
        replayed=_count(load.connection, "gate.replays"),
        waiting=waiting,
    )
    missing = dict(flow.missing)
    if tonight.days is None:  # of history, the newest row may be of any day
        missing |= {name: usual.FIRST_LOAD for name in asked if name.startswith("night_start")}
    suite = suite_of(
        load.suites,
        place,
        [
            *contract_rules(object_contract(source, name), source, load.sources.sources[source].objects),
            *rules,
        ],
        night_parameters(asked, load.night, load.sources.company) | flow.parameters,
        missing,
        tonight.filled,
        _count(load.connection, "gate.candidates"),
    )
    judged = load.session.run(suite.expectations, "gate", "candidates")
    broken = fates.broken_again(load.connection, source, name)
    judged = [
        among_new(result, getattr(rule, "mostly", None) or 1.0, waiting, broken.get(number, 0))
        for number, (rule, result) in enumerate(zip(suite.expectations.expectations, judged, strict=True))
    ]
    results = [*judged, *suite.settled]
    return [accepted(result, f"{source}.{name}", load.accept) for result in results]


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


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return connection.execute(f"select count(*) from {table}").fetchone()[0]


def _first(results: list[RuleResult], outcome: Outcome, place: str) -> str | None:
    """The sentence of the first rule with an outcome."""
    return next((sentence(r, place) for r in results if r.outcome == outcome), None)

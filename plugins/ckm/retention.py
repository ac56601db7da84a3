"""Retention: after a night is published, what is older than `sources.yml` wants to keep goes.

Cutoffs are counted back from the night, so the same night removes the same, whenever it runs, and running it again
removes nothing more. What a later night needs stays whatever its age: rows of the quarantine that wait or whose
decision still bears on what the system sends, the profiles that nights are compared with, and of each key in the raw
log the version that stood on the cutoff date.
"""

import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import duckdb

from ckm.contracts import source_contracts
from ckm.errors import ConfigurationError
from ckm.fields import Retention
from ckm.gate.profiles import NIGHTS_COMPARED
from ckm.home import Home
from ckm.warehouse import connect

AUDIT = (
    "column_lineage", "fact_customers", "gate_profiles", "gate_results", "published_tables", "retention",
    "run_steps", "source_freshness", "test_results",
)  # fmt: skip
STANDS_FOR_GOOD = ("crm.customers",)  # facts of a deleted customer still have his key
# Of what ages in `audit`, the rows that are needed however old they are.
NEEDED = {
    "gate_profiles": f"""
        (boundary, source, object, as_of_date) in (
            select (boundary, source, object, as_of_date) from (
                select distinct boundary, source, object, as_of_date
                from audit.gate_profiles as judged
                where case
                    when boundary = 'raw' then exists (
                        from audit.load_ledger as ledger
                        where ledger.run_id = judged.run_id and ledger.source = judged.source
                            and ledger.object = judged.object and ledger.status = 'loaded'
                    )
                    else run_id in (select run_id from audit.runs where status like 'published%')
                end
            )
            qualify row_number() over (partition by boundary, source, object order by as_of_date desc)
                <= {NIGHTS_COMPARED + 1}
        )
    """,
    "retention": "(what, cutoff) in (select (what, max(cutoff)) from audit.retention group by what)",
}


@dataclass(frozen=True)
class Removed:
    """What retention removed of one kind from before a date: rows, or files of `logs`."""

    what: str
    cutoff: date
    rows: int


def apply(home: Home, keep: Retention, night: date, run_id: str) -> list[Removed]:
    """Remove what a night makes too old, and put on record what that was; returns it."""
    removed = _files(home, keep, night)
    with connect(home.warehouse) as connection:
        connection.begin()
        try:
            removed += _audit(connection, night - timedelta(days=keep.audit_days))
            if keep.quarantine_days is not None:
                removed += _quarantine(connection, night - timedelta(days=keep.quarantine_days))
            if keep.raw_days is not None:
                removed += _raw(connection, night - timedelta(days=keep.raw_days))
            removed = [one for one in removed if one.rows]
            for one in removed:
                connection.execute(
                    "insert into audit.retention (run_id, as_of_date, what, cutoff, rows) values (?, ?, ?, ?, ?)",
                    [run_id, night, one.what, one.cutoff, one.rows],
                )
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
    return removed


def removed_by(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[Removed]:
    """What a run removed."""
    try:
        rows = connection.execute(
            "select what, cutoff, rows from audit.retention where run_id = ? order by all", [run_id]
        ).fetchall()
    except duckdb.CatalogException:  # a home that an earlier release has loaded last
        return []
    return [Removed(*row) for row in rows]


def forgotten_until(connection: duckdb.DuckDBPyConnection, log: str | None = None) -> date | None:
    """The newest date before which superseded versions have left the raw log: of one object's, or of any."""
    return connection.execute(
        "select max(cutoff) from audit.retention where starts_with(what, 'raw_') and what = coalesce(?, what)",
        [log],
    ).fetchone()[0]


def demand_log(connection: duckdb.DuckDBPyConnection, night: date) -> None:
    """Refuse a night of which the raw log does not know any more what was known.

    Raises:
        ConfigurationError: it lies before what retention has removed.
    """
    cutoff = forgotten_until(connection)
    if cutoff is not None and night < cutoff:
        raise ConfigurationError(
            f"{night} cannot be computed any more: what was known before {cutoff} has left the raw log "
            f"(retention.raw_days), so give {cutoff} or a later date."
        )


def _audit(connection: duckdb.DuckDBPyConnection, cutoff: date) -> list[Removed]:
    return [
        Removed(
            f"audit.{table}",
            cutoff,
            _count(
                connection,
                f"delete from audit.{table} where as_of_date < ? and not {NEEDED.get(table, 'false')}",
                cutoff,
            ),
        )
        for table in AUDIT
    ]


def _quarantine(connection: duckdb.DuckDBPyConnection, cutoff: date) -> list[Removed]:
    """A decision that still keeps a row out goes only when a whole read has not found the row: else it came back."""
    rows = _count(
        connection,
        """
        delete from quarantine.rows as held
        where status in ('replayed', 'released', 'replaced', 'discarded')
            and greatest(settled_on, last_seen_on) < ?
            and (
                status in ('released', 'replaced') or (status = 'replayed' and mended is null)
                or exists (
                    from audit.load_ledger as ledger
                    where ledger.source = held.source and ledger.object = held.object
                        and ledger.status = 'loaded' and ledger.is_whole
                        and ledger.as_of_date > greatest(held.settled_on, held.last_seen_on)
                )
            )
        """,
        cutoff,
    )
    return [Removed("quarantine.rows", cutoff, rows)]


def _raw(connection: duckdb.DuckDBPyConnection, cutoff: date) -> list[Removed]:
    """Versions that others had superseded by the cutoff date go, and keys that were deleted by then."""
    removed = []
    for source, contract in source_contracts().items():
        for name in contract.objects:
            log = f"raw_{source}.{name}"
            goes_wholly = f"{source}.{name}" not in STANDS_FOR_GOOD
            rows = _count(
                connection,
                f"""
                with keys as (
                    select row_key, max(version_number) filter (known_on <= $cutoff) as standing,
                        max(version_number) as newest, arg_max(is_deleted, version_number) as is_deleted
                    from {log} group by row_key
                    having standing is not null and (count(*) > 1 or is_deleted)
                )
                delete from {log} as log using keys
                where log.row_key = keys.row_key and (
                    log.version_number < standing
                    or {goes_wholly} and keys.is_deleted and newest = standing
                )
                """,
                cutoff,
            )
            removed.append(Removed(log, cutoff, rows))
    return removed


def _files(home: Home, keep: Retention, night: date) -> list[Removed]:
    """Old logs, and what DuckDB put on disk in a process that was killed; other nights' landings go in `prepare`."""
    cutoff = night - timedelta(days=keep.log_days)
    logs = [
        file
        for file in home.logs.rglob("*")
        if file.is_file() and datetime.fromtimestamp(file.stat().st_mtime, UTC).date() < cutoff
    ]
    for file in logs:
        file.unlink(missing_ok=True)
    shutil.rmtree(f"{home.warehouse}.tmp", ignore_errors=True)
    return [Removed("logs", cutoff, len(logs))]


def _count(connection: duckdb.DuckDBPyConnection, delete: str, cutoff: date) -> int:
    given = {"cutoff": cutoff} if "$cutoff" in delete else [cutoff]
    return connection.execute(delete, given).fetchone()[0]

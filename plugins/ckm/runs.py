"""What is on record about runs: how they began and ended, what they were made of, and how long each step took."""

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from ckm import __version__, provenance
from ckm.bulk import insert_rows


@dataclass(frozen=True)
class StepRecord:
    """One step of a run as it went; `source` is empty where a step is not one source's."""

    step: str
    source: str
    status: str
    started_at: datetime
    seconds: float
    result: str | None = None
    message: str | None = None


def start_run(
    connection: duckdb.DuckDBPyConnection,
    night: date,
    configuration_hash: str,
    *,
    driver: str,
    full_refresh: bool,
    project: Path,
) -> str:
    """Open a run for a night and return its id, `<night>.<n>` for the night's n-th run.

    Args:
        driver: who runs the steps, `ckm run` or `airflow`.
    """
    (number,) = connection.execute(
        "select count(*) + 1 from audit.runs where as_of_date = ?", [night]
    ).fetchone()
    run_id = f"{night}.{number}"
    connection.execute(
        "update audit.runs set status = 'interrupted', message = 'superseded by a later run' "
        "where status = 'running'"
    )
    commit, is_dirty = provenance.git_state(project)
    connection.execute(
        """insert into audit.runs
        (run_id, as_of_date, status, started_at, ckm_version, configuration_hash, driver, full_refresh,
         git_commit, is_dirty, versions, rules_hash)
        values (?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            run_id, night, now(), __version__, configuration_hash, driver, full_refresh, commit, is_dirty,
            json.dumps(provenance.versions()), provenance.rules_hash(project),
        ],
    )  # fmt: skip
    return run_id


def finish_run(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    status: str,
    message: str | None,
    version: str | None,
    *,
    ended: datetime | None = None,
    table: str = "audit.runs",
) -> None:
    """Close a run as published, computed, stopped at a gate or failed; in a version's own copy, where told.

    Args:
        ended: when it ended, if not now.
    """
    ended = ended or now()
    connection.execute(
        f"""update {table} set status = ?, finished_at = ?, message = ?, published_version = ?,
        duration_seconds = epoch(?::timestamp - started_at) where run_id = ?""",
        [status, ended, message, version, ended, run_id],
    )


def restate(
    connection: duckdb.DuckDBPyConnection,
    run_ids: Collection[str],
    status: str,
    message: str,
    version: str | None = None,
) -> None:
    """Say of runs that have ended what became of them since, and which version of theirs is meant, where there are
    several."""
    connection.execute(
        """update audit.runs set status = ?, message = ?, published_version = coalesce(?, published_version)
        where list_contains(?, run_id)""",
        [status, message, version, list(run_ids)],
    )


def record_steps(
    connection: duckdb.DuckDBPyConnection, run_id: str, night: date, steps: Iterable[StepRecord]
) -> None:
    """Put steps on record; one that is tried again replaces what it said before."""
    for step in steps:
        connection.execute(
            "delete from audit.run_steps where run_id = ? and step = ? and source = ?",
            [run_id, step.step, step.source],
        )
        connection.execute(
            """insert into audit.run_steps
            (run_id, as_of_date, step, source, status, started_at, seconds, result, message)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                run_id, night, step.step, step.source, step.status, step.started_at, step.seconds, step.result,
                step.message,
            ],
        )  # fmt: skip


def leave(step: StepRecord, folder: Path) -> None:
    """Leave the record of a step that must not open the warehouse in a file, for `left_in`."""
    folder.mkdir(parents=True, exist_ok=True)
    half = folder / f"{step.step}.{step.source}.half"
    half.write_text(json.dumps(asdict(step), default=str))
    half.rename(half.with_suffix(".json"))


def left_in(folder: Path) -> list[StepRecord]:
    """The records that steps left in a folder."""
    found = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    return [StepRecord(**f | {"started_at": datetime.fromisoformat(f["started_at"])}) for f in found]


def record_published_tables(
    connection: duckdb.DuckDBPyConnection, run_id: str, night: date, counts: dict[tuple[str, str], int]
) -> None:
    """Put on record how many rows each table of a version has, by (schema, table)."""
    connection.execute("delete from audit.published_tables where run_id = ?", [run_id])
    insert_rows(
        connection,
        "audit.published_tables",
        ("run_id", "as_of_date", "schema_name", "table_name", "row_count"),
        [[run_id, night, schema, table, count] for (schema, table), count in counts.items()],
    )


def now() -> datetime:
    """The clock, for the record of when a load ran; nothing that is computed depends on it."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)

"""Publish: star, marts and audit go into a new version that readers switch to in one rename.

    warehouse.duckdb → published/versions/<id>.new/{ckm.duckdb, parquet/, site/} → <id>/ → published/current

A reader that has the old version open keeps it whole; a reader that opens `current` gets the new one whole.

    version     a version on disk, and whether it is whole
    copying     the tables of a version
    record      every switch of readers, in order
    switching   the rename itself, and what is kept
    going_back  readers are sent back to a version before, or to a later one again
"""

import contextlib
from dataclasses import dataclass
from datetime import date

import duckdb

from ckm import runs
from ckm.home import Home
from ckm.publish import record
from ckm.publish.copying import PUBLISHED_SCHEMAS, copy_tables, published_tables
from ckm.publish.switching import clear_away, fresh_id, prune, put_in_place, switch, synced
from ckm.publish.version import Version, current
from ckm.warehouse import connect

__all__ = ["PUBLISHED_SCHEMAS", "Published", "publish", "published_tables"]


@dataclass(frozen=True)
class Published:
    """What publishing did: `version` is None where an older night must not take the newer one's place."""

    version: str | None
    status: str
    tables: int
    stale: tuple[str, ...]
    message: str | None = None


def publish(home: Home, night: date, run_id: str, company: str, *, keep: int) -> Published:
    """Make the version of a run and switch `published/current` to it.

    The warehouse is held until the switch is on record, so that nobody who opens it in between can have readers
    see what the record does not know of.

    Args:
        keep: how many versions stay on disk, the new one among them.

    Raises:
        CkmError: a column that names a person would be published.
        LoadRunning: another process has the warehouse open.
    """
    from ckm import site  # brings Great Expectations, which who only asks for the versions need not wait for

    with connect(home.warehouse) as connection:
        record.catch_up(connection, home)
        clear_away(connection, home)
        stale, seen = _stale_objects(connection, run_id), current(home)
        if seen is not None and night < seen.as_of_date:
            message = f"{night} is computed; {seen.as_of_date} stays published, because publication never moves back."
            runs.finish_run(connection, run_id, "computed", message, None)
            return Published(None, "computed", 0, stale, message)
        status = "published with stale objects" if stale else "published"
        made = Version(fresh_id(connection, home, run_id), run_id, night, status, runs.now())
        folder = home.versions / f"{made.version}.new"
        folder.mkdir(parents=True)
        try:
            made = copy_tables(connection, home, folder, made)
            made.write(folder)
            site.write(
                connection, home, folder / "site",
                company=company, night=night, run_id=run_id, status=status, version=made.version,
            )  # fmt: skip
            put_in_place(synced(folder), home.versions / made.version)
            switch(home, made.version)
        except BaseException:  # what nobody will see must not stay on a disk that is full
            with contextlib.suppress(duckdb.Error, OSError):  # what went wrong first is what is to be told
                clear_away(connection, home)
            raise
        record.note_switch(connection, made, "published")
        prune(connection, home, keep)
    return Published(made.version, status, len(made.tables or ()), stale)


def _stale_objects(connection: duckdb.DuckDBPyConnection, run_id: str) -> tuple[str, ...]:
    rows = connection.execute(
        "select source || '.' || object from audit.source_freshness where run_id = ? and status = 'stale' order by 1",
        [run_id],
    ).fetchall()
    return tuple(row[0] for row in rows)

"""What is on record about readers: every switch from version to version, in order, in `audit.publications`.

The record follows what readers see. A process that is killed after it has switched them and before it has said so
leaves that to the next one (`catch_up`).
"""

import contextlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

import duckdb

from ckm import runs
from ckm.errors import CkmError
from ckm.home import Home
from ckm.publish.version import Version, current
from ckm.warehouse import connect

Kind = Literal["published", "rolled back", "brought back"]
ROLLED_BACK = "rolled back"  # the status of a run whose version was taken from readers
UNSAID = "found in place: whoever switched readers to it was stopped before this could be put on record"


class Switch(NamedTuple):
    """Readers were sent to a version, the `number`-th time that they were sent anywhere."""

    number: int
    version: str
    run_id: str
    switched_at: datetime | None = None


def switches(connection: duckdb.DuckDBPyConnection) -> list[Switch]:
    """Every switch on record, in order."""
    rows = connection.execute(
        "select number, version, run_id, switched_at from audit.publications order by number"
    )
    return [Switch(*row) for row in rows.fetchall()]


def first_switches(recorded: Iterable[Switch]) -> dict[str, Switch]:
    """The switch by which each version was first public, in their order."""
    first: dict[str, Switch] = {}
    for switch in recorded:
        first.setdefault(switch.version, switch)
    return first


def standing(recorded: Iterable[Switch]) -> list[str]:
    """The versions that readers were given and that were not taken back, in the order in which they were first public.

    The last one is what readers see. Going back to a version takes back all that were first public after it.
    """
    recorded = list(recorded)
    first, kept = first_switches(recorded), list[str]()
    for switch in recorded:
        place = first[switch.version].number
        kept = [version for version in kept if first[version].number < place] + [switch.version]
    return kept


def note_switch(
    connection: duckdb.DuckDBPyConnection,
    to: Version,
    kind: Kind,
    reason: str | None = None,
    *,
    ended: datetime | None = None,
) -> None:
    """Put on record that readers were sent to a version, and what that means for the runs: all of it or nothing.

    Args:
        ended: when the run that made the version did, if not now.
    """
    before = switches(connection)
    after = [*before, Switch(before[-1].number + 1 if before else 1, to.version, to.run_id)]
    taken_back = set(standing(before)) - set(standing(after))
    why = f": {reason}" if reason else ""
    connection.execute("begin")
    try:
        add(connection, to, kind, reason)
        sent_back = {switch.run_id for switch in before if switch.version in taken_back}
        runs.restate(
            connection, sent_back, ROLLED_BACK, f"readers were sent back to version {to.version}{why}"
        )
        if kind == "published":
            runs.finish_run(connection, to.run_id, to.status, None, to.version, ended=ended)
        else:
            message = f"readers see version {to.version} again{why}"
            runs.restate(connection, {to.run_id}, to.status, message, to.version)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise


def add(
    connection: duckdb.DuckDBPyConnection,
    to: Version,
    kind: Kind,
    reason: str | None = None,
    *,
    table: str = "audit.publications",
) -> None:
    """Add a switch to the record; to a version's own copy, where told."""
    connection.execute(
        f"""insert into {table}
        (number, version, run_id, as_of_date, kind, version_before, switched_at, reason)
        select coalesce(max(number), 0) + 1, ?, ?, ?, ?, arg_max(version, number), ?, ? from {table}""",
        [to.version, to.run_id, to.as_of_date, kind, runs.now(), reason],
    )


def catch_up(connection: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Put on record what readers see, where the process that sent them there could not."""
    seen, recorded = current(home), switches(connection)
    if seen is None or (recorded and recorded[-1].version == seen.version):
        return
    note_switch(connection, seen, kind_of(recorded, seen.version), UNSAID, ended=seen.made_at)


def last_published(folders: Iterable[Path]) -> list[Switch]:
    """The record as the newest of some versions has it, for whoever asks while a load holds the warehouse."""
    found: list[list[Switch]] = [[]]
    for folder in folders:
        with (
            contextlib.suppress(duckdb.Error, CkmError),
            connect(folder / "ckm.duckdb", read_only=True) as copy,
        ):
            found.append(switches(copy))
    return max(found, key=len)


def kind_of(recorded: list[Switch], version: str) -> Kind:
    """What sending readers to a version is, after all that is on record."""
    first = first_switches(recorded)
    if version not in first:
        return "published"
    return "rolled back" if first[version].number < first[recorded[-1].version].number else "brought back"

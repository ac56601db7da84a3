"""Readers are sent back to a version before, or to a later one again; and which versions there are to go to."""

from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from ckm.errors import CkmError, ConfigurationError, did_you_mean
from ckm.home import Home
from ckm.publish import record
from ckm.publish.record import Switch
from ckm.publish.switching import kept, switch
from ckm.publish.version import Version, bytes_of, current, fault_of, read


@dataclass(frozen=True)
class Kept:
    """A version on disk: its night, when it was made (UTC), what became of it, its bytes, whether readers see it.

    `fault` is why readers cannot be sent to it, if they cannot.
    """

    version: str
    run_id: str | None
    as_of_date: date | None
    made_at: datetime | None
    status: str
    tables: int | None
    bytes: int
    is_seen: bool
    fault: str | None


@dataclass(frozen=True)
class Moved:
    """Readers were sent from one version to another, back or on."""

    kind: record.Kind
    before: Version
    now: Version


def kept_versions(home: Home, recorded: list[Switch]) -> list[Kept]:
    """The versions on disk, the one that was public last first.

    Args:
        recorded: the switches on record; what readers see goes before them.
    """
    seen = current(home)
    if seen is not None and (not recorded or recorded[-1].version != seen.version):
        recorded = [*recorded, Switch(len(recorded) + 1, seen.version, seen.run_id, seen.made_at)]
    first, standing = record.first_switches(recorded), record.standing(recorded)
    found = []
    for folder in kept(home):
        said, fault, switched = read(folder), fault_of(folder), first.get(folder.name)
        if said is None or fault:
            status = "not whole"
        elif folder.name in standing:
            status = said.status
        else:
            status = record.ROLLED_BACK if switched else "never public"
        found.append(
            Kept(
                folder.name,
                said.run_id if said else None,
                said.as_of_date if said else None,
                said.made_at if said and said.made_at else switched.switched_at if switched else None,
                status,
                len(said.tables) if said and said.tables is not None else None,
                bytes_of(folder),
                seen is not None and seen.version == folder.name,
                fault,
            )
        )
    return sorted(found, key=lambda v: first[v.version].number if v.version in first else 0, reverse=True)


def go_back(
    connection: duckdb.DuckDBPyConnection, home: Home, to: str | None = None, reason: str | None = None
) -> Moved:
    """Switch readers to the version that was public before the one they see, or to a given one.

    Going back to a version takes back all that were first public after it: their runs are `rolled back`. Going on
    to a later one makes its run `published` again.

    Args:
        to: a version on disk; None takes the one before.
        reason: why, for the record.

    Raises:
        ConfigurationError: there is no such version, or nothing to go back to.
        CkmError: the version is not whole.
    """
    record.catch_up(connection, home)
    seen = current(home)
    if seen is None:
        raise ConfigurationError(f"nothing has been published from {home.folder} yet: run ckm run first.")
    recorded = record.switches(connection)
    public = {switch.version for switch in recorded}
    on_disk = [folder.name for folder in kept(home) if folder.name in public]
    if to is None:
        before = [name for name in record.standing(recorded)[:-1] if name in on_disk]
        if not before:
            raise ConfigurationError(
                f"no version before {seen.version} is kept that readers could be sent back to: see ckm publish."
            )
        to = before[-1]
    elif to == seen.version:
        raise ConfigurationError(f"readers already see version {to}.")
    elif to not in on_disk:
        raise ConfigurationError(f"{to} is no version that is kept{did_you_mean(to, on_disk)}")
    folder = home.versions / to
    target, fault = read(folder), fault_of(folder)
    if fault or target is None:
        raise CkmError(
            f"version {to} is not whole, {fault}: readers still see {seen.version}; give another by --version."
        )
    kind = record.kind_of(recorded, to)
    switch(home, to)
    record.note_switch(connection, target, kind, reason)
    return Moved(kind, seen, target)

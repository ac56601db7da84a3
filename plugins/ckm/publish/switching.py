"""The switch of readers from one version to another, and which versions stay on disk."""

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import duckdb

from ckm.home import Home
from ckm.publish import record

HALF_MADE, HALF_GONE = ".new", ".gone"


def switch(home: Home, to: str) -> None:
    """Send readers to a version that is on disk, in one rename."""
    link = home.current.with_name("current.new")
    link.unlink(missing_ok=True)
    link.symlink_to(Path("versions") / to)
    link.replace(home.current)
    _sync([home.current.parent])


def synced(folder: Path) -> Path:
    """The folder, once all in it is on disk: nobody may be sent to what a power cut would take away."""
    _sync([*folder.rglob("*"), folder])
    return folder


def put_in_place(folder: Path, place: Path) -> None:
    """Give a version that has been made its own name."""
    folder.rename(place)
    _sync([place.parent])


def _sync(paths: Iterable[Path]) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def fresh_id(connection: duckdb.DuckDBPyConnection, home: Home, run_id: str) -> str:
    """The run's id, with a number where the run has been published before: readers may know that version."""
    known = {switch.version for switch in record.switches(connection)} | {f.name for f in kept(home)}
    names = (run_id, *(f"{run_id}-{n}" for n in range(2, len(known) + 3)))
    return next(name for name in names if name not in known)


def kept(home: Home) -> list[Path]:
    """The folders of the versions on disk, but for those that are half-made or half-removed."""
    return [
        folder
        for folder in sorted(home.versions.iterdir())
        if folder.is_dir() and folder.suffix not in (HALF_MADE, HALF_GONE)
    ]


def clear_away(connection: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Remove what a crash left: versions half-made or half-removed, and whole ones that readers never saw."""
    for half in (*home.versions.glob(f"*{HALF_MADE}"), *home.versions.glob(f"*{HALF_GONE}")):
        shutil.rmtree(half, ignore_errors=True)
    public = {switch.version for switch in record.switches(connection)}
    for folder in kept(home):
        if folder.name not in public:
            _remove(home, folder)


def prune(connection: duckdb.DuckDBPyConnection, home: Home, keep: int) -> None:
    """Remove all but so many versions: the newest that readers can be sent back to, then those taken from them.

    The order is that of the record, as a home that was copied has other times on its folders.
    """
    recorded = record.switches(connection)
    standing, first = record.standing(recorded), record.first_switches(recorded)
    taken_back = [version for version in first if version not in standing]
    best_last = [*taken_back, *standing]
    names = {folder.name for folder in kept(home)}
    for name in [name for name in best_last if name in names][:-keep]:
        _remove(home, home.versions / name)


def _remove(home: Home, folder: Path) -> None:
    """Remove a version unless readers see it; it has another name first, so that no half of it is taken for whole."""
    if home.current.exists() and home.current.resolve() == folder.resolve():
        return
    with contextlib.suppress(OSError):  # readers have what they should; the next night tries again
        shutil.rmtree(folder.rename(folder.with_name(folder.name + HALF_GONE)), ignore_errors=True)

"""Where the nights pass: a small company whose systems really run, homes, and what must be true of a home.

folder/company                   its systems; the complaint API is served by a process of its own
folder/<name>                    a home
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from benchmarks.published import whole
from ckm.home import Home
from ckm.simulate import simulate

PROJECT = Path(__file__).resolve().parents[2]
CUSTOMERS, SEED = 80, 1
FIRST, SECOND, UNTIL = date(2025, 12, 30), date(2025, 12, 31), date(2026, 1, 1)
SECRET = "the same in every home, so that keys agree"


@dataclass(frozen=True)
class Ground:
    """A folder with the company's systems, and the environment in which every attempt runs."""

    folder: Path
    environment: dict[str, str]

    @property
    def sources(self) -> Path:
        return self.folder / "company" / "sources.yml"

    def home(self, name: str) -> Path:
        return self.folder / name

    def copy(self, one: str, other: str) -> Path:
        """A home as it stands, under another name."""
        shutil.rmtree(self.home(other), ignore_errors=True)
        shutil.copytree(self.home(one), self.home(other), symlinks=True)
        return self.home(other)


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """Make the company as it stands after the second night, and serve its complaint API."""
    folder = folder.resolve()
    simulate(folder / "company", customers=CUSTOMERS, seed=SEED, until=UNTIL)
    with api(folder / "company") as (address, _):
        yield Ground(
            folder,
            os.environ
            | {
                "CKM_COMPLAINTS_URL": address,
                "CKM_SOURCES": str(folder / "company" / "sources.yml"),
                "CKM_SECRET": SECRET,
                "CKM_PROJECT": str(PROJECT),
            },
        )


@contextmanager
def api(company: Path, port: int = 0) -> Iterator[tuple[str, int]]:
    """The address of the complaint API, and the id of the process that serves it."""
    command = [sys.executable, "-m", "ckm.cli", "serve", str(company), "--port", str(port)]
    options = ["--requests-per-second", "100000", "--token-seconds", "86400"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout
        said = ""
        while not (found := re.search(r"http://[\d.]+:\d+", said)):
            said += serving.stdout.readline()
        try:
            yield found[0], serving.pid
        finally:
            serving.kill()


def seen(home: Path) -> str | None:
    """The version that readers see, if any."""
    current = home / "published" / "current"
    return current.resolve().name if current.is_symlink() else None


def not_whole(home: Path) -> str | None:
    """What is not whole about what readers see."""
    return whole(home / "published" / "current") if seen(home) else None


def left_behind(home: Path) -> list[str]:
    """What a night that ended well must not leave in a home, a sentence each."""
    place = Home(home)
    found = [f"{file.relative_to(home)} is left" for file in sorted(place.versions.glob("*.new"))]
    found += [f"landing/{file.name} is left" for file in sorted((home / "landing").glob("*"))]
    found += [
        f"{name} is left"
        for name in ("secret.new", "published/current.new")
        if (home / name).is_symlink() or (home / name).exists()
    ]
    with duckdb.connect(str(place.warehouse), read_only=True) as connection:
        found += [
            f"{name} is left in the warehouse"
            for (name,) in connection.execute(
                """
                select table_schema || '.' || table_name from information_schema.tables
                where contains(table_name, '__dbt_') or table_schema = 'gate'
                order by 1
                """
            ).fetchall()
        ]
        found += [
            f"run {run_id} is still running on record"
            for (run_id,) in connection.execute(
                "select run_id from audit.runs where status = 'running'"
            ).fetchall()
        ]
        found += [
            f"the ledger of {run_id} does not balance for {name}"
            for run_id, name in connection.execute(
                "select run_id, source || '.' || object from audit.load_ledger "
                "where extracted + replayed <> loaded + unchanged + duplicate + quarantined + suppressed"
            ).fetchall()
        ]
        public = {
            version for (version,) in connection.execute("select version from audit.publications").fetchall()
        }
        status = dict(
            connection.execute(
                "select published_version, status from audit.runs where published_version is not null"
            ).fetchall()
        )
    found += [
        f"version {folder.name} is nobody's on record"
        for folder in sorted(place.versions.iterdir())
        if folder.is_dir() and folder.suffix != ".new" and folder.name not in public
    ]
    current = seen(home)
    if current and not str(status.get(current)).startswith("published"):
        found.append(f"readers see {current}, which on record is {status.get(current)}")
    return found

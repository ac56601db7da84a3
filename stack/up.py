"""make up and make down: Airflow and the site's server on this machine, until Ctrl-C.

    python -m stack.up up [--port 8080] [--night 2025-12-31] [--start]
    python -m stack.up down
    python -m stack.up airflow backfill create …

Everything of Airflow's is in AIRFLOW_HOME. The first night of the schedule is CKM_FIRST_NIGHT, else the day of the
first set-up in the company's zone, so that nothing is caught up unasked.
"""

import argparse
import json
import os
import signal
import sys
import time
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path

from ckm.errors import CkmError
from ckm.sources import load_sources
from stack.local import LONGEST_START, PROJECT, Local, NotReady
from stack.nights import Told, switch_on, trigger
from stack.sessions import started, stop


class Record:
    """Who is up, in a file of Airflow's home, so that `down` and the next `up` find it."""

    def __init__(self, home: Path) -> None:
        self.file = home / "up.json"
        self._known = json.loads(self.file.read_text()) if self.file.exists() else {}

    def living(self, who: str) -> set[int]:
        """The processes of the record that are still the ones it names."""
        return {int(pid) for pid, when in self._known.get(who, {}).items() if started(int(pid)) == when}

    def write(self, local: Local) -> None:
        """Put this process and what it has started on record."""
        pids = {"supervisor": [os.getpid()], "components": [p.pid for p in local.processes.values()]}
        self.file.write_text(
            json.dumps({who: {pid: started(pid) for pid in some} for who, some in pids.items()})
        )

    def clear(self) -> None:
        """End what an `up` that was killed has left behind, and forget it."""
        stop(self.living("components"))
        self.file.unlink(missing_ok=True)


def up(local: Local, night: str | None, is_started: bool) -> None:
    """Start everything, do what was asked, tell what happens, and stop at Ctrl-C.

    Raises:
        NotReady: it could not be set up or started, or a part of it has ended.
        ConfigurationError: sources.yml is wrong.
    """
    record = Record(local.home)
    if record.living("supervisor"):
        raise NotReady("Airflow is already up; make down stops it.")
    record.clear()
    local.set_up()
    zone = load_sources(Path(local.environment["CKM_SOURCES"])).company.zone
    first_night = local.home / "first_night"
    if not first_night.exists():
        first_night.write_text(f"{datetime.now(zone).date()}\n")
    local.environment.setdefault("CKM_FIRST_NIGHT", first_night.read_text().strip())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        local.start()
        record.write(local)
        print("Airflow is starting …", flush=True)
        print(f"Airflow is ready after {local.wait_until_ready():.0f} s.\n", flush=True)
        told = Told(local.rest, zone)
        told.pass_over()
        print(welcome(local, night, is_started), flush=True)
        if night:
            trigger(local.rest, night)
        if night or is_started:
            switch_on(local.rest)
        tell(local, told, record)
    except KeyboardInterrupt:
        print("\nStopping Airflow …", flush=True)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        local.stop()
        record.clear()


def welcome(local: Local, night: str | None, is_started: bool) -> str:
    """Where everything is, how to get in, and what the scheduler does next."""
    every_night = f"every night from {local.environment['CKM_FIRST_NIGHT']} on, each after its midnight"
    if night:
        happens = f"The DAG is switched on. It loads {night} now, and then {every_night}."
    elif is_started:
        happens = f"The DAG is switched on. It loads {every_night}."
    else:
        happens = (
            f"Switch the DAG on in the page: it loads {every_night}.\n"
            "To load another night, press Trigger and give its date, or: make up NIGHT=2025-12-31"
        )
    return (
        f"  Airflow  {local.url}/dags/ckm_nightly   no login: only this machine can reach it\n"
        f"  Site     {local.site_url}/   from the first published night on\n"
        f"  Sources  {local.environment['CKM_SOURCES']}\n"
        f"  Home     {local.environment['CKM_HOME']}\n\n"
        f"{happens}\nCtrl-C stops Airflow.\n"
    )


def tell(local: Local, told: Told, record: Record) -> None:
    """Print what the scheduler does until this process is interrupted; a part that ends is started again.

    Raises:
        NotReady: a part of Airflow ends again and again, or its server has not answered for minutes.
    """
    answered = time.monotonic()
    while True:
        for name in local.revive():
            record.write(local)
            print(f"{name} has ended and is started again: see {local.logs / name}.log", flush=True)
        try:
            for line in told.news():
                print(line, flush=True)
            answered = time.monotonic()
        except OSError as error:  # a busy machine; what was missed is told at the next call
            if time.monotonic() - answered > LONGEST_START:
                raise NotReady(f"Airflow no longer answers ({error}): see {local.logs}.") from error
        time.sleep(2)


def down(local: Local) -> None:
    """Stop what `up` started, also where `up` itself was killed."""
    record = Record(local.home)
    was_up = record.file.exists()
    for pid in record.living("supervisor"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + 40
    while record.living("supervisor") and time.monotonic() < end:
        time.sleep(0.2)
    record.clear()
    print("Airflow is stopped." if was_up else "Airflow was not up.")


def main() -> None:
    """Entry point: expected failures are one sentence and an exit code."""
    parser = argparse.ArgumentParser(description="Airflow on this machine, for one person.")
    parser.add_argument(
        "--port", type=int, default=8080, help="port of Airflow's page; the site has the next"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    starts = commands.add_parser("up", help="start Airflow and the site's server, until Ctrl-C")
    starts.add_argument("--night", type=date.fromisoformat, help="switch the DAG on and load this night")
    starts.add_argument("--start", action="store_true", help="switch the DAG on")
    commands.add_parser("down", help="stop what up started")
    commands.add_parser("set-up", help="make or upgrade Airflow's own database and the pool")
    own = commands.add_parser("airflow", help="run one of Airflow's own commands")
    own.add_argument("words", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    local = Local(Path(os.environ.get("AIRFLOW_HOME") or PROJECT / ".airflow"), given.port)
    try:
        if given.command == "up":
            up(local, given.night and given.night.isoformat(), given.start)
        elif given.command == "down":
            down(local)
        elif given.command == "set-up":
            local.set_up()
        else:
            local.set_up()
            sys.exit(local.airflow(given.words))
    except NotReady as error:
        sys.exit(str(error))
    except CkmError as error:
        print(f"ckm: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
